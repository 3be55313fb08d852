"""Family *morph*, second part: objects filled, renumbered or mirrored where they stand."""

from collections.abc import Callable

import numpy as np

from ommatidia.grid.cells import COLOURS, Grid, Integers, Mask, inked
from ommatidia.grid.morph import FAMILY
from ommatidia.grid.objects import Objects, objects
from ommatidia.grid.registry import operation

_FILLS = ["keeps shape", "never erases", "only fills zeros"]
_INKS = ["keeps shape", "keeps non-zero count"]


@operation(family=FAMILY, laws=["no new colour", *_FILLS])
def fill_boxes(grid: Grid) -> Grid:
    """Fill each object's box with the object's commonest colour; of two boxes the earlier object's goes first.

    >>> fill_boxes(as_grid([[3, 0], [0, 3]])).tolist()
    [[3, 3], [3, 3]]
    """
    found = objects(grid)
    result = grid.copy()
    for which, colour in enumerate(found.colours.tolist()):
        box = result[found.box(which)]
        box[box == 0] = colour
    return result


def _boxes(found: Objects, shape: tuple[int, ...]) -> Mask:
    """The cells in any object's box."""
    # +1 where a box begins and -1 past its end; running sums along both axes then count the boxes over each cell.
    corners = np.zeros((shape[0] + 1, shape[1] + 1), dtype=np.int64)
    np.add.at(corners, (found.top, found.left), 1)
    np.add.at(corners, (found.bottom, found.right), 1)
    np.add.at(corners, (found.top, found.right), -1)
    np.add.at(corners, (found.bottom, found.left), -1)
    return corners.cumsum(axis=0).cumsum(axis=1)[:-1, :-1] > 0


def _fill_boxes(colour: int) -> None:
    @operation(
        family=FAMILY,
        laws=[*_FILLS, "commutes with rot90"],
        name=f"fill_boxes_{colour}",
        meaning=f"Make zeros inside each object's box {colour}.",
    )
    def fill(grid: Grid) -> Grid:
        inside = _boxes(objects(grid), grid.shape)
        return grid + inked(inside & (grid == 0), colour)


for _colour in (1, 2, 8):
    _fill_boxes(_colour)


def _coloured(name: str, meaning: str, colours: Callable[[Objects], Integers], *, one_colour: bool = False) -> None:
    """Every object in the colour that a rule gives it."""

    @operation(family=FAMILY, laws=_INKS, name=name, meaning=meaning)
    def coloured(grid: Grid) -> Grid | None:
        found = objects(grid, one_colour=one_colour)
        if not len(found):
            return None
        table = np.zeros(len(found) + 1, dtype=np.uint8)
        table[1:] = np.minimum(colours(found), COLOURS - 1)
        return table[found.labels]


def _size_rank(found: Objects) -> Integers:
    """1 for the largest; objects of one size share a rank."""
    sizes, which = np.unique(found.sizes, return_inverse=True)
    return len(sizes) - which


_coloured(
    "objects_by_size_rank",
    "Number one-colour objects from 1 by falling size, 9 at most.",
    _size_rank,
    one_colour=True,
)
_coloured("objects_by_size", "Give objects their cell count as colour, 9 at most.", lambda found: found.sizes)
_coloured(
    "largest_2_rest_1",
    "Make the largest objects 2 and the others 1.",
    lambda found: 1 + (found.sizes == found.sizes.max()),
)
_coloured(
    "largest_1_rest_2",
    "Make the largest objects 1 and the others 2.",
    lambda found: 2 - (found.sizes == found.sizes.max()),
)
_coloured(
    "objects_numbered", "Number objects from 1 in reading order, 9 at most.", lambda found: 1 + np.arange(len(found))
)


def holes(found: Objects) -> Integers:
    """How many holes each object has: 1 less its Euler number.

    By Gray's quads (1971): E = (Q1 - Q3 - 2 QD) / 4 for 8-connected objects, Qn being the 2 x 2 squares that hold n of
    its cells and QD those that hold two on a diagonal. All cells of a square are of one object: they touch.
    """
    labels = np.zeros((found.labels.shape[0] + 2, found.labels.shape[1] + 2), dtype=np.int64)
    labels[1:-1, 1:-1] = found.labels
    a, b, c, d = labels[:-1, :-1], labels[:-1, 1:], labels[1:, :-1], labels[1:, 1:]
    ones = labels > 0
    number = ones[:-1, :-1].astype(np.int64) + ones[:-1, 1:] + ones[1:, :-1] + ones[1:, 1:]
    weights = np.array([0, 1, 0, -1, 0])[number]
    weights[(number == 2) & ((a == d) & (b == c))] = -2
    owner = np.maximum(np.maximum(a, b), np.maximum(c, d))
    quads = np.bincount(owner.ravel(), weights=weights.ravel(), minlength=len(found) + 1)[1:]
    return (1 - quads / 4).astype(np.int64)


@operation(family=FAMILY, laws=[*_INKS, "commutes with rot90"])
def objects_with_hole_2(grid: Grid) -> Grid | None:
    """Make objects with a hole 2 and the others 1."""
    found = objects(grid)
    if not len(found):
        return None
    table = np.zeros(len(found) + 1, dtype=np.uint8)
    table[1:] = 1 + (holes(found) > 0)
    return table[found.labels]


def _mirrored(name: str, meaning: str, down: int, across: int) -> None:
    """Each object's cells mirrored within its box: painted over what was there, in reading order."""

    @operation(family=FAMILY, laws=["keeps shape", "no new colour but 0"], name=name, meaning=meaning)
    def mirrored(grid: Grid) -> Grid:
        found = objects(grid)
        result = np.zeros_like(grid)
        for which in range(len(found)):
            cut = found.cut(grid, which)[::down, ::across]
            box = result[found.box(which)]
            np.copyto(box, cut, where=cut > 0)
        return result


_mirrored("objects_flip_lr", "Mirror each object left to right within its box.", 1, -1)
_mirrored("objects_flip_ud", "Mirror each object top to bottom within its box.", -1, 1)
