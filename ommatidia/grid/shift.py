"""Family *shift*: cells that move, singly, in lines or as one block."""

import numpy as np

from ommatidia.grid.cells import Grid, occupied_box
from ommatidia.grid.registry import operation

FAMILY = "shift"
_KEEPS = ["keeps colour counts", "keeps shape"]
_ZEROS_ENTER = ["keeps shape", "no new colour but 0", "never more non-zeros"]

# What a step down or right, up or left is along each axis.
_STEPS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
_OPPOSITE = {"up": "down", "down": "up", "left": "right", "right": "left"}
_CORNERS = {"ul": (-1, -1), "ur": (-1, 1), "dl": (1, -1), "dr": (1, 1)}


def rolled(grid: Grid, down: int, right: int) -> Grid:
    """The grid moved cyclically."""
    height, width = grid.shape
    down, right = down % height, right % width
    if down:
        grid = np.concatenate((grid[-down:], grid[:-down]))
    if right:
        grid = np.concatenate((grid[:, -right:], grid[:, :-right]), axis=1)
    return grid


def shifted(grid: Grid, down: int, right: int) -> Grid:
    """The grid moved, zeros entering."""
    height, width = grid.shape
    result = np.zeros_like(grid)
    to = result[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)]
    to[...] = grid[max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)]
    return result


def _roll(way: str, by: int) -> None:
    down, right = (by * step for step in _STEPS[way])

    @operation(
        family=FAMILY,
        laws=[f"inverse: roll_{_OPPOSITE[way]}_{by}", *_KEEPS],
        name=f"roll_{way}_{by}",
        meaning=f"Move the grid {way} by {by}, cyclically.",
    )
    def roll(grid: Grid) -> Grid:
        return rolled(grid, down, right)


def _shift(name: str, down: int, right: int, meaning: str) -> None:
    @operation(family=FAMILY, laws=_ZEROS_ENTER, name=name, meaning=meaning)
    def shift(grid: Grid) -> Grid | None:
        if abs(down) >= grid.shape[0] or abs(right) >= grid.shape[1]:
            return None
        return shifted(grid, down, right)


for _way, (_down, _right) in _STEPS.items():
    for _by in (1, 2, 3):
        _roll(_way, _by)
        _shift(f"shift_{_way}_{_by}", _by * _down, _by * _right, f"Move the grid {_way} by {_by}, zeros entering.")
for _corner, (_down, _right) in _CORNERS.items():
    _shift(f"shift_{_corner}", _down, _right, f"Move the grid one cell diagonally ({_corner}), zeros entering.")


@operation(family=FAMILY, laws=_KEEPS)
def roll_half_rows(grid: Grid) -> Grid:
    """Move the grid down by half its height, cyclically."""
    return rolled(grid, grid.shape[0] // 2, 0)


@operation(family=FAMILY, laws=_KEEPS)
def roll_half_cols(grid: Grid) -> Grid:
    """Move the grid right by half its width, cyclically."""
    return rolled(grid, 0, grid.shape[1] // 2)


def _fallen(grid: Grid) -> Grid:
    """Every cell falls to the right within its row."""
    occupied = grid > 0
    width = grid.shape[1]
    result = np.zeros(grid.shape, dtype=np.uint8)
    # Both masks hold as many cells of each row, and both are read in the same order.
    result[np.arange(width) >= width - occupied.sum(axis=1)[:, None]] = grid[occupied]
    return result


@operation(family=FAMILY, laws=["idempotent", *_KEEPS])
def gravity_down(grid: Grid) -> Grid:
    """Let every cell fall within its column.

    >>> gravity_down(as_grid([[1, 2], [3, 0]])).tolist()
    [[1, 0], [3, 2]]
    """
    return _fallen(grid.T).T


@operation(family=FAMILY, laws=["idempotent", *_KEEPS])
def gravity_up(grid: Grid) -> Grid:
    """Let every cell rise within its column."""
    return _fallen(grid[::-1].T).T[::-1]


@operation(family=FAMILY, laws=["idempotent", *_KEEPS])
def gravity_right(grid: Grid) -> Grid:
    """Let every cell fall to the right."""
    return _fallen(grid)


@operation(family=FAMILY, laws=["idempotent", *_KEEPS])
def gravity_left(grid: Grid) -> Grid:
    """Let every cell fall to the left."""
    return _fallen(grid[:, ::-1])[:, ::-1]


def _dock(name: str, vertical: str, horizontal: str, where: str) -> None:
    @operation(
        family=FAMILY,
        laws=["idempotent", *_KEEPS],
        name=f"dock_{name}",
        meaning=f"Move the occupied box as a whole to the {where}.",
    )
    def dock(grid: Grid) -> Grid | None:
        box = occupied_box(grid)
        if box is None:
            return None
        top, bottom, left, right = box
        row = _place(vertical, top, bottom - top, grid.shape[0])
        column = _place(horizontal, left, right - left, grid.shape[1])
        result = np.zeros_like(grid)
        result[row : row + bottom - top, column : column + right - left] = grid[top:bottom, left:right]
        return result


def _place(where: str, now: int, length: int, room: int) -> int:
    """Where a box of some length begins once it is docked."""
    if where == "start":
        return 0
    if where == "end":
        return room - length
    return (room - length) // 2 if where == "middle" else now


_dock("top", "start", "", "top")
_dock("bottom", "end", "", "bottom")
_dock("left", "", "start", "left")
_dock("right", "", "end", "right")
_dock("ul", "start", "start", "upper left corner")
_dock("ur", "start", "end", "upper right corner")
_dock("dl", "end", "start", "lower left corner")
_dock("dr", "end", "end", "lower right corner")
_dock("centre", "middle", "middle", "centre")
