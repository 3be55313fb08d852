"""Family *order*: lines sorted or dropped, and grids made of what was counted."""

from collections.abc import Callable, Sequence
from math import isqrt

import numpy as np

from ommatidia.grid.cells import COLOURS, LARGEST, Grid, Mask, counts, fits, kept, ranked
from ommatidia.grid.colour import first_seen
from ommatidia.grid.objects import Objects, objects
from ommatidia.grid.registry import operation

FAMILY = "order"
_KEEPS = ["keeps colour counts", "keeps shape"]


def _by_fill(grid: Grid) -> Grid:
    """The rows by rising number of cells, those of one number as they stood."""
    result: Grid = grid[np.count_nonzero(grid, axis=1).argsort(kind="stable")]
    return result


def _row(cells: Sequence[int]) -> Grid | None:
    """One row of colours; None where there is none, or where it would be too long."""
    return np.array([cells], dtype=np.uint8) if fits(1, len(cells)) else None


def _column(cells: Sequence[int]) -> Grid | None:
    row = _row(cells)
    return None if row is None else row.T


# --- Lines -----------------------------------------------------------------------------------------------------------


@operation(family=FAMILY, laws=["idempotent", *_KEEPS])
def sort_rows_fill(grid: Grid) -> Grid:
    """Sort the rows by rising number of cells.

    >>> sort_rows_fill(as_grid([[1, 2], [0, 3]])).tolist()
    [[0, 3], [1, 2]]
    """
    return _by_fill(grid)


@operation(family=FAMILY, laws=["idempotent", *_KEEPS])
def sort_cols_fill(grid: Grid) -> Grid:
    """Sort the columns by rising number of cells."""
    return _by_fill(grid.T).T


@operation(family=FAMILY, laws=["idempotent", *_KEEPS])
def sort_in_rows(grid: Grid) -> Grid:
    """Sort the cells inside each row."""
    return np.sort(grid, axis=1)


@operation(family=FAMILY, laws=["idempotent", *_KEEPS])
def sort_in_cols(grid: Grid) -> Grid:
    """Sort the cells inside each column."""
    return np.sort(grid, axis=0)


def _changes(grid: Grid) -> Mask:
    """The rows that differ from the one before."""
    changed = np.ones(grid.shape[0], dtype=np.bool_)
    changed[1:] = (grid[1:] != grid[:-1]).any(axis=1)
    return changed


@operation(family=FAMILY, laws=["idempotent", "no new colour"])
def dedup_rows(grid: Grid) -> Grid:
    """Drop every row that equals the one before."""
    return grid[_changes(grid)]


@operation(family=FAMILY, laws=["idempotent", "no new colour"])
def dedup_cols(grid: Grid) -> Grid:
    """Drop every column that equals the one before."""
    return grid[:, _changes(grid.T)]


@operation(family=FAMILY, laws=["no new colour", "commutes with flip_lr", "commutes with flip_ud"])
def dedup_both(grid: Grid) -> Grid:
    """Drop repeated rows, then repeated columns."""
    rows = grid[_changes(grid)]
    return rows[:, _changes(rows.T)]


def _first_rows(grid: Grid) -> list[int]:
    """Where each distinct row is first."""
    seen: dict[bytes, int] = {}
    for at, row in enumerate(grid):
        seen.setdefault(row.tobytes(), at)
    return list(seen.values())


@operation(family=FAMILY, laws=["idempotent", "no new colour"])
def unique_rows(grid: Grid) -> Grid:
    """Keep the first of every distinct row."""
    return grid[_first_rows(grid)]


@operation(family=FAMILY, laws=["idempotent", "no new colour"])
def unique_cols(grid: Grid) -> Grid:
    """Keep the first of every distinct column."""
    return grid[:, _first_rows(grid.T)]


_DROPS = ["idempotent", "keeps non-zero count", "no new colour"]


@operation(family=FAMILY, laws=_DROPS)
def drop_empty_rows(grid: Grid) -> Grid | None:
    """Drop the rows of zeros."""
    used = grid.any(axis=1)
    return grid[used] if used.any() else None


@operation(family=FAMILY, laws=_DROPS)
def drop_empty_cols(grid: Grid) -> Grid | None:
    """Drop the columns of zeros."""
    used = grid.any(axis=0)
    return grid[:, used] if used.any() else None


@operation(family=FAMILY, laws=[*_DROPS, "commutes with rot90"])
def drop_empty(grid: Grid) -> Grid | None:
    """Drop the rows and the columns of zeros."""
    used = grid.any(axis=1)
    return grid[used][:, grid.any(axis=0)] if used.any() else None


# --- Counts ----------------------------------------------------------------------------------------------------------


def _bar(length: int) -> Grid | None:
    return np.ones((1, length), dtype=np.uint8) if fits(1, length) else None


@operation(family=FAMILY, laws=["idempotent", "only 0,1"])
def count_bar(grid: Grid) -> Grid | None:
    """Make one row with as many 1s as there are non-zero cells."""
    return _bar(int(np.count_nonzero(grid)))


@operation(family=FAMILY, laws=["only 0,1", "same after rot90"])
def count_objects_bar(grid: Grid) -> Grid | None:
    """Make one row with as many 1s as there are objects."""
    return _bar(len(objects(grid)))


@operation(family=FAMILY, laws=["only 0,1", "same after rot90", "result invariant under transpose"])
def count_objects_diag(grid: Grid) -> Grid | None:
    """Make a square as large as the number of objects, with 1s on its diagonal."""
    number = len(objects(grid))
    return np.eye(number, dtype=np.uint8) if fits(number, number) else None


@operation(family=FAMILY, laws=["idempotent", "keeps non-zero count"])
def histogram_cols(grid: Grid) -> Grid | None:
    """Stand the non-zero colours as columns by falling count, each as long as its count, from the top.

    >>> histogram_cols(as_grid([[4, 7, 7]])).tolist()
    [[7, 4], [7, 0]]
    """
    order = ranked(grid)
    heights = counts(grid)[order]
    if not order or heights[0] > LARGEST:
        return None
    table: Mask = np.arange(heights[0])[:, None] < heights
    return kept(np.array([order], dtype=np.uint8), table)


@operation(family=FAMILY, laws=["no new colour"])
def palette_column(grid: Grid) -> Grid | None:
    """List the non-zero colours in a column by falling count."""
    return _column(ranked(grid))


@operation(family=FAMILY, laws=["idempotent", "no new colour"])
def palette_first_column(grid: Grid) -> Grid | None:
    """List the non-zero colours in a column by where each is seen first."""
    return _column(first_seen(grid))


@operation(family=FAMILY, laws=["idempotent", "no new colour"])
def commonest_cell(grid: Grid) -> Grid | None:
    """Make one cell of the commonest non-zero colour, the lowest of those tied."""
    return _row(ranked(grid)[:1])


@operation(family=FAMILY, laws=["idempotent", "no new colour"])
def rarest_cell(grid: Grid) -> Grid | None:
    """Make one cell of the rarest non-zero colour, the lowest of those tied."""
    found = counts(grid).tolist()
    present = [colour for colour in range(1, COLOURS) if found[colour]]
    return _row([min(present, key=lambda colour: found[colour])]) if present else None


# --- Lists of objects and cells --------------------------------------------------------------------------------------


def _list(name: str, meaning: str, key: Callable[[Objects], Sequence[int]], *, column: bool) -> None:
    """The colours of one-colour objects by rising key, those of one key in reading order."""

    @operation(family=FAMILY, laws=["no new colour"], name=name, meaning=meaning)
    def listed(grid: Grid) -> Grid | None:
        found = objects(grid, one_colour=True)
        # Sorting hundreds of objects for a list that cannot be is not worth it.
        if not fits(1, len(found)):
            return None
        cells = found.colours[np.argsort(key(found), kind="stable")].tolist()
        return _column(cells) if column else _row(cells)


_list(
    "object_colours_by_size",
    "List the colours of objects in a column, the largest first.",
    lambda found: [-size for size in found.sizes.tolist()],
    column=True,
)
_list(
    "objects_left_to_right",
    "List the colours of objects in a row, from left to right.",
    lambda found: found.left.tolist(),
    column=False,
)
_list(
    "objects_top_to_bottom",
    "List the colours of objects in a column, from top to bottom.",
    lambda found: found.top.tolist(),
    column=True,
)


@operation(family=FAMILY, laws=["idempotent", "keeps colour counts"])
def flatten_row(grid: Grid) -> Grid | None:
    """Put all cells into one row in reading order."""
    return grid.reshape(1, -1) if fits(1, grid.size) else None


@operation(family=FAMILY, laws=["idempotent", "keeps non-zero count"])
def flatten_nonzero(grid: Grid) -> Grid | None:
    """Put the non-zero cells into one row in reading order."""
    return _row(grid[grid > 0].tolist()) if np.count_nonzero(grid) <= LARGEST else None


@operation(family=FAMILY, laws=["keeps colour counts"])
def reshape_square(grid: Grid) -> Grid | None:
    """Lay the cells in reading order into a square, where their number is one."""
    side = isqrt(grid.size)
    return grid.reshape(side, side) if side * side == grid.size else None


@operation(family=FAMILY, laws=["own inverse", *_KEEPS, "equals rot180"])
def reverse_reading(grid: Grid) -> Grid:
    """Put the cells into reverse reading order."""
    return grid[::-1, ::-1]
