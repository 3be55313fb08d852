"""Text to vector. ``Hash512`` is always there: it needs no model, only words and letters."""

from collections.abc import Sequence
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ommatidia.words import GENERAL, stem, tokens

Vectors = npt.NDArray[np.float32]

_GRAMS = (3, 4, 5)
# A word's letters together weigh as much as its stem: inflections and compounds meet, unrelated words hardly do.
_LETTERS = 1.0
# Function words keep a trace, so that a text of nothing else still has a direction.
_GENERAL_WORD = 0.05


class Encoder(Protocol):
    """Turns texts into vectors that can be compared; ``tag`` names the space, and two spaces never mix."""

    @property
    def tag(self) -> str:
        """The encoder's name, stored in every frame."""

    @property
    def dim(self) -> int:
        """The width of its vectors."""

    @property
    def seed(self) -> int:
        """What its random choices came from; 0 where it makes none."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode *texts* as float32 of shape (n, dim), rows of length 1; a text without words is a row of zeros."""


class Hash512:
    """Word stems and letter n-grams hashed to 512 signed buckets.

    The hash is BLAKE2b keyed by the seed, so vectors are the same in every process and on every platform. It sees
    shared words and shared letters, not meaning: two sentences that say the same in other words look unrelated.
    """

    tag = "hash512"
    dim = 512

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode *texts* as float32 of shape (n, 512), rows of length 1; a text without words is a row of zeros."""
        rows = np.zeros((len(texts), self.dim))
        for row, text in zip(rows, texts, strict=True):
            row += self._sum(text)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)

    def _sum(self, text: str) -> npt.NDArray[np.float64]:
        counts: dict[str, int] = {}
        for token in tokens(text):
            counts[token.lower()] = counts.get(token.lower(), 0) + 1
        if not counts:
            return np.zeros(self.dim)
        features = [_features(self.seed, self.dim, word) for word in counts]
        # The square root of the count: a word said nine times is not nine times as much of the topic.
        weights = [weight * counted**0.5 for (_, weight), counted in zip(features, counts.values(), strict=True)]
        buckets = np.concatenate([bucket for bucket, _ in features])
        return np.bincount(buckets, np.concatenate(weights), minlength=self.dim).astype(np.float64)


@lru_cache(maxsize=32768)
def _features(seed: int, dim: int, word: str) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """The buckets that *word* falls into, and its signed weight in each."""
    marked = f"<{word}>"
    grams = [marked[at : at + size] for size in _GRAMS for at in range(len(marked) - size + 1)]
    keys = [f"w {stem(word)}", *(f"g {gram}" for gram in grams)]
    hashes = [_hash(seed, key) for key in keys]
    weights = np.full(len(keys), _LETTERS / max(len(grams), 1) ** 0.5)
    weights[0] = 1.0
    weights *= np.where([hashed & 1 for hashed in hashes], 1.0, -1.0)
    if word in GENERAL:
        weights *= _GENERAL_WORD
    return np.array([(hashed >> 1) % dim for hashed in hashes], dtype=np.intp), weights


def _hash(seed: int, key: str) -> int:
    salt = seed.to_bytes(8, "little", signed=True)
    return int.from_bytes(blake2b(key.encode(), digest_size=8, key=salt).digest(), "little")


@cache
def best_encoder() -> Encoder:
    """The best encoder installed here, loaded once; today that is always ``Hash512``."""
    return Hash512()
