"""Family *orient*: the same cells, turned, mirrored or sheared."""

import numpy as np

from ommatidia.grid.cells import Grid, key_of
from ommatidia.grid.registry import operation

FAMILY = "orient"
_KEEPS = ["keeps colour counts", "keeps shape"]


@operation(family=FAMILY, laws=["idempotent", "keeps shape", "keeps colour counts"])
def identity(grid: Grid) -> Grid:
    """Leave the grid as it is."""
    return grid


@operation(family=FAMILY, laws=["inverse: rot270", "order 4", "keeps colour counts", "swaps height, width"])
def rot90(grid: Grid) -> Grid:
    """Turn the grid a quarter anticlockwise.

    >>> rot90(as_grid([[1, 2], [3, 4]])).tolist()
    [[2, 4], [1, 3]]
    """
    return grid.T[::-1]


@operation(family=FAMILY, laws=["own inverse", *_KEEPS])
def rot180(grid: Grid) -> Grid:
    """Turn the grid by a half.

    >>> rot180(as_grid([[1, 2], [3, 4]])).tolist()
    [[4, 3], [2, 1]]
    """
    return grid[::-1, ::-1]


@operation(family=FAMILY, laws=["inverse: rot90", "order 4", "keeps colour counts", "swaps height, width"])
def rot270(grid: Grid) -> Grid:
    """Turn the grid a quarter clockwise.

    >>> rot270(as_grid([[1, 2], [3, 4]])).tolist()
    [[3, 1], [4, 2]]
    """
    return grid[::-1].T


@operation(family=FAMILY, laws=["own inverse", *_KEEPS, "commutes with flip_lr"])
def flip_ud(grid: Grid) -> Grid:
    """Mirror the grid top to bottom."""
    return grid[::-1]


@operation(family=FAMILY, laws=["own inverse", *_KEEPS, "commutes with flip_ud"])
def flip_lr(grid: Grid) -> Grid:
    """Mirror the grid left to right."""
    return grid[:, ::-1]


@operation(family=FAMILY, laws=["own inverse", "keeps colour counts", "swaps height, width"])
def transpose(grid: Grid) -> Grid:
    """Mirror the grid on its main diagonal."""
    return grid.T


@operation(family=FAMILY, laws=["own inverse", "keeps colour counts", "swaps height, width", "commutes with transpose"])
def antitranspose(grid: Grid) -> Grid:
    """Mirror the grid on its other diagonal."""
    return grid[::-1, ::-1].T


@operation(family=FAMILY, laws=["idempotent", "keeps colour counts"])
def landscape(grid: Grid) -> Grid:
    """Turn the grid so that it is at least as wide as it is high."""
    return grid.T[::-1] if grid.shape[0] > grid.shape[1] else grid


@operation(family=FAMILY, laws=["idempotent", "keeps colour counts"])
def portrait(grid: Grid) -> Grid:
    """Turn the grid so that it is at least as high as it is wide."""
    return grid.T[::-1] if grid.shape[1] > grid.shape[0] else grid


def poses(grid: Grid) -> list[Grid]:
    """The eight ways to lay a grid: four turns, each mirrored or not."""
    turned = grid.T
    return [
        pose
        for one in (grid, turned)
        for pose in (one, one[::-1], one[:, ::-1], one[::-1, ::-1])
    ]  # fmt: skip


@operation(
    family=FAMILY,
    laws=["idempotent", "keeps colour counts", "same after rot90", "same after flip_lr", "same after transpose"],
)
def canonical_pose(grid: Grid) -> Grid:
    """Take the least of the eight poses: by height, then cell by cell."""
    return min(poses(grid), key=key_of)


@operation(family=FAMILY, laws=["idempotent", *_KEEPS])
def heavy_top(grid: Grid) -> Grid:
    """Mirror the grid if need be so that its fuller half is on top."""
    half = grid.shape[0] // 2
    if half and np.count_nonzero(grid[-half:]) > np.count_nonzero(grid[:half]):
        return grid[::-1]
    return grid


@operation(family=FAMILY, laws=["idempotent", *_KEEPS])
def heavy_left(grid: Grid) -> Grid:
    """Mirror the grid if need be so that its fuller half is at the left."""
    half = grid.shape[1] // 2
    if half and np.count_nonzero(grid[:, -half:]) > np.count_nonzero(grid[:, :half]):
        return grid[:, ::-1]
    return grid


def _shear(step: int) -> None:
    """Roll row i by ``step`` * i cells to the right, cyclically."""
    name, inverse = (f"{a}shear_rows_{abs(step)}" for a in (("", "un") if step > 0 else ("un", "")))

    @operation(
        family=FAMILY, laws=[f"inverse: {inverse}", *_KEEPS], name=name, meaning=f"Roll row i by {step} * i cells."
    )
    def sheared(grid: Grid) -> Grid:
        height, width = grid.shape
        rows = np.arange(height)[:, None]
        result: Grid = grid[rows, (np.arange(width) - step * rows) % width]
        return result


for _step in (1, 2, 3):
    _shear(_step)
    _shear(-_step)


@operation(family=FAMILY, laws=["own inverse", *_KEEPS])
def snake_rows(grid: Grid) -> Grid:
    """Reverse every second row.

    >>> snake_rows(as_grid([[1, 2], [3, 4]])).tolist()
    [[1, 2], [4, 3]]
    """
    result = grid.copy()
    result[1::2] = grid[1::2, ::-1]
    return result


@operation(family=FAMILY, laws=["own inverse", *_KEEPS])
def snake_cols(grid: Grid) -> Grid:
    """Reverse every second column."""
    result = grid.copy()
    result[:, 1::2] = grid[::-1, 1::2]
    return result


@operation(family=FAMILY, laws=["inverse: ring_ccw", *_KEEPS])
def ring_cw(grid: Grid) -> Grid | None:
    """Turn the outer ring one cell clockwise.

    >>> ring_cw(as_grid([[1, 2], [3, 4]])).tolist()
    [[3, 1], [4, 2]]
    """
    if min(grid.shape) < 2:
        return None
    result = grid.copy()
    result[0, 1:] = grid[0, :-1]
    result[1:, -1] = grid[:-1, -1]
    result[-1, :-1] = grid[-1, 1:]
    result[:-1, 0] = grid[1:, 0]
    return result


@operation(family=FAMILY, laws=["inverse: ring_cw", *_KEEPS])
def ring_ccw(grid: Grid) -> Grid | None:
    """Turn the outer ring one cell anticlockwise."""
    if min(grid.shape) < 2:
        return None
    result = grid.copy()
    result[0, :-1] = grid[0, 1:]
    result[:-1, -1] = grid[1:, -1]
    result[-1, 1:] = grid[-1, :-1]
    result[1:, 0] = grid[:-1, 0]
    return result
