"""A program from examples: the shortest chain of operations that turns every example input into its output.

1. Every single operation is tried, plain and followed by one colour map learnt from the examples.
2. Chains of two, then of three: best first, by how near the chain so far comes to the output of the first example.
3. A program is accepted only if it reproduces every example and applies to every test input; else there is no answer.

Pure and deterministic but for the clock that is passed in; blocks for up to the limit, so keep it off an event loop.
"""

import heapq
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import log

import numpy as np

from ommatidia.grid.cells import COLOURS, Grid, counts, key_of, recoloured
from ommatidia.grid.laws import equal
from ommatidia.grid.registry import REGISTRY, Operation

Pair = tuple[Grid, Grid]
Clock = Callable[[], float]

DEEPEST = 3
# Chains of two that wait for a third step: each is some 200 bytes, and the nearest are tried first.
_MOST_WAITING = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A program that reproduces every example, and what it makes of the tests.

    ``program`` names operations in order; ``colour_map``, where there is one, is applied last. ``rivals`` is how many
    other answers came from programs as short that reproduce every example too: 0 is what to trust, and where it is not
    0 the first by the registry's order is taken. Among chains, rivals are those met before the search stopped.
    ``tried`` is how many programs ran on at least one example.
    """

    program: tuple[str, ...]
    colour_map: Mapping[int, int] | None
    answers: tuple[Grid, ...]
    rivals: int
    tried: int


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """A chain so far, and what it made of every example input and then of every test."""

    program: tuple[str, ...]
    grids: tuple[Grid, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Hit:
    node: _Node
    colour_map: Mapping[int, int] | None
    answers: tuple[Grid, ...]


class _TimeIsUp(Exception):
    """The limit passed."""


@dataclass(slots=True)
class _Search:
    outputs: tuple[Grid, ...]
    operations: Sequence[Operation]
    deadline: float
    clock: Clock
    seen: set[tuple[tuple[int, int, bytes], ...]] = field(default_factory=set)
    hits: list[_Hit] = field(default_factory=list)
    tried: int = 0

    def steps(self, node: _Node) -> Iterator[tuple[Operation, Grid]]:
        """What every operation makes of the first example so far."""
        for op in self.operations:
            if self.clock() >= self.deadline:
                raise _TimeIsUp
            first = op.fn(node.grids[0])
            if first is not None:
                self.tried += 1
                yield op, first

    def grown(self, node: _Node, op: Operation, first: Grid) -> _Node | None:
        """A chain with one more step; None where that does not apply everywhere, or leads where another chain led."""
        grids = [first]
        for grid in node.grids[1:]:
            result = op.fn(grid)
            if result is None:
                return None
            grids.append(result)
        key = tuple(key_of(grid) for grid in grids)
        if key in self.seen:
            return None
        self.seen.add(key)
        return _Node((*node.program, op.name), tuple(grids))

    def might_end(self, first: Grid) -> bool:
        """Whether the first example is reproduced, perhaps but for its colours."""
        if first.shape != self.outputs[0].shape:
            return False
        return equal(first, self.outputs[0]) or learnt_map([(first, self.outputs[0])]) is not None

    def judge(self, node: _Node) -> None:
        """Keep the chain if it reproduces every example, as it is or with a colour map."""
        ends = list(zip(node.grids, self.outputs, strict=False))
        answers = node.grids[len(ends) :]
        if all(equal(end, output) for end, output in ends):
            self.hits.append(_Hit(node, None, answers))
            return
        table = learnt_map(ends)
        # A colour that no example shows has no known image: better no answer than a guess.
        if table and all(colour in table for answer in answers for colour in np.unique(answer).tolist()):
            full = [table.get(colour, colour) for colour in range(COLOURS)]
            self.hits.append(_Hit(node, table, tuple(recoloured(answer, full) for answer in answers)))


def solve(
    pairs: Sequence[Pair],
    tests: Sequence[Grid],
    *,
    limit_seconds: float,
    clock: Clock = time.monotonic,
    deepest: int = DEEPEST,
    operations: Sequence[Operation] | None = None,
) -> Found | None:
    """The shortest program that reproduces every pair, with its answers to the tests; None where none is found in time.

    A plain program comes before one with a colour map. *deepest* is the longest chain tried; *operations* are those
    to make it of, all of REGISTRY unless given. Raises ValueError without a pair and a test.
    """
    if not pairs or not tests:
        raise ValueError(f"{len(pairs)} examples and {len(tests)} tests: at least one of each is needed")
    known = tuple(REGISTRY.values() if operations is None else operations)
    search = _Search(tuple(out for _, out in pairs), known, clock() + limit_seconds, clock)
    start = _Node((), (*(given for given, _ in pairs), *tests))
    with suppress(_TimeIsUp):
        _run(search, start, deepest)
    return _shortest(search)


def _run(search: _Search, start: _Node, deepest: int) -> None:
    """Go from length to length, and stop after the first expansion that brought a hit."""
    singles = []
    for op, first in search.steps(start):
        node = search.grown(start, op, first)
        if node:
            search.judge(node)
            singles.append(node)
    if search.hits or deepest < 2:
        return
    singles.sort(key=lambda node: sum(map(distance, node.grids, search.outputs)))  # ends with the last output
    waiting: list[tuple[float, int, _Node, Operation]] = []
    for node in singles:
        _expand(search, node, waiting if deepest > 2 else None)
        if search.hits:
            return
    while waiting:
        _, _, node, op = heapq.heappop(waiting)
        again = op.fn(node.grids[0])
        longer = None if again is None else search.grown(node, op, again)
        if longer:
            _expand(search, longer, None)
            if search.hits:
                return


def _expand(search: _Search, node: _Node, waiting: list[tuple[float, int, _Node, Operation]] | None) -> None:
    """Try every next step; where *waiting* is given, what does not end there is put in line for another."""
    for op, first in search.steps(node):
        if search.might_end(first):
            ended = search.grown(node, op, first)
            if ended:
                search.judge(ended)
                # It was not the end, and as a chain so far it is known: another way here is not tried again.
                search.seen.discard(tuple(key_of(grid) for grid in ended.grids))
        if waiting is not None and len(waiting) < _MOST_WAITING:
            heapq.heappush(waiting, (distance(first, search.outputs[0]), search.tried, node, op))


def _shortest(search: _Search) -> Found | None:
    """The first plain hit, else the first with a colour map: all hits are of one length."""
    if not search.hits:
        return None
    best = min(search.hits, key=lambda hit: hit.colour_map is not None)
    rivals = {tuple(map(key_of, hit.answers)) for hit in search.hits if _as_short(hit, best)}
    for answer in best.answers:
        answer.setflags(write=False)
    return Found(best.node.program, best.colour_map, best.answers, len(rivals) - 1, search.tried)


def _as_short(hit: _Hit, best: _Hit) -> bool:
    return (hit.colour_map is None) == (best.colour_map is None)


def learnt_map(ends: Sequence[Pair]) -> dict[int, int] | None:
    """The one colour that each colour becomes, over all pairs; None where shapes differ or colours disagree."""
    if any(one.shape != other.shape for one, other in ends):
        return None
    table = np.zeros(COLOURS * COLOURS, dtype=np.int64)
    for one, other in ends:
        table += np.bincount((one * np.uint8(COLOURS) + other).ravel(), minlength=len(table))
    became = table.reshape(COLOURS, COLOURS) > 0
    if (became.sum(axis=1) > 1).any():
        return None
    return {int(colour): int(image) for colour, image in zip(*became.nonzero(), strict=True)}


def distance(grid: Grid, goal: Grid) -> float:
    """How far a grid is from the goal: the share of other cells, and of another size from 1 on."""
    if grid.shape == goal.shape:
        return float(np.count_nonzero(grid != goal)) / goal.size
    sides = abs(log(grid.shape[0] / goal.shape[0])) + abs(log(grid.shape[1] / goal.shape[1]))
    other = np.count_nonzero((counts(grid) > 0) != (counts(goal) > 0))
    return 1.0 + sides + float(other) / COLOURS
