"""Family *draw*: lines, rays and frames."""

from collections.abc import Callable
from functools import reduce

import numpy as np

from ommatidia.grid.cells import Grid, Mask, inked, kept
from ommatidia.grid.registry import operation

FAMILY = "draw"
_FILLS = ["keeps shape", "never erases", "only fills zeros"]
_OWN = ["no new colour", *_FILLS]


def _downward(grid: Grid) -> Grid:
    """Each zero takes the nearest cell above it in its column, if there is one."""
    # A cell's row and colour in one number: the running maximum of a column is then its last cell so far.
    keys = (np.arange(1, grid.shape[0] + 1, dtype=np.int16) << 4)[:, None] * (grid > 0) + grid
    return (np.maximum.accumulate(keys, axis=0) & 15).astype(np.uint8)


def _diagonally(grid: Grid) -> Grid:
    """Each zero takes the nearest cell towards the upper left on its diagonal, if there is one."""
    height, width = grid.shape
    # In rows one cell longer than those written, a diagonal is a column; the zeros between keep diagonals apart.
    written = width + height
    sheared = np.zeros((height + 1) * (written + 1), dtype=np.uint8)
    sheared[: height * written].reshape(height, written)[:, :width] = grid
    filled = _downward(sheared.reshape(height + 1, written + 1))
    return filled.ravel()[: height * written].reshape(height, written)[:, :width]


Shine = Callable[[Grid], Grid]
RAYS: dict[str, Shine] = {
    "down": _downward,
    "up": lambda grid: _downward(grid[::-1])[::-1],
    "right": lambda grid: _downward(grid.T).T,
    "left": lambda grid: _downward(grid[:, ::-1].T).T[:, ::-1],
    "dr": _diagonally,
    "ur": lambda grid: _diagonally(grid[::-1])[::-1],
    "dl": lambda grid: _diagonally(grid[:, ::-1])[:, ::-1],
    "ul": lambda grid: _diagonally(grid[::-1, ::-1])[::-1, ::-1],
}


def _ray(name: str, meaning: str, *ways: str, again: bool = True) -> None:
    """Rays stop at cells; where several reach a zero, the highest colour wins."""
    laws = ["idempotent", *_OWN] if again else _OWN
    shines = [RAYS[way] for way in ways]

    @operation(family=FAMILY, laws=laws, name=name, meaning=meaning)
    def ray(grid: Grid) -> Grid:
        lit = reduce(np.maximum, [shine(grid) for shine in shines])
        return lit if len(shines) == 1 else np.where(grid, grid, lit)


for _way in ("up", "down", "left", "right"):
    _ray(f"ray_{_way}", f"Let each cell shine {_way} through zeros.", _way)
for _way in ("ul", "ur", "dl", "dr"):
    _ray(f"ray_{_way}", f"Let each cell shine diagonally ({_way}) through zeros.", _way)
_ray("ray_rows", "Let each cell shine left and right.", "left", "right")
_ray("ray_cols", "Let each cell shine up and down.", "up", "down")
_ray("ray_cross", "Let each cell shine in four directions.", "up", "down", "left", "right", again=False)
_ray("ray_diag_all", "Let each cell shine along both diagonals.", "ul", "ur", "dl", "dr", again=False)


def _joined_columns(grid: Grid) -> Grid:
    above = _downward(grid)
    return np.where(grid, grid, above * (above == RAYS["up"](grid)))


@operation(family=FAMILY, laws=["idempotent", *_OWN])
def connect_rows(grid: Grid) -> Grid:
    """Join like cells of one row through zeros.

    >>> connect_rows(as_grid([[5, 0, 5, 0, 6]])).tolist()
    [[5, 5, 5, 0, 6]]
    """
    return _joined_columns(grid.T).T


@operation(family=FAMILY, laws=["idempotent", *_OWN])
def connect_cols(grid: Grid) -> Grid:
    """Join like cells of one column through zeros."""
    return _joined_columns(grid)


@operation(family=FAMILY, laws=_OWN)
def connect_both(grid: Grid) -> Grid:
    """Join like cells by rows, then by columns."""
    return _joined_columns(_joined_columns(grid.T).T)


def _between(grid: Grid) -> Mask:
    """The zeros with like cells at both sides, or above and below."""
    found = np.zeros(grid.shape, dtype=np.bool_)
    above, beside = grid[:-2], grid[:, :-2]
    found[1:-1] = (above == grid[2:]) & (above > 0)
    found[:, 1:-1] |= (beside == grid[:, 2:]) & (beside > 0)
    found &= grid == 0
    return found


def _bridge(colour: int) -> None:
    @operation(
        family=FAMILY,
        laws=[*_FILLS, "commutes with transpose"],
        name=f"bridge_{colour}",
        meaning=f"Make zeros between two like neighbours {colour}.",
    )
    def bridge(grid: Grid) -> Grid:
        return grid + inked(_between(grid), colour)


for _colour in (1, 2, 3, 8):
    _bridge(_colour)


def _frame(colour: int) -> None:
    @operation(
        family=FAMILY,
        laws=["idempotent", "keeps shape", "never erases", "commutes with rot90"],
        name=f"frame_{colour}",
        meaning=f"Paint the outer ring {colour}.",
    )
    def frame(grid: Grid) -> Grid:
        result = grid.copy()
        result[0] = result[-1] = colour
        result[:, 0] = result[:, -1] = colour
        return result


for _colour in (1, 2, 3, 5, 8):
    _frame(_colour)


def _rows_filled(grid: Grid) -> Grid:
    """Rows whose non-zero cells have one colour, filled with it."""
    highest = grid.max(axis=1)
    # Zeros wrap round to 255, so that they are never the lowest.
    full = (grid - np.uint8(1)).min(axis=1) + np.uint8(1) == highest
    return np.where(full[:, None], highest[:, None], grid)


@operation(family=FAMILY, laws=["idempotent", *_OWN])
def fill_rows_full(grid: Grid) -> Grid:
    """Fill rows that hold one colour with it."""
    return _rows_filled(grid)


@operation(family=FAMILY, laws=["idempotent", *_OWN])
def fill_cols_full(grid: Grid) -> Grid:
    """Fill columns that hold one colour with it."""
    return _rows_filled(grid.T).T


_ERASES = ["idempotent", "keeps shape", "no new colour but 0", "never adds", "only erases"]


@operation(family=FAMILY, laws=[*_ERASES, "commutes with transpose"])
def checker_keep(grid: Grid) -> Grid:
    """Zero the cells whose row and column numbers add to an odd number."""
    result = grid.copy()
    result[::2, 1::2] = 0
    result[1::2, ::2] = 0
    return result


@operation(family=FAMILY, laws=_ERASES)
def upper_triangle(grid: Grid) -> Grid:
    """Zero the cells below the main diagonal."""
    height, width = grid.shape
    return kept(grid, np.arange(width) >= np.arange(height)[:, None])


@operation(family=FAMILY, laws=_ERASES)
def lower_triangle(grid: Grid) -> Grid:
    """Zero the cells above the main diagonal."""
    height, width = grid.shape
    return kept(grid, np.arange(width) <= np.arange(height)[:, None])
