"""Words to numbers, all at once: our own arithmetic on code points, the same in every process and on every platform."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]

# Powers of an odd constant modulo 2^64: the places of a polynomial over a word's letters. A longer word is hashed as if
# its letters went round again.
_LONGEST = 256
POWERS = np.array([pow(0x9E3779B97F4A7C15, place, 2**64) for place in range(_LONGEST)], dtype=np.uint64)


def letters(words: Sequence[str]) -> tuple[Hashes, Places, Places, Places]:
    """All code points in one array; the word that each is of; and where each word starts and how long it is."""
    codes = np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    lengths = np.array([len(word) for word in words], dtype=np.intp)
    return codes, np.repeat(np.arange(len(words)), lengths), np.cumsum(lengths) - lengths, lengths


def whole(words: Sequence[str]) -> Hashes:
    """A polynomial over each word's letters, shape (n,); no word may be empty."""
    codes, of, starts, _ = letters(words)
    return np.add.reduceat(codes * POWERS[(np.arange(len(codes)) - starts[of]) % _LONGEST], starts)


def mixed(hashes: Hashes, seed: int, kind: int) -> Hashes:
    """Spread polynomial hashes over all 64 bits (the finalizer of SplitMix64, Steele, Lea, Flood 2014)."""
    spread = hashes + np.uint64((seed * 0x9E3779B97F4A7C15 + (kind + 1) * 0xD1B54A32D192ED03) % 2**64)
    spread = (spread ^ (spread >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    spread = (spread ^ (spread >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return spread ^ (spread >> np.uint64(31))
