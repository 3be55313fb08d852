"""What the grid transforms cost: ``python -m tests.bench grid [--rounds N] [--above MICROSECONDS]``.

Each runs on grids of 30 x 30 of every kind (random, few colours, blocks, panels, a wallpaper, stamps) and on one of
15 x 15, since those that enlarge do not apply at full size. Objects are found anew each time, though in use those of a
grid are kept. A figure is the median over rounds; a transform's cost is that on the random grid, its worst that on any.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from harmonic_stack.describe import hardware_line

from launcher import detect_hardware
from ommatidia.grid import FAMILIES, LARGEST, REGISTRY, Grid, Operation, as_grid
from ommatidia.grid.objects import forget
from tests.grids import KINDS


@dataclass(frozen=True)
class Cost:
    """Seconds of one transform: on the random grid, and on the kind where it costs most."""

    op: Operation
    random: float
    worst: float
    worst_on: str
    applies: bool  # to some grid of 30 x 30


def drawn() -> dict[str, Grid]:
    """One grid of each kind; "random" has all ten colours in equal parts."""
    rng = np.random.default_rng(0)
    grids = {"random": as_grid(rng.integers(0, 10, (LARGEST, LARGEST)))}
    for kind in KINDS:
        grids[kind.__name__] = as_grid(kind(rng, LARGEST, LARGEST))
    grids["half the size"] = as_grid(rng.integers(0, 10, (LARGEST // 2, LARGEST // 2)))
    return grids


def cost(op: Operation, grid: Grid, *, rounds: int) -> tuple[float, bool]:
    """Median seconds, objects forgotten before each round; and whether it applies."""
    taken = []
    result = None
    for _ in range(rounds):
        forget()
        began = time.perf_counter()
        result = op.fn(grid)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken), result is not None


def measured(rounds: int) -> list[Cost]:
    """Every transform on every grid."""
    grids = drawn()
    costs = []
    for op in REGISTRY.values():
        each = {name: cost(op, grid, rounds=rounds) for name, grid in grids.items()}
        worst = max(each, key=lambda name: each[name][0])
        applies = any(each[name][1] for name in grids if name != "half the size")
        costs.append(Cost(op, each["random"][0], each[worst][0], worst, applies))
    return costs


def report(costs: Sequence[Cost], *, above: float) -> str:
    """The shares, the families, and a table of what costs more than *above* seconds on the random grid."""
    lines = ["| on | median us | 80 % within us | at most 100 us | most us |", "|---|---|---|---|---|"]
    for name, figures in (("random", [c.random for c in costs]), ("worst kind", [c.worst for c in costs])):
        low = sorted(figures)
        within = sum(figure <= 100e-6 for figure in figures) / len(figures)
        lines.append(
            f"| {name} | {1e6 * statistics.median(low):.0f} | {1e6 * low[int(0.8 * len(low))]:.0f}"
            f" | {100 * within:.0f} % | {1e6 * low[-1]:.0f} |"
        )
    lines += ["", "| family | transforms | median us | most us |", "|---|---|---|---|"]
    for family in FAMILIES:
        figures = [c.random for c in costs if c.op.family == family]
        lines.append(
            f"| {family} | {len(figures)} | {1e6 * statistics.median(figures):.0f} | {1e6 * max(figures):.0f} |"
        )
    never = sum(not c.applies for c in costs)
    lines += ["", f"{len(costs)} transforms; {never} apply to no 30 x 30 grid drawn.", ""]
    lines += ["| transform | family | random us | worst us | worst on |", "|---|---|---|---|---|"]
    for c in sorted(costs, key=lambda c: -c.random):
        if c.random > above:
            lines.append(f"| {c.op.name} | {c.op.family} | {1e6 * c.random:.0f} | {1e6 * c.worst:.0f} | {c.worst_on} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--above", type=float, default=100.0, help="list what costs more, in microseconds")
    options = parser.parse_args()
    print(f"{hardware_line(detect_hardware())}; numpy {np.__version__}\n")  # noqa: T201
    print(report(measured(options.rounds), above=options.above * 1e-6))  # noqa: T201


if __name__ == "__main__":
    main()
