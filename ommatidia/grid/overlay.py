"""Family *overlay*: two or more parts of one grid laid over each other."""

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np

from ommatidia.grid.cells import Grid, inked, kept
from ommatidia.grid.panels import panels, parts
from ommatidia.grid.registry import operation

FAMILY = "overlay"
Join = Callable[[Grid, Grid], Grid]

# How two parts A and B of one size become one, and what that says.
JOINS: dict[str, tuple[Join, str]] = {
    "and": (lambda a, b: a * (b > 0), "A where both are occupied"),
    "or": (lambda a, b: np.where(a, a, b), "A over B"),
    "under": (lambda a, b: np.where(b, b, a), "B over A"),
    "xor": (lambda a, b: (a | b) * ((a > 0) != (b > 0)), "what is occupied in exactly one"),
    "minus": (lambda a, b: a * (b == 0), "A where B is empty"),
    "rminus": (lambda a, b: b * (a == 0), "B where A is empty"),
    "nor": (lambda a, b: inked((a | b) == 0, 1), "1 where both are empty"),
    "same": (lambda a, b: a * (a == b), "A where they are equal"),
    "max": (np.maximum, "the higher colour of each cell"),
    "min": (np.minimum, "the lower colour of each cell"),
}


def _colours(how: str) -> str:
    return "only 0,1" if how == "nor" else "no new colour but 0"


def _split(side: str, axis: int, how: str) -> None:
    """Two halves; an odd middle line is left out."""
    join, said = JOINS[how]
    sides = "top and bottom" if axis == 0 else "left and right"

    @operation(
        family=FAMILY, laws=[_colours(how)], name=f"split_{side}_{how}", meaning=f"Lay halves A, B ({sides}): {said}."
    )
    def split(grid: Grid) -> Grid | None:
        halves = parts(grid, 2, axis)
        return join(*halves) if halves else None


for _how in JOINS:
    _split("tb", 0, _how)
    _split("lr", 1, _how)


MOVES: dict[str, Callable[[Grid], Grid]] = {
    "flip_lr": lambda grid: grid[:, ::-1],
    "flip_ud": lambda grid: grid[::-1],
    "rot180": lambda grid: grid[::-1, ::-1],
    "transpose": lambda grid: grid.T,
}

_SELF_LAWS = {
    "or": ["idempotent", "keeps shape", "no new colour but 0", "never erases", "only fills zeros"],
    "and": ["idempotent", "keeps shape", "no new colour but 0", "never adds", "only erases"],
    "xor": ["keeps shape", "no new colour but 0"],
    "max": ["idempotent", "keeps shape", "no new colour", "never erases"],
}


def _self(how: str, move: str) -> None:
    """The grid laid over a pose of itself; only a square grid lies over its transpose."""
    join, said = JOINS[how]
    moved = MOVES[move]
    unmoved = [f"result invariant under {move}"] if how == "max" else []

    @operation(
        family=FAMILY,
        laws=[*_SELF_LAWS[how], *unmoved],
        name=f"self_{how}_{move}",
        meaning=f"Lay the grid A over its {move} B: {said}.",
    )
    def laid(grid: Grid) -> Grid | None:
        other = moved(grid)
        return join(grid, other) if other.shape == grid.shape else None


for _move in MOVES:
    for _how in _SELF_LAWS:
        _self(_how, _move)


def _folded(how: str, found: Sequence[Grid]) -> Grid:
    """More than two parts: "nor" asks all at once, the others go from first to last."""
    if how == "nor":
        return inked(reduce(np.bitwise_or, found) == 0, 1)
    if how == "xor":
        occupied = np.array([part > 0 for part in found]).sum(axis=0)
        return kept(reduce(np.bitwise_or, found), occupied == 1)
    return reduce(JOINS[how][0], found)


def _panels(how: str) -> None:
    """All panels between separator lines, where they have one size."""

    @operation(
        family=FAMILY,
        laws=[_colours(how)],
        name=f"panels_{how}",
        meaning=f"Lay all panels over each other, first to last: {JOINS[how][1]}.",
    )
    def fold(grid: Grid) -> Grid | None:
        found = panels(grid)
        return _folded(how, found.all) if found is not None and found.alike else None


for _how in ("or", "under", "and", "xor", "nor", "max", "min"):
    _panels(_how)


def _thirds(side: str, axis: int, how: str) -> None:
    sides = "horizontal" if axis == 0 else "vertical"

    @operation(
        family=FAMILY,
        laws=[_colours(how)],
        name=f"thirds_{side}_{how}",
        meaning=f"Lay the three {sides} thirds over each other, first to last: {JOINS[how][1]}.",
    )
    def fold(grid: Grid) -> Grid | None:
        found = parts(grid, 3, axis)
        return _folded(how, found) if found else None


for _how in ("or", "under", "and", "xor"):
    _thirds("lr", 1, _how)
    _thirds("tb", 0, _how)
