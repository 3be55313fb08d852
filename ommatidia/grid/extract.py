"""Family *extract*: a part of the grid by its place."""

from collections.abc import Callable

import numpy as np

from ommatidia.grid.cells import Grid, commonest, occupied_box
from ommatidia.grid.panels import parts
from ommatidia.grid.registry import operation

FAMILY = "extract"
_PART = ["no new colour"]


@operation(
    family=FAMILY,
    laws=["idempotent", *_PART, "commutes with rot90", "commutes with flip_lr", "keeps non-zero count"],
)
def trim_zero(grid: Grid) -> Grid | None:
    """Cut out the box of the non-zero cells.

    >>> trim_zero(as_grid([[0, 0], [0, 3]])).tolist()
    [[3]]
    """
    return _cropped(grid, grid)


@operation(family=FAMILY, laws=[*_PART, "commutes with flip_ud"])
def trim_common(grid: Grid) -> Grid | None:
    """Cut out the box of the cells unlike the commonest colour."""
    return _cropped(grid, (grid != commonest(grid)).view(np.uint8))


def _cropped(grid: Grid, occupied: Grid) -> Grid | None:
    box = occupied_box(occupied)
    if box is None:
        return None
    top, bottom, left, right = box
    return grid[top:bottom, left:right]


@operation(family=FAMILY, laws=[*_PART, "commutes with rot90", "commutes with transpose"])
def peel_1(grid: Grid) -> Grid | None:
    """Drop the outer ring."""
    return grid[1:-1, 1:-1] if min(grid.shape) > 2 else None


@operation(family=FAMILY, laws=[*_PART, "commutes with rot90"])
def peel_2(grid: Grid) -> Grid | None:
    """Drop the two outer rings."""
    return grid[2:-2, 2:-2] if min(grid.shape) > 4 else None


def _part(name: str, meaning: str, count: int, axis: int, which: int) -> None:
    @operation(family=FAMILY, laws=_PART, name=name, meaning=meaning)
    def part(grid: Grid) -> Grid | None:
        found = parts(grid, count, axis)
        return found[which] if found else None


for _name, _axis, _which in (("top", 0, 0), ("bottom", 0, 1), ("left", 1, 0), ("right", 1, 1)):
    _part(f"half_{_name}", f"Take the {_name} half, leaving out an odd middle line.", 2, _axis, _which)
for _number in (1, 2, 3):
    _part(f"third_row_{_number}", f"Take horizontal third number {_number}.", 3, 0, _number - 1)
    _part(f"third_col_{_number}", f"Take vertical third number {_number}.", 3, 1, _number - 1)


def _quadrant(name: str, lower: int, right: int) -> None:
    @operation(
        family=FAMILY,
        laws=_PART,
        name=f"quadrant_{name}",
        meaning=f"Take one quadrant ({name}), leaving out odd middle lines.",
    )
    def quadrant(grid: Grid) -> Grid | None:
        half = parts(grid, 2, 0)
        quarter = parts(half[lower], 2, 1) if half else None
        return quarter[right] if quarter else None


for _at, _name in enumerate(("ul", "ur", "dl", "dr")):
    _quadrant(_name, *divmod(_at, 2))


def _line(name: str, meaning: str, take: Callable[[Grid], Grid]) -> None:
    @operation(family=FAMILY, laws=["idempotent", *_PART], name=name, meaning=meaning)
    def line(grid: Grid) -> Grid:
        return take(grid)


_line("first_row", "Take the first row.", lambda grid: grid[:1])
_line("last_row", "Take the last row.", lambda grid: grid[-1:])
_line("first_col", "Take the first column.", lambda grid: grid[:, :1])
_line("last_col", "Take the last column.", lambda grid: grid[:, -1:])


@operation(family=FAMILY, laws=_PART)
def even_rows(grid: Grid) -> Grid:
    """Take rows 0, 2, 4 and so on."""
    return grid[::2]


@operation(family=FAMILY, laws=_PART)
def odd_rows(grid: Grid) -> Grid | None:
    """Take rows 1, 3, 5 and so on."""
    return grid[1::2] if grid.shape[0] > 1 else None


@operation(family=FAMILY, laws=_PART)
def even_cols(grid: Grid) -> Grid:
    """Take columns 0, 2, 4 and so on."""
    return grid[:, ::2]


@operation(family=FAMILY, laws=_PART)
def odd_cols(grid: Grid) -> Grid | None:
    """Take columns 1, 3, 5 and so on."""
    return grid[:, 1::2] if grid.shape[1] > 1 else None


@operation(family=FAMILY, laws=_PART)
def main_diag(grid: Grid) -> Grid:
    """Take the main diagonal as one row."""
    return grid.diagonal()[None]


@operation(family=FAMILY, laws=["idempotent", *_PART])
def centre_cell(grid: Grid) -> Grid | None:
    """Take the middle cell of a grid of odd height and width."""
    height, width = grid.shape
    if not (height % 2 and width % 2):
        return None
    return grid[height // 2 : height // 2 + 1, width // 2 : width // 2 + 1]


_KEEPS_SOME = ["idempotent", "keeps shape", "no new colour but 0", "never adds", "commutes with rot90"]


@operation(family=FAMILY, laws=[*_KEEPS_SOME, "only erases"])
def border_ring(grid: Grid) -> Grid:
    """Keep the outer ring and zero the rest."""
    result = grid.copy()
    result[1:-1, 1:-1] = 0
    return result


@operation(family=FAMILY, laws=[*_KEEPS_SOME, "only erases"])
def interior(grid: Grid) -> Grid:
    """Zero the outer ring."""
    result = np.zeros_like(grid)
    result[1:-1, 1:-1] = grid[1:-1, 1:-1]
    return result
