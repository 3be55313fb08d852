"""Family *complete*: zeros filled from what repeats or mirrors, and what breaks a symmetry."""

from collections.abc import Callable, Sequence

import numpy as np

from ommatidia.grid.cells import Grid, kept, occupied_box
from ommatidia.grid.orient import poses
from ommatidia.grid.registry import operation

FAMILY = "complete"
_FILLS = ["keeps shape", "never erases", "only fills zeros"]
_OWN = ["no new colour", *_FILLS]


def _agrees(grid: Grid, by: int) -> bool:
    """Whether the grid, moved down so far, agrees with itself wherever both cells are non-zero."""
    below, above = grid[by:], grid[:-by]
    return not ((below != above) & (below > 0) & (above > 0)).any()


def _period(grid: Grid, down: int, across: int) -> Grid | None:
    """The one cell of a wallpaper, shape (down, across), zeros where nothing is known; None where cells disagree."""
    height, width = grid.shape
    rows, columns = -(-height // down), -(-width // across)
    whole = np.zeros((rows * down, columns * across), dtype=np.uint8)
    whole[:height, :width] = grid
    cells = whole.reshape(rows, down, columns, across)
    highest = cells.max(axis=(0, 2))
    # Zeros wrap round to 255, so that they are never the lowest; where all are zero the sum wraps back to 0.
    lowest = (cells - np.uint8(1)).min(axis=(0, 2)) + np.uint8(1)
    return highest if np.array_equal(highest, lowest) else None


def _rows_period(grid: Grid) -> Grid | None:
    """The cell of the smallest vertical period that is less than the height."""
    for by in range(1, grid.shape[0]):
        # The look at one shift is cheap, and mostly enough.
        cell = _period(grid, by, grid.shape[1]) if _agrees(grid, by) else None
        if cell is not None:
            return cell
    return None


def _papered(grid: Grid, cell: Grid | None) -> Grid | None:
    """Zeros filled from a wallpaper."""
    if cell is None:
        return None
    height, width = grid.shape
    paper = np.tile(cell, (-(-height // cell.shape[0]), -(-width // cell.shape[1])))[:height, :width]
    return np.where(grid, grid, paper)


@operation(family=FAMILY, laws=["idempotent", *_FILLS])
def complete_period_rows(grid: Grid) -> Grid | None:
    """Fill zeros by the smallest vertical period, which is less than the height.

    >>> complete_period_rows(as_grid([[1], [2], [1], [0]])).tolist()
    [[1], [2], [1], [2]]
    """
    return _papered(grid, _rows_period(grid))


@operation(family=FAMILY, laws=["idempotent", *_FILLS])
def complete_period_cols(grid: Grid) -> Grid | None:
    """Fill zeros by the smallest horizontal period, which is less than the width."""
    cell = _rows_period(grid.T)
    return None if cell is None else _papered(grid, cell.T)


@operation(family=FAMILY, laws=_FILLS)
def complete_period_2d(grid: Grid) -> Grid | None:
    """Fill zeros by the period of smallest area, which is less than the grid's; of two the one of less height."""
    height, width = grid.shape
    best, area = None, height * width
    for down in range(1, height + 1):
        # Folded by rows first, a grid has the periods of its columns left to find.
        folded = grid if down == height else _period(grid, down, width) if _agrees(grid, down) else None
        if folded is None:
            continue
        for across in range(1, min(width, (area - 1) // down) + 1):
            whole = across == width
            cell = folded if whole else _period(folded, down, across) if _agrees(folded.T, across) else None
            if cell is not None:
                best, area = cell, down * across
                break
    return _papered(grid, best)


Move = Callable[[Grid], Grid]


def _fill(
    name: str, meaning: str, others: Callable[[Grid], Sequence[Grid]], *, square: bool = False, again: bool = True
) -> None:
    """Zeros filled from poses of the grid, the first that has a cell there."""

    @operation(family=FAMILY, laws=["idempotent", *_OWN] if again else _OWN, name=name, meaning=meaning)
    def fill(grid: Grid) -> Grid | None:
        if square and grid.shape[0] != grid.shape[1]:
            return None
        result = grid
        for other in others(grid):
            result = np.where(result, result, other)
        return result


_fill("complete_lr", "Fill zeros from the mirror image.", lambda g: [g[:, ::-1]])
_fill("complete_ud", "Fill zeros from the upside-down image.", lambda g: [g[::-1]])
_fill("complete_diag", "Fill zeros of a square grid from its transpose.", lambda g: [g.T], square=True)
_fill(
    "complete_rot4",
    "Fill zeros of a square grid from its three turned images.",
    lambda g: [g.T[::-1], g[::-1, ::-1], g[::-1].T],
    square=True,
    again=False,
)
_fill("complete_d4", "Fill zeros of a square grid from all its poses.", poses, square=True, again=False)


def _fill_box(name: str, meaning: str, move: Move) -> None:
    """The same inside the box of the non-zero cells."""

    @operation(family=FAMILY, laws=["idempotent", *_OWN], name=name, meaning=meaning)
    def fill(grid: Grid) -> Grid | None:
        box = occupied_box(grid)
        if box is None:
            return None
        top, bottom, left, right = box
        inside = grid[top:bottom, left:right]
        result = grid.copy()
        result[top:bottom, left:right] = np.where(inside, inside, move(inside))
        return result


_fill_box("complete_box_lr", "Fill zeros of the occupied box from its mirror image.", lambda g: g[:, ::-1])
_fill_box("complete_box_ud", "Fill zeros of the occupied box from its upside-down image.", lambda g: g[::-1])
_fill_box("complete_box_rot", "Fill zeros of the occupied box from its half turn.", lambda g: g[::-1, ::-1])


def _asym(name: str, image: str, move: Move) -> None:
    @operation(
        family=FAMILY,
        laws=["idempotent", "keeps shape", "no new colour but 0", "never adds", "only erases"],
        name=f"asym_{name}",
        meaning=f"Keep the cells that differ from the {image}.",
    )
    def asym(grid: Grid) -> Grid:
        return kept(grid, grid != move(grid))


_asym("lr", "mirror image", lambda grid: grid[:, ::-1])
_asym("ud", "upside-down image", lambda grid: grid[::-1])
_asym("rot180", "half turn", lambda grid: grid[::-1, ::-1])
