"""What a tensor's weights are like, counted piece by piece: finite, re-encoded, how many values, how many bits."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ommatidia.weights import LAYOUTS, Numbers, pack, unpack, values

Keys = npt.NDArray[np.uint32]
Counts = npt.NDArray[np.int64]

PENDING = 1 << 24  # distinct values that may wait to be merged


@dataclass(frozen=True)
class Figures:
    """What was counted. Entropies are in bits a weight; None where it was not asked for, or means nothing.

    ``distinct`` counts different finite values of the dequantised weights (float32). ``entropy`` is that of their
    histogram: what a code for each value by itself would need at least, its table not counted. ``code_entropy`` is
    that of the stored codes alone, without the scales.
    """

    weights: int
    not_finite: int
    repacked: bool
    distinct: int | None
    entropy: float | None
    code_entropy: float | None


class Tally:
    """Counts the weights of one tensor of format *kind*; without *histogram* only what ``verify`` needs."""

    def __init__(self, kind: str, *, histogram: bool = True) -> None:
        self._kind = kind
        self._weights = self._not_finite = 0
        self._repacked = True
        self._histogram = Histogram() if histogram else None
        self._codes = np.zeros(256, dtype=np.int64) if LAYOUTS[kind].weights > 1 else None

    def add(self, data: bytes) -> None:
        """Count *data*, whole blocks."""
        blocks = unpack(self._kind, data)
        found = values(self._kind, blocks)
        finite = np.isfinite(found)
        self._weights += found.size
        self._not_finite += found.size - int(np.count_nonzero(finite))
        self._repacked = self._repacked and pack(self._kind, blocks) == data
        if self._histogram is not None:
            self._histogram.add(found if finite.all() else found[finite])
        if self._codes is not None and self._histogram is not None:
            self._codes += np.bincount(np.ascontiguousarray(blocks.codes).view(np.uint8).ravel(), minlength=256)

    def figures(self) -> Figures:
        """What was counted so far."""
        counts = None if self._histogram is None else self._histogram.counts()
        return Figures(
            self._weights,
            self._not_finite,
            self._repacked,
            None if counts is None else len(counts),
            None if counts is None else entropy(counts),
            None if self._codes is None or counts is None else entropy(self._codes),
        )


class Histogram:
    """How often each float32 value came; values are added array by array and merged when many wait."""

    def __init__(self, pending: int = PENDING) -> None:
        self._parts: list[tuple[Keys, Counts]] = []
        self._pending = self._limit = pending

    def add(self, found: npt.NDArray[np.float32]) -> None:
        """Count finite values."""
        # Adding zero turns -0.0 into 0.0: one value. Bits sort faster than numbers, and any order will do.
        keys, counts = np.unique((found + np.float32(0)).view(np.uint32), return_counts=True)
        self._parts.append((keys, counts.astype(np.int64)))
        if sum(len(keys) for keys, _ in self._parts) > self._limit:
            self._merge()
            self._limit = self._pending + 2 * len(self._parts[0][0])

    def counts(self) -> Counts:
        """How often each value came, in no order that means anything."""
        self._merge()
        return self._parts[0][1] if self._parts else np.zeros(0, dtype=np.int64)

    def values(self) -> npt.NDArray[np.float32]:
        """The values, in the same order."""
        self._merge()
        return self._parts[0][0].view(np.float32) if self._parts else np.zeros(0, dtype=np.float32)

    def _merge(self) -> None:
        if len(self._parts) > 1:
            keys = np.concatenate([keys for keys, _ in self._parts])
            order = np.argsort(keys, kind="stable")
            keys, counts = keys[order], np.concatenate([counts for _, counts in self._parts])[order]
            starts = np.flatnonzero(np.diff(keys, prepend=~keys[:1]))
            self._parts = [(keys[starts], np.add.reduceat(counts, starts))]


def entropy(counts: Numbers) -> float:
    """The entropy of a histogram, in bits (Shannon 1948).

    >>> entropy(np.array([2, 1, 1, 0]))
    1.5
    """
    share = counts[counts > 0] / counts.sum() if counts.any() else np.ones(1)
    return float(max(0.0, -(share * np.log2(share)).sum()))


def block_bytes(kind: str) -> int | None:
    """Bytes of one block of format *kind*; None where it is not decoded."""
    layout = LAYOUTS.get(kind)
    return None if layout is None else layout.stored.itemsize


def tally(kind: str, pieces: Iterator[bytes], *, histogram: bool = True) -> Figures:
    """Count all *pieces*, each of whole blocks."""
    counted = Tally(kind, histogram=histogram)
    for piece in pieces:
        counted.add(piece)
    return counted.figures()
