"""Family *morph*: cells by what surrounds them.

Outside of the grid there is nothing: it is no zero, save where an operation says so.
"""

from collections.abc import Callable

import numpy as np

from ommatidia.grid.cells import COLOURS, Grid, Mask, inked, kept, padded, painted, ranked
from ommatidia.grid.objects import enclosed, outside
from ommatidia.grid.registry import operation

FAMILY = "morph"
_FILLS = ["keeps shape", "never erases", "only fills zeros"]
_TURNS = "commutes with rot90"


def _fill_holes(colour: int) -> None:
    @operation(
        family=FAMILY,
        laws=["idempotent", *_FILLS, _TURNS],
        name=f"fill_holes_{colour}",
        meaning=f"Make enclosed zeros {colour}.",
    )
    def fill(grid: Grid) -> Grid:
        return painted(grid, enclosed(grid), colour)


for _colour in range(1, 9):
    _fill_holes(_colour)


@operation(family=FAMILY, laws=["idempotent", *_FILLS])
def fill_holes_own(grid: Grid) -> Grid | None:
    """Give enclosed zeros the commonest non-zero colour."""
    order = ranked(grid)
    return painted(grid, enclosed(grid), order[0]) if order else None


@operation(family=FAMILY, laws=["keeps shape", _TURNS, "only 0,1"])
def holes_only(grid: Grid) -> Grid:
    """Put 1 on enclosed zeros and 0 elsewhere.

    >>> holes_only(as_grid([[4, 4, 4], [4, 0, 4], [4, 4, 4]])).tolist()
    [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    """
    return inked(enclosed(grid), 1)


@operation(family=FAMILY, laws=["idempotent", *_FILLS, _TURNS])
def flood_outside_1(grid: Grid) -> Grid:
    """Make the zeros that reach the edge 1."""
    return painted(grid, outside(grid), 1)


# --- Neighbours ------------------------------------------------------------------------------------------------------


def _greatest_beside(cells: Grid) -> Grid:
    """For each cell of a padded array the greatest of its four neighbours."""
    return np.maximum(
        np.maximum(cells[:-2, 1:-1], cells[2:, 1:-1]), np.maximum(cells[1:-1, :-2], cells[1:-1, 2:])
    )  # fmt: skip


def _greatest_around(cells: Grid) -> Grid:
    """For each cell of a padded array the greatest of itself and its eight neighbours."""
    rows = np.maximum(np.maximum(cells[:-2], cells[1:-1]), cells[2:])
    return np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])


Reach = Callable[[Grid], Grid]
_REACHES: dict[int, Reach] = {4: _greatest_beside, 8: _greatest_around}


def _dilate(name: str, reach: Reach, meaning: str) -> None:
    @operation(family=FAMILY, laws=["no new colour", *_FILLS, _TURNS], name=name, meaning=meaning)
    def dilate(grid: Grid) -> Grid:
        return np.where(grid, grid, reach(padded(grid)))


def _erode(name: str, reach: Reach, meaning: str, *, beyond: bool) -> None:
    """Zero, or keep alone, what has a zero within reach; *beyond* counts as zero, and then such cells are kept."""

    @operation(
        family=FAMILY,
        laws=["keeps shape", "no new colour but 0", "never adds", "only erases", _TURNS],
        name=name,
        meaning=meaning,
    )
    def erode(grid: Grid) -> Grid:
        empty = padded((grid == 0).view(np.uint8))
        if beyond:
            empty[0] = empty[-1] = 1
            empty[:, 0] = empty[:, -1] = 1
        return kept(grid, reach(empty) == beyond)


_dilate("dilate_4", _greatest_beside, "Give zeros beside a cell its colour, the highest of several.")
_dilate("dilate_8", _greatest_around, "Give zeros that touch a cell its colour, the highest of several.")
_erode("erode_4", _greatest_beside, "Zero the cells with a zero beside them.", beyond=False)
_erode("erode_8", _greatest_around, "Zero the cells that touch a zero.", beyond=False)
_erode("outline_in", _greatest_beside, "Keep the cells with a zero or the outside beside them.", beyond=True)


def _halo(around: int, colour: int) -> None:
    reach = _REACHES[around]
    how = "beside" if around == 4 else "that touch"

    @operation(
        family=FAMILY,
        laws=[*_FILLS, _TURNS],
        name=f"halo{around}_{colour}",
        meaning=f"Make zeros {how} a cell {colour}.",
    )
    def halo(grid: Grid) -> Grid:
        near = reach(padded(grid))
        return grid + inked((grid == 0) & (near > 0), colour)


for _colour in (1, 2, 3):
    _halo(8, _colour)
for _colour in (1, 2):
    _halo(4, _colour)


def _like_neighbour(grid: Grid) -> Mask:
    """Where one of the eight neighbours has the cell's own colour."""
    like = np.zeros(grid.shape, dtype=np.bool_)
    for one, other in (
        (np.s_[1:], np.s_[:-1]),
        (np.s_[:, 1:], np.s_[:, :-1]),
        (np.s_[1:, 1:], np.s_[:-1, :-1]),
        (np.s_[1:, :-1], np.s_[:-1, 1:]),
    ):
        same = grid[one] == grid[other]
        like[one] |= same
        like[other] |= same
    return like


_LONELY = ["idempotent", "keeps shape", "no new colour but 0", "never adds", "only erases", _TURNS]


@operation(family=FAMILY, laws=_LONELY)
def denoise_lonely(grid: Grid) -> Grid:
    """Zero the cells that no neighbour of like colour touches."""
    return kept(grid, _like_neighbour(grid))


@operation(family=FAMILY, laws=_LONELY)
def only_lonely(grid: Grid) -> Grid:
    """Keep the cells that no other cell touches."""
    cells = padded((grid > 0).view(np.uint8))
    rows = cells[:-2] + cells[1:-1] + cells[2:]
    around = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return kept(grid, around == 1)


@operation(family=FAMILY, laws=["keeps shape", _TURNS])
def majority_3x3(grid: Grid) -> Grid:
    """Give each cell the commonest colour among itself and its eight neighbours, the lowest of those tied."""
    height, width = grid.shape
    # One plane a colour; the sum over 3 x 3 cells is one over rows, then one over columns.
    planes = np.zeros((COLOURS, height + 2, width + 2), dtype=np.uint8)
    planes[:, 1:-1, 1:-1] = grid == np.arange(COLOURS, dtype=np.uint8)[:, None, None]
    rows = planes[:, :-2] + planes[:, 1:-1] + planes[:, 2:]
    around = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
    # The highest count wins, then the lowest colour: one number says both, and a maximum is faster than argmax.
    around *= 16
    around += np.arange(COLOURS, dtype=np.uint8)[::-1, None, None]
    result: Grid = np.uint8(COLOURS - 1) - (around.max(axis=0) & np.uint8(15))
    return result
