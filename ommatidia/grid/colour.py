"""Family *colour*: every cell keeps its place, and takes a colour by a table.

Where colours are ranked, those of one count stand by their number.
"""

from collections.abc import Callable, Sequence

import numpy as np

from ommatidia.grid.cells import COLOURS, Grid, commonest, counts, inked, kept, ranked, recoloured
from ommatidia.grid.registry import operation

FAMILY = "colour"
_ERASES = ["keeps shape", "never adds", "only erases"]
_INKS = ["keeps shape", "keeps non-zero count"]


def _only(colour: int) -> None:
    @operation(
        family=FAMILY,
        laws=["idempotent", *_ERASES, "no new colour but 0", "commutes with rot90", "commutes with roll_up_1"],
        name=f"only_{colour}",
        meaning=f"Keep colour {colour} and zero the rest.",
    )
    def only(grid: Grid) -> Grid:
        return kept(grid, grid == colour)


def _without(colour: int) -> None:
    @operation(
        family=FAMILY,
        laws=["idempotent", *_ERASES, "no new colour but 0", "commutes with flip_lr"],
        name=f"without_{colour}",
        meaning=f"Zero colour {colour}.",
    )
    def without(grid: Grid) -> Grid:
        return kept(grid, grid != colour)


def _zero_to(colour: int) -> None:
    @operation(
        family=FAMILY,
        laws=["idempotent", "keeps shape", "never erases", "only fills zeros", "commutes with rot90"],
        name=f"zero_to_{colour}",
        meaning=f"Make zeros {colour}.",
    )
    def zero_to(grid: Grid) -> Grid:
        return grid + inked(grid == 0, colour)


def _ink(colour: int) -> None:
    @operation(
        family=FAMILY,
        laws=["idempotent", *_INKS, "commutes with transpose"],
        name=f"ink_{colour}",
        meaning=f"Make every non-zero cell {colour}.",
    )
    def ink(grid: Grid) -> Grid:
        return inked(grid > 0, colour)


for _colour in range(1, COLOURS):
    _only(_colour)
    _without(_colour)
    _zero_to(_colour)
    _ink(_colour)


@operation(family=FAMILY, laws=["idempotent", *_INKS, "commutes with rot90"])
def mask(grid: Grid) -> Grid:
    """Put 1 where a cell is not zero.

    >>> mask(as_grid([[0, 7]])).tolist()
    [[0, 1]]
    """
    return inked(grid > 0, 1)


@operation(family=FAMILY, laws=["keeps shape", "commutes with rot90", "only 0,1"])
def inverse_mask(grid: Grid) -> Grid:
    """Put 1 where a cell is zero, and 0 elsewhere."""
    return inked(grid == 0, 1)


@operation(family=FAMILY, laws=["own inverse", "keeps shape", "no new colour", "commutes with rot90"])
def invert_two(grid: Grid) -> Grid | None:
    """Swap the two colours of a grid that has exactly two."""
    present = counts(grid).nonzero()[0].tolist()
    if len(present) != 2:
        return None
    return (present[0] + present[1] - grid).astype(np.uint8)


@operation(family=FAMILY, laws=["keeps shape", "no new colour"])
def swap_common_two(grid: Grid) -> Grid | None:
    """Swap the two commonest non-zero colours."""
    order = ranked(grid)
    if len(order) < 2:
        return None
    table = list(range(COLOURS))
    table[order[0]], table[order[1]] = order[1], order[0]
    return recoloured(grid, table)


def _by_rank(name: str, meaning: str, laws: Sequence[str], change: Callable[[Grid, list[int]], Grid]) -> None:
    """What depends on the order of the non-zero colours; it does not apply where there are none."""

    @operation(family=FAMILY, laws=laws, name=name, meaning=meaning)
    def changed(grid: Grid) -> Grid | None:
        order = ranked(grid)
        return change(grid, order) if order else None


def _numbered(grid: Grid, order: Sequence[int]) -> Grid:
    """Colours become 1, 2, 3 in some order."""
    table = [0] * COLOURS
    for number, colour in enumerate(order, start=1):
        table[colour] = number
    return recoloured(grid, table)


def _rarest(order: Sequence[int], grid: Grid) -> int:
    """The rarest non-zero colour, the lowest of those tied."""
    found = counts(grid)
    return min(order, key=lambda colour: (found[colour], colour))


_ONE = ["idempotent", *_ERASES, "commutes with rot90"]
_by_rank("only_commonest", "Keep the commonest non-zero colour.", _ONE, lambda g, order: kept(g, g == order[0]))
_by_rank("only_rarest", "Keep the rarest non-zero colour.", _ONE, lambda g, order: kept(g, g == _rarest(order, g)))
_by_rank("drop_rarest", "Zero the rarest non-zero colour.", _ERASES, lambda g, order: kept(g, g != _rarest(order, g)))
_by_rank("drop_commonest", "Zero the commonest non-zero colour.", _ERASES, lambda g, order: kept(g, g != order[0]))

_ALL_INK = ["idempotent", *_INKS, "commutes with rot90"]
_by_rank(
    "ink_commonest",
    "Give all non-zero cells the commonest colour of them.",
    _ALL_INK,
    lambda g, order: inked(g > 0, order[0]),
)
_by_rank(
    "ink_rarest",
    "Give all non-zero cells the rarest colour of them.",
    _ALL_INK,
    lambda g, order: inked(g > 0, _rarest(order, g)),
)


@operation(family=FAMILY, laws=["keeps shape", "commutes with rot90", "only erases"])
def zero_commonest_any(grid: Grid) -> Grid:
    """Zero the commonest colour of all."""
    return kept(grid, grid != commonest(grid))


_FLOOD = ["idempotent", "keeps shape", "no new colour", "commutes with rot90"]


@operation(family=FAMILY, laws=_FLOOD)
def flood_commonest(grid: Grid) -> Grid:
    """Fill the whole grid with its commonest colour."""
    return np.full(grid.shape, commonest(grid), dtype=np.uint8)


_by_rank(
    "flood_rarest",
    "Fill the whole grid with its rarest non-zero colour.",
    _FLOOD,
    lambda g, order: np.full(g.shape, _rarest(order, g), dtype=np.uint8),
)

_RANK = [*_INKS, "commutes with rot90"]
_by_rank("colour_rank", "Number the non-zero colours from 1 by falling count.", ["idempotent", *_RANK], _numbered)
_by_rank(
    "colour_rank_rev",
    "Number the non-zero colours from 1 by rising count.",
    _RANK,
    lambda g, order: _numbered(g, order[::-1]),
)


@operation(family=FAMILY, laws=["idempotent", *_INKS])
def colour_first_seen(grid: Grid) -> Grid:
    """Number the non-zero colours from 1 by where each is seen first.

    >>> colour_first_seen(as_grid([[0, 7, 3, 7]])).tolist()
    [[0, 1, 2, 1]]
    """
    return _numbered(grid, first_seen(grid))


def first_seen(grid: Grid) -> list[int]:
    """The non-zero colours in the order in which they are first seen."""
    return [colour for colour in dict.fromkeys(grid.tobytes()) if colour]


def _cycle(name: str, inverse: str, step: int) -> None:
    table = np.array([0, *((colour - 1 + step) % (COLOURS - 1) + 1 for colour in range(1, COLOURS))], dtype=np.uint8)

    @operation(
        family=FAMILY,
        laws=[f"inverse: {inverse}", *_INKS, "commutes with rot90"],
        name=name,
        meaning=f"Move the non-zero colours on by {step}, 9 and 1 being neighbours.",
    )
    def cycled(grid: Grid) -> Grid:
        return table[grid]


_cycle("colour_plus_1", "colour_minus_1", 1)
_cycle("colour_minus_1", "colour_plus_1", -1)


def _majority_of_rows(grid: Grid) -> Grid:
    """Each row in its commonest colour, the lowest of those tied."""
    height, width = grid.shape
    keys = grid + (np.arange(height) * COLOURS)[:, None]
    table = np.bincount(keys.ravel(), minlength=height * COLOURS).reshape(height, COLOURS)
    majority: Grid = table.argmax(axis=1).astype(np.uint8)
    return majority[:, None].repeat(width, axis=1)


@operation(family=FAMILY, laws=["idempotent", "keeps shape", "no new colour"])
def keep_majority_rows(grid: Grid) -> Grid:
    """Fill each row with its commonest colour."""
    return _majority_of_rows(grid)


@operation(family=FAMILY, laws=["idempotent", "keeps shape", "no new colour"])
def keep_majority_cols(grid: Grid) -> Grid:
    """Fill each column with its commonest colour."""
    return _majority_of_rows(grid.T).T
