"""A grid puzzle in a message: which grids it holds, and which of them are inputs, outputs and tests.

Grids are nested lists of digits (so also the JSON of ARC's files), or lines of digits, with or without spaces. What
stands before a grid says what it is: "input", "output" or an arrow; a heading or key "test" opens the tests. Whatever
is not plain gives no task: a message that is no puzzle must not be held up, let alone answered with a grid.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ommatidia.errors import BadGrid
from ommatidia.grid.cells import LARGEST, Grid, as_grid

# A task of ten pairs of 30 x 30 is 90 KB as indented JSON; a longer text is read no further than a look at its length.
LONGEST = 1_000_000
MOST_GRIDS = 64
FEWEST_PAIRS = 2

_CUE = re.compile(r"(?P<input>\binputs?\b)|(?P<output>\boutputs?\b|->|=>|\u2192|\u21d2)", re.IGNORECASE)
_SECTION = re.compile(
    r"""(?P<test>"tests?"\s*+:|^[ \t#*_=-]*+(?:the[ ])?tests?\b)"""
    r"""|(?P<train>"(?:train|examples?)"\s*+:|^[ \t#*_=-]*+(?:train|example|demonstration|pair)(?:s|ing)?\b)""",
    re.IGNORECASE | re.MULTILINE,
)
# Possessive throughout: on a text that almost is a grid, nothing is read twice.
_ROW = r"\[\s*+\d\s*+(?:,\s*+\d\s*+)*+\]"
_ARRAY = re.compile(rf"\[\s*+{_ROW}\s*+(?:,\s*+{_ROW}\s*+)*+\]")
_LINE = re.compile(r"^[ \t|\[]*+(\d(?:[ \t,|]*+\d)*+)[ \t,|\]]*+$", re.MULTILINE)
_DIGIT = re.compile(r"\d")
_OPENING = re.compile(r"\[\s*+\[\s*+[-\d]")


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A puzzle: at least two pairs of input and output, and at least one input without."""

    pairs: tuple[tuple[Grid, Grid], ...]
    tests: tuple[Grid, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where in a text a grid stands."""

    start: int
    end: int
    rows: Sequence[Sequence[int]]


def find_task(text: str) -> Task | None:
    """The puzzle that a message holds; None where it holds none, or one that is not plain.

    1. A text that is too long, or has no cue, is none: one pass tells.
    2. Each grid takes its role from the last cue between the grid before and itself.
    3. An input and the output after it are a pair; an input without one, or one in the tests, is a test.
    """
    if len(text) > LONGEST or not _CUE.search(text):
        return None
    text = text.replace("\r\n", "\n")
    nested = sum(1 for _ in islice(_OPENING.finditer(text), MOST_GRIDS + 1))
    places = list(islice(_arrays(text) if nested else _blocks(text), MOST_GRIDS + 1))
    # A nested list that is no grid (of numbers beyond 9, say) may be a pair that we would pass over.
    if not 2 * FEWEST_PAIRS < len(places) <= MOST_GRIDS or nested not in (0, len(places)):
        return None
    try:
        grids = [as_grid(place.rows) for place in places]
    except BadGrid:
        return None
    starts = [0, *(place.end for place in places[:-1])]
    before = [text[start : place.start] for start, place in zip(starts, places, strict=True)]
    return _assembled(grids, before)


def _arrays(text: str) -> Iterator[_Place]:
    """Nested lists of digits."""
    for found in _ARRAY.finditer(text):
        yield _Place(found.start(), found.end(), json.loads(found[0]))


def _blocks(text: str) -> Iterator[_Place]:
    """Runs of lines that hold digits alone; rows may differ in length, which as_grid refuses."""
    start = end = -1
    rows: list[list[int]] = []
    for found in _LINE.finditer(text):
        if rows and found.start() != end + 1:
            yield _Place(start, end, rows)
            rows = []
        if not rows:
            start = found.start()
        # What is longer than a grid may be is not read on: as_grid refuses it all the same.
        if len(rows) <= LARGEST:
            rows.append([int(digit[0]) for digit in islice(_DIGIT.finditer(found[1]), LARGEST + 1)])
        end = found.end()
    if rows:
        yield _Place(start, end, rows)


def _assembled(grids: Sequence[Grid], before: Sequence[str]) -> Task | None:
    """Pairs and tests from grids and what stands before each."""
    pairs: list[tuple[Grid, Grid]] = []
    tests: list[Grid] = []
    waiting: Grid | None = None  # an input whose output may follow
    testing = asked = False  # whether the tests are open, and were when that input came
    for grid, text in zip(grids, before, strict=True):
        section, role = _last(_SECTION, text), _last(_CUE, text)
        testing = section == "test" if section else testing
        if role == "output":
            if waiting is None:
                return None
            # The solution of a test is no example.
            if asked:
                tests.append(waiting)
            else:
                pairs.append((waiting, grid))
            waiting = None
            continue
        if waiting is not None:
            # Two grids in a row: a test and what follows it, or nothing says what the second is.
            if not asked or (role is None and not section):
                return None
            tests.append(waiting)
        waiting, asked = grid, testing
    if waiting is not None:
        tests.append(waiting)
    return Task(tuple(pairs), tuple(tests)) if len(pairs) >= FEWEST_PAIRS and tests else None


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    """Which of a pattern's alternatives is found last."""
    kind = None
    for found in pattern.finditer(text):
        kind = found.lastgroup
    return kind
