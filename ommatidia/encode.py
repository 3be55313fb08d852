"""Text to vector. ``Hash512`` is always there: it needs no model, only words and letters."""

from collections import Counter, OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from threading import Lock
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ommatidia.meanings import SIGNS
from ommatidia.word_rows import WIDTH, WordRows, codes_of
from ommatidia.words import GENERAL, tokens

Vectors = npt.NDArray[np.float32]
Weights = npt.NDArray[np.float32]

# Function words keep a trace, so that a text of nothing else still has a direction.
_GENERAL_WORD = 0.05


class Encoder(Protocol):
    """Turns texts into vectors that can be compared; ``tag`` names the space, and two spaces never mix.

    One that makes random choices also has a ``seed``, which is part of the space; one whose cosines were measured on
    this box has a ``scale`` (scale.py).
    """

    @property
    def tag(self) -> str:
        """The encoder's name, stored in every frame."""

    @property
    def dim(self) -> int:
        """The width of its vectors."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode *texts* as float32 of shape (n, dim), rows of length 1; a text without words is a row of zeros."""


class Hash512:
    """What words mean, from a small table, beside their stems and letter n-grams, hashed.

    The first 128 numbers are of the table, the other 384 signed buckets. The hashes are our own arithmetic on code
    points, keyed by the seed, so vectors are the same in every process and on every platform. It sees words one by one:
    two sentences that share neither words nor their fields look unrelated.
    """

    tag = "hash512-2"
    dim = WIDTH

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._rows = WordRows(seed)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode *texts* as float32 of shape (n, 512), rows of length 1; a text without words is a row of zeros.

        1. Count each text's words; the square root of a count is the word's weight: said nine times is not nine times
           as much of the topic.
        2. Sum what its words add (``word_rows``), each as heavy as it is; numbers and codes apart, since they are many
           and each is met once.
        3. Put the table's part and the hashed part each at the same length.
        """
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        counted = [_weighed(text) for text in texts]
        self._rows.learn(dict.fromkeys(word for words, _, _ in counted for word in words))
        for vector, (words, weights, _) in zip(vectors, counted, strict=True):
            vector += self._rows.weighed(words, weights)
        vectors[:, SIGNS:] += codes_of([codes for _, _, codes in counted], self.seed)
        halves = vectors[:, :SIGNS], vectors[:, SIGNS:]
        lengths = [np.sqrt(np.einsum("ij,ij->i", half, half)) for half in halves]
        filled = np.maximum(sum((length > 0).astype(np.float32) for length in lengths), 1)
        for half, length in zip(halves, lengths, strict=True):
            half /= np.where(length > 0, length * np.sqrt(filled), 1)[:, None]
        return vectors


def _weighed(text: str) -> tuple[list[str], Weights, dict[str, float]]:
    """The distinct words of a text and the weight of each, float32; its numbers and codes, each with its weight.

    A hyphenated word counts also by its parts.
    """
    found = tokens(text.lower())
    counts = Counter(found)
    if "-" in text:
        counts.update(part for word in found if "-" in word for part in word.split("-"))
    words: dict[str, float] = {}
    codes: dict[str, float] = {}
    for word, counted in counts.items():
        kind = words if word.isalpha() or not word.isalnum() else codes
        kind[word] = _GENERAL_WORD if word in GENERAL else counted**0.5
    return list(words), np.array(list(words.values()), dtype=np.float32), codes


class Cached:
    """An encoder that remembers the vectors of the last texts: a question is routed, framed and related as one text.

    Safe to use from several threads; a text that two of them bring at once may be encoded twice.
    """

    def __init__(self, encoder: Encoder, size: int = 512) -> None:
        self.tag, self.dim, self.seed = encoder.tag, encoder.dim, getattr(encoder, "seed", 0)
        self.scale = getattr(encoder, "scale", None)
        self._encoder, self._size = encoder, size
        self._known: OrderedDict[bytes, Vectors] = OrderedDict()
        self._lock = Lock()

    def knows(self, text: str) -> bool:
        """Whether the vector of *text* is remembered."""
        with self._lock:
            return _digest(text) in self._known

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode *texts* as the encoder does; those not known yet in one call of it."""
        keys = [_digest(text) for text in texts]
        with self._lock:
            found = {key: self._known[key] for key in keys if key in self._known}
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if fresh:
            found.update(zip(fresh, self._encoder.encode(list(fresh.values())), strict=True))
        with self._lock:
            for key in keys:
                self._known[key] = found[key]
                self._known.move_to_end(key)
            while len(self._known) > self._size:
                self._known.popitem(last=False)
        return np.stack([found[key] for key in keys]) if keys else np.zeros((0, self.dim), dtype=np.float32)


def _digest(text: str) -> bytes:
    """What a text is known by: a long draft need not stay in memory for its vector to be found again."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
