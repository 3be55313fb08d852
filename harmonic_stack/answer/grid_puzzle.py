"""Grid puzzles in a question: a program that reproduces every example answers them, or the crew is told there is none.

One operation without rivals was right on 30 of 30 such tasks, a chain on 11 of 16 (docs/grid.md): the first is an
answer, the second a candidate that stands beside what the agents say.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from harmonic_stack.query import Checked
from ommatidia.grid import Found, Grid, Task, find_task, solve


@dataclass(frozen=True, slots=True)
class Puzzle:
    """A puzzle that stood in a question, and the program found for it, if any."""

    task: Task
    found: Found | None

    @property
    def settled(self) -> bool:
        """Whether the program answers by itself: one operation, and no other answer from one as short."""
        return self.found is not None and len(self.found.program) == 1 and not self.found.rivals

    @property
    def checked(self) -> Checked:
        """What the reply and channel 3 tell of it."""
        found, examples = self.found, len(self.task.pairs)
        if found is None:
            return Checked(examples=examples)
        colours = {int(old): int(new) for old, new in (found.colour_map or {}).items()}
        answers = tuple(tuple(tuple(int(cell) for cell in row) for row in grid) for grid in found.answers)
        return Checked(examples, found.program, colours or None, answers, found.rivals, self.settled)


class PuzzleSolver:
    """Looks for puzzles and for programs on a thread of its own, one at a time: a search holds a core."""

    def __init__(self, seconds: float) -> None:
        """A search takes at most *seconds*; 0 looks for nothing."""
        self._seconds = seconds
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="grid")

    async def look(self, question: str) -> Puzzle | None:
        """The puzzle in *question* and the program for it; None where there is no puzzle."""
        if not self._seconds or (task := find_task(question)) is None:
            return None
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._solve, task)

    def close(self) -> None:
        """Let the thread end after the search that it is in."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _solve(self, task: Task) -> Puzzle:
        return Puzzle(task, solve(task.pairs, task.tests, limit_seconds=self._seconds))


def told(puzzle: Puzzle) -> str:
    """The puzzle's outcome in words: the grids and the program, or that there is none."""
    found, examples = puzzle.found, len(puzzle.task.pairs)
    if found is None:
        return f"No program found: no transform or short chain of them reproduces all {examples} examples."
    program = " -> ".join(found.program)
    if found.colour_map:
        program += " -> colours " + ", ".join(f"{old}:{new}" for old, new in sorted(found.colour_map.items()))
    grids = "\n\n".join(_grid(grid, place, len(found.answers)) for place, grid in enumerate(found.answers, 1))
    if puzzle.settled:
        return f"{grids}\n\nProgram: {program}. It reproduces all {examples} examples."
    doubt = f" {found.rivals} other answers fit as well." if found.rivals else ""
    return f"{grids}\n\nCandidate program: {program}. It reproduces all {examples} examples, but may be chance.{doubt}"


def _grid(grid: Grid, place: int, of: int) -> str:
    """One answer as JSON, a row a line, named where there are several."""
    rows: Sequence[Sequence[int]] = grid.tolist()
    name = f"Test {place}:\n" if of > 1 else ""
    return name + "[" + ",\n ".join(str(list(row)).replace(" ", "") for row in rows) + "]"
