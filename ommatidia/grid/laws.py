"""The sentences that operations promise, each parsed into a check.

| law | holds where |
|---|---|
| idempotent | doing it again changes nothing |
| own inverse | doing it again gives the grid back |
| inverse: NAME | NAME gives the grid back |
| order N | N times give the grid back |
| commutes with NAME | either order gives one result |
| same after NAME | doing NAME first changes nothing |
| result invariant under NAME | NAME leaves the result as it is |
| equals NAME | NAME gives the same result |
| keeps shape; swaps height, width; shape x(A,B) | of height and width |
| keeps colour counts; colour counts xN | how often each of the ten colours occurs |
| keeps non-zero count; never more non-zeros | how many cells are not 0 |
| no new colour; no new colour but 0; only 0,1 | which colours occur |
| never adds; never erases | a zero stays zero; a non-zero cell stays non-zero |
| only erases; only fills zeros | what is not 0 afterwards, or was not before, has the colour it had |

A law that names another operation, or repeats its own, holds wherever all of them apply.
"""

import re
from collections.abc import Callable, Mapping

import numpy as np

from ommatidia.grid.cells import Grid, counts
from ommatidia.grid.registry import REGISTRY, Operation, Transform

# Given the operation, a grid and what became of it: whether the law holds, None where it cannot be asked.
Check = Callable[[Transform, Grid, Grid], bool | None]


def equal(one: Grid, other: Grid) -> bool:
    """Whether two grids have one shape and the same cells."""
    return one.shape == other.shape and one.tobytes() == other.tobytes()


def _as_long_as_both_apply(one: Grid | None, other: Grid | None) -> bool | None:
    return None if one is None or other is None else equal(one, other)


def _after(fn: Transform, grid: Grid | None) -> Grid | None:
    return None if grid is None else fn(grid)


def _repeated(times: int) -> Check:
    """After so many times in all, the grid is back."""

    def check(fn: Transform, before: Grid, after: Grid) -> bool | None:
        last: Grid | None = after
        for _ in range(times - 1):
            last = _after(fn, last)
        return _as_long_as_both_apply(before, last)

    return check


def _nonzero(grid: Grid) -> int:
    return int(np.count_nonzero(grid))


def _no_new(before: Grid, after: Grid, *, but_zero: bool) -> bool:
    new = (counts(after) > 0) & (counts(before) == 0)
    return not new[1 if but_zero else 0 :].any()


def _scaled(before: Grid, after: Grid, down: int, across: int) -> bool:
    return after.shape == (before.shape[0] * down, before.shape[1] * across)


def _same_counts(before: Grid, after: Grid, times: int = 1) -> bool:
    return bool((counts(after) == times * counts(before)).all())


def _cellwise(rule: Callable[[Grid, Grid], np.ndarray]) -> Check:
    """A rule for each cell; of a result of another shape it does not hold."""

    def check(_: Transform, before: Grid, after: Grid) -> bool:
        return before.shape == after.shape and bool(rule(before, after).all())

    return check


PLAIN: Mapping[str, Check] = {
    "idempotent": lambda fn, _, after: _as_long_as_both_apply(after, fn(after)),
    "own inverse": _repeated(2),
    "keeps shape": lambda _, before, after: before.shape == after.shape,
    "swaps height, width": lambda _, before, after: before.shape == after.shape[::-1],
    "keeps colour counts": lambda _, before, after: _same_counts(before, after),
    "keeps non-zero count": lambda _, before, after: _nonzero(before) == _nonzero(after),
    "never more non-zeros": lambda _, before, after: _nonzero(after) <= _nonzero(before),
    "no new colour": lambda _, before, after: _no_new(before, after, but_zero=False),
    "no new colour but 0": lambda _, before, after: _no_new(before, after, but_zero=True),
    "only 0,1": lambda _, __, after: int(after.max()) <= 1,
    "never adds": _cellwise(lambda before, after: (after == 0) | (before > 0)),
    "never erases": _cellwise(lambda before, after: (before == 0) | (after > 0)),
    "only erases": _cellwise(lambda before, after: (after == 0) | (after == before)),
    "only fills zeros": _cellwise(lambda before, after: (before == 0) | (after == before)),
}

NAMED: Mapping[str, Callable[[Transform], Check]] = {
    "inverse:": lambda other: lambda _, before, after: _as_long_as_both_apply(before, other(after)),
    "commutes with": lambda other: (
        lambda fn, before, after: _as_long_as_both_apply(other(after), _after(fn, other(before)))
    ),
    "same after": lambda other: lambda fn, before, after: _as_long_as_both_apply(after, _after(fn, other(before))),
    "result invariant under": lambda other: lambda _, __, after: _as_long_as_both_apply(after, other(after)),
    "equals": lambda other: lambda _, before, after: _as_long_as_both_apply(after, other(before)),
}


def law(text: str, *, registry: Mapping[str, Operation] = REGISTRY) -> Check:
    """The check of one law; raises ValueError for a sentence, or an operation, that is not known.

    >>> law("keeps shape")(fn, grid, fn(grid))
    True
    """
    if text in PLAIN:
        return PLAIN[text]
    if found := re.fullmatch(r"order ([2-9])", text):
        return _repeated(int(found[1]))
    if found := re.fullmatch(r"shape x\((\d+),(\d+)\)", text):
        down, across = int(found[1]), int(found[2])
        return lambda _, before, after: _scaled(before, after, down, across)
    if found := re.fullmatch(r"colour counts x(\d+)", text):
        times = int(found[1])
        return lambda _, before, after: _same_counts(before, after, times)
    start, _, name = text.rpartition(" ")
    if start in NAMED and name in registry:
        return NAMED[start](registry[name].fn)
    raise ValueError(f"no law says {text!r}")
