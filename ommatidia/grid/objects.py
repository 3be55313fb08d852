"""Objects: what touches by a side or a corner belongs together."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ommatidia.grid.cells import Grid, Integers, Mask, kept, key_of


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """The objects of a grid in reading order of their first cells.

    ``labels`` (height, width): 0 where the grid is empty, else the number of the object, from 1. The others have one
    entry an object: its cells, its box (ends exclusive), and its commonest colour.
    """

    labels: Integers
    sizes: Integers
    top: Integers
    bottom: Integers
    left: Integers
    right: Integers
    colours: Integers

    def __len__(self) -> int:
        return len(self.sizes)

    def box(self, which: int) -> tuple[slice, slice]:
        """Where one object (from 0) lies."""
        return slice(self.top[which], self.bottom[which]), slice(self.left[which], self.right[which])

    def mask(self, which: int) -> Mask:
        """The cells of one object (from 0)."""
        mask: Mask = self.labels == which + 1
        return mask

    def cut(self, grid: Grid, which: int) -> Grid:
        """The box of one object (from 0), all other objects left out."""
        box = self.box(which)
        return kept(grid[box], self.labels[box] == which + 1)


def objects(grid: Grid, *, one_colour: bool = False) -> Objects:
    """The 8-connected objects of non-zero cells; with *one_colour*, of cells of like colour."""
    # Some fifty operations look at the objects of the same few grids, and to find them is what costs.
    return _objects(*key_of(grid), one_colour)


@lru_cache(maxsize=128)
def _objects(height: int, width: int, cells: bytes, one_colour: bool) -> Objects:
    """The objects of a grid given by what makes it hashable."""
    grid = np.frombuffer(cells, dtype=np.uint8).reshape(height, width)
    occupied = grid.ravel().nonzero()[0]
    roots = _roots(grid, one_colour=one_colour)[occupied]
    # Roots are least indices, so their rising order is the reading order of first cells.
    number = np.zeros(height * width + 1, dtype=np.int64)
    number[roots] = 1
    number = number.cumsum()[roots] if len(roots) else roots
    labels = np.zeros(height * width, dtype=np.int64)
    labels[occupied] = number
    sizes = np.bincount(number, minlength=1)[1:]
    # Cells by object, each run in reading order: reduceat then needs no more than where each begins.
    order = number.argsort(kind="stable")
    starts = np.concatenate(([0], sizes.cumsum()[:-1])) if len(sizes) else sizes
    rows, columns = np.divmod(occupied[order], width)
    if one_colour:
        colours = grid.ravel()[occupied[order][starts]].astype(np.int64)
    else:
        table = np.bincount(number * 10 + grid.ravel()[occupied], minlength=(len(sizes) + 1) * 10)
        colours = table.reshape(-1, 10)[1:].argmax(axis=1)
    result = Objects(
        labels=labels.reshape(height, width),
        sizes=sizes,
        top=rows[starts],
        bottom=np.maximum.reduceat(rows, starts) + 1 if len(starts) else starts,
        left=np.minimum.reduceat(columns, starts) if len(starts) else starts,
        right=np.maximum.reduceat(columns, starts) + 1 if len(starts) else starts,
        colours=colours,
    )
    for name in Objects.__slots__:
        getattr(result, name).setflags(write=False)
    return result


def forget() -> None:
    """Drop the objects that were kept: for measuring what finding them costs."""
    _objects.cache_clear()


def _roots(grid: Grid, *, one_colour: bool) -> Integers:
    """For each cell in reading order the least index of its object; what it says of empty cells means nothing."""
    height, width = grid.shape
    index = np.arange(height * width).reshape(height, width)
    occupied = grid > 0
    ones, others = [], []
    for first, second in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1], np.s_[1:]),
        (np.s_[:-1, :-1], np.s_[1:, 1:]),
        (np.s_[:-1, 1:], np.s_[1:, :-1]),
    ):
        joined = grid[first] == grid[second] if one_colour else occupied[second]
        joined = joined & occupied[first]
        ones.append(index[first][joined])
        others.append(index[second][joined])
    one, other = np.concatenate(ones), np.concatenate(others)
    parents = index.ravel().copy()
    # Hook the higher root of every edge below the lower, then let every cell point at its root: a handful of rounds
    # joins what is left apart, where a flood would take as many as the longest path has cells.
    while True:
        a, b = parents[one], parents[other]
        apart = a != b
        if not apart.any():
            return parents
        one, other, a, b = one[apart], other[apart], a[apart], b[apart]
        np.minimum.at(parents, np.maximum(a, b), np.minimum(a, b))
        while True:
            further = parents[parents]
            if np.array_equal(further, parents):
                break
            parents = further


def outside(grid: Grid) -> Mask:
    """The empty cells from which the edge is reached through empty cells, side by side."""
    height, width = grid.shape
    # One integer holds the padded grid, a bit a cell: a step of the flood in one direction is one shift.
    row = width + 2
    empty = np.ones((height + 2, row), dtype=np.bool_)
    empty[1:-1, 1:-1] = grid == 0
    cells = int.from_bytes(np.packbits(empty, bitorder="little").tobytes(), "little")
    flood = (1 << row) - 1
    while True:
        # Bits past the last cell are 0 in cells, and a step sideways out of a row lands on the ring, which is empty.
        grown = flood
        grown |= (grown << 1 | grown >> 1) & cells
        grown |= (grown << row | grown >> row) & cells
        if grown == flood:
            break
        flood = grown
    size = (height + 2) * row
    bits = np.frombuffer(flood.to_bytes((size + 7) // 8, "little"), dtype=np.uint8)
    flooded = np.unpackbits(bits, count=size, bitorder="little").reshape(height + 2, row)
    return flooded[1:-1, 1:-1].view(np.bool_)


def enclosed(grid: Grid) -> Mask:
    """The empty cells from which the edge is not reached: holes."""
    holes: Mask = (grid == 0) & ~outside(grid)
    return holes
