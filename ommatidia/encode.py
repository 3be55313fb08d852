"""Text to vector. ``Hash512`` is always there: it needs no model, only words and letters."""

from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from threading import Lock
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ommatidia.words import GENERAL, stem, tokens

Vectors = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]
Weights = npt.NDArray[np.float64]

_GRAMS = (3, 4, 5)
# A word's letters together weigh as much as its stem: inflections and compounds meet, unrelated words hardly do.
_LETTERS = 1.0
# Function words keep a trace, so that a text of nothing else still has a direction.
_GENERAL_WORD = 0.05
_ONE = np.uint64(1)
# Powers of an odd constant modulo 2^64: the places of a polynomial over a word's letters. A longer word is hashed as if
# its letters went round again.
_LONGEST = 256
_POWERS = np.array([pow(0x9E3779B97F4A7C15, place, 2**64) for place in range(_LONGEST)], dtype=np.uint64)


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
    """Word stems and letter n-grams hashed to 512 signed buckets.

    The hashes are our own arithmetic on code points, keyed by the seed, so vectors are the same in every process and on
    every platform. It sees shared words and shared letters, not meaning: two sentences that say the same in other words
    look unrelated.
    """

    tag = "hash512"
    dim = 512

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode *texts* as float32 of shape (n, 512), rows of length 1; a text without words is a row of zeros.

        1. Count each text's words; the square root of a count is the word's weight: said nine times is not nine times
           as much of the topic.
        2. Hash all stems and all letter n-grams of all words at once, each to a bucket and a sign.
        3. A word's stem adds its weight to its bucket, its n-grams together as much again.
        """
        words, rows, weights = _weighed(texts)
        if not words:
            return np.zeros((len(texts), self.dim), dtype=np.float32)
        table = np.zeros(len(texts) * self.dim)
        for hashes, owner, weight in _features(words, self.seed):
            sign = np.where(hashes & _ONE, 1.0, -1.0)
            place = rows[owner] * self.dim + ((hashes >> _ONE) % np.uint64(self.dim)).astype(np.intp)
            table += np.bincount(place, sign * weight * weights[owner], minlength=table.size)
        vectors = table.reshape(len(texts), self.dim)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _weighed(texts: Sequence[str]) -> tuple[list[str], Places, Weights]:
    """The distinct words of each text, text after text; which text each is of; and its weight there."""
    words: list[str] = []
    rows: list[int] = []
    weights: list[float] = []
    for row, text in enumerate(texts):
        counts = Counter(token.lower() for token in tokens(text))
        words += counts
        rows += [row] * len(counts)
        weights += [counted**0.5 * (_GENERAL_WORD if word in GENERAL else 1.0) for word, counted in counts.items()]
    return words, np.array(rows, dtype=np.intp), np.array(weights)


def _features(words: Sequence[str], seed: int) -> Iterator[tuple[Hashes, Places, Weights | float]]:
    """The hashed features of *words*, a kind at a time: the hash, the word it is of, and its weight in that word."""
    stems, of, starts, _ = _letters([stem(word) for word in words])
    powers = _POWERS[(np.arange(len(stems)) - starts[of]) % _LONGEST]
    yield _mixed(np.add.reduceat(stems * powers, starts), seed, 0), np.arange(len(words)), 1.0
    codes, owner, starts, lengths = _letters([f"<{word}>" for word in words])
    left = (starts + lengths)[owner] - np.arange(len(codes))  # letters of the word from here on
    grams = np.maximum(sum(np.maximum(lengths - size + 1, 0) for size in _GRAMS), 1)
    for size in _GRAMS:
        here = np.flatnonzero(left >= size)
        hashes = sum((codes[here + at] * _POWERS[at] for at in range(size)), start=np.zeros(len(here), np.uint64))
        yield _mixed(hashes, seed, size), owner[here], _LETTERS / np.sqrt(grams[owner[here]])


def _letters(words: Sequence[str]) -> tuple[Hashes, Places, Places, Places]:
    """All code points in one array; the word that each is of; and where each word starts and how long it is."""
    codes = np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    lengths = np.array([len(word) for word in words], dtype=np.intp)
    return codes, np.repeat(np.arange(len(words)), lengths), np.cumsum(lengths) - lengths, lengths


def _mixed(hashes: Hashes, seed: int, kind: int) -> Hashes:
    """Spread polynomial hashes over all 64 bits (the finalizer of SplitMix64, Steele, Lea, Flood 2014)."""
    mixed = hashes + np.uint64((seed * 0x9E3779B97F4A7C15 + (kind + 1) * 0xD1B54A32D192ED03) % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


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
