"""Text to vector. ``Hash512`` is always there: it needs no model, only words and letters."""

from collections import Counter, OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from threading import Lock
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ommatidia.hashing import POWERS, Hashes, Places, letters, mixed, whole
from ommatidia.meanings import SIGNS, meanings
from ommatidia.words import GENERAL, stem, tokens

Vectors = npt.NDArray[np.float32]
Weights = npt.NDArray[np.float32]

_GRAMS = (3, 4, 5)
# A word's letters together weigh as much as its stem: inflections and compounds meet, unrelated words hardly do.
_LETTERS = 1.0
# Function words keep a trace, so that a text of nothing else still has a direction.
_GENERAL_WORD = 0.05
_ONE, _HALF = np.uint64(1), np.uint64(32)


class Encoder(Protocol):
    """Turns texts into vectors that can be compared; ``tag`` names the space, and two spaces never mix.

    One that makes random choices also has a ``seed``, which is part of the space.
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
    dim = 512

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode *texts* as float32 of shape (n, 512), rows of length 1; a text without words is a row of zeros.

        1. Count each text's words; the square root of a count is the word's weight: said nine times is not nine times
           as much of the topic.
        2. Sum what the table tells of its words.
        3. Hash all stems, and all letter n-grams of the words that tell, at once, each to a bucket and a sign: a word's
           stem adds its weight, its n-grams together as much again.
        4. Put both side by side, each at the same length.
        """
        words, rows, weights = _weighed(texts)
        if not words:
            return np.zeros((len(texts), self.dim), dtype=np.float32)
        stems = whole([stem(word) for word in words])
        telling = np.flatnonzero(weights >= 1)
        meant = np.zeros((len(texts), SIGNS), dtype=np.float32)
        filled, starts = np.unique(rows[telling], return_index=True)
        if len(filled):
            told = meanings(stems[telling])
            told = told * weights[telling, None]
            meant[filled] = np.add.reduceat(told, starts)
        buckets = self.dim - SIGNS
        hashes, owner, weight = _features(words, stems, telling, self.seed)
        value = np.where(hashes & _ONE, weight, -weight) * weights[owner]
        # The upper half of the bits, scaled to the buckets: cheaper than a remainder.
        place = rows[owner] * buckets + (((hashes >> _HALF) * np.uint64(buckets)) >> _HALF).astype(np.intp)
        hashed = np.bincount(place, value, minlength=len(texts) * buckets).astype(np.float32)
        return _unit(np.hstack([_unit(meant), _unit(hashed.reshape(len(texts), buckets))]))


def _unit(rows: Vectors) -> Vectors:
    """Each row at length 1; a row of zeros stays."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Vectors = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit


def _weighed(texts: Sequence[str]) -> tuple[list[str], Places, Weights]:
    """The distinct words of each text, text after text; which text each is of; and its weight there, float32.

    A hyphenated word counts also by its parts.
    """
    words: list[str] = []
    rows: list[int] = []
    weights: list[float] = []
    for row, text in enumerate(texts):
        found = tokens(text.lower())
        counts = Counter(found)
        if "-" in text:
            counts.update(part for word in found if "-" in word for part in word.split("-"))
        words += counts
        rows += [row] * len(counts)
        weights += [_GENERAL_WORD if word in GENERAL else counted**0.5 for word, counted in counts.items()]
    return words, np.array(rows, dtype=np.intp), np.array(weights, dtype=np.float32)


def _features(words: Sequence[str], stems: Hashes, telling: Places, seed: int) -> tuple[Hashes, Places, Weights]:
    """The hashed features of *words*: the hash, the word it is of, and its weight in that word, float32.

    They are all *stems*, by their polynomials, and of the *telling* words every run of three to five letters.
    """
    codes, owner, starts, lengths = letters([f"<{words[at]}>" for at in telling])
    left = (starts + lengths)[owner] - np.arange(len(codes))  # letters of the word from here on
    grams = sum(np.maximum(lengths - size + 1, 0) for size in _GRAMS)
    each = (_LETTERS / np.sqrt(np.maximum(grams, 1))).astype(np.float32)
    hashes, owners, weights = [mixed(stems, seed, 0)], [np.arange(len(words))], [np.ones(len(words), np.float32)]
    for size in _GRAMS:
        here = np.flatnonzero(left >= size)
        runs = sum((codes[here + at] * POWERS[at] for at in range(size)), start=np.zeros(len(here), np.uint64))
        hashes.append(mixed(runs, seed, size))
        owners.append(telling[owner[here]])
        weights.append(each[owner[here]])
    return np.concatenate(hashes), np.concatenate(owners), np.concatenate(weights)


class Cached:
    """An encoder that remembers the vectors of the last texts: a question is routed, framed and related as one text.

    Safe to use from several threads; a text that two of them bring at once may be encoded twice.
    """

    def __init__(self, encoder: Encoder, size: int = 512) -> None:
        self.tag, self.dim, self.seed = encoder.tag, encoder.dim, getattr(encoder, "seed", 0)
        self._encoder, self._size = encoder, size
        self._known: OrderedDict[bytes, Vectors] = OrderedDict()
        self._lock = Lock()

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
