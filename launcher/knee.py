"""Where more slots no longer pay: the knee of a measured curve of throughput against slots. Arithmetic only."""

from collections.abc import Sequence
from dataclasses import dataclass

#: The slots that are measured: doubling, and from 8 on also half-way, since an engine can be at its best there
#: ("Harmonic Stack: Parallel Inference Scaling on Consumer Hardware" 4.1: 12 slots beat 8 and 16).
LEVELS = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64)

NEAR = 0.95  # of the best level's tokens/s are as good as all of them
GAIN = 0.05  # a level that brings less than this over the best before it has not gone on rising


@dataclass(frozen=True)
class Level:
    """What was measured with so many streams at a time."""

    slots: int
    tokens_per_second: float  # of all streams together; the median of the runs
    least: float  # tokens/s of the slowest run
    most: float  # and of the fastest
    ttft: float  # seconds to the first token: the median over all streams of all runs
    worst_ttft: float  # the longest of them
    tokens_per_joule: float | None = None  # None: no energy could be read
    busy: float | None = None  # mean utilisation of the GPUs, 0 ... 1


def levels_up_to(most: int) -> tuple[int, ...]:
    """Return the levels to measure on an engine of *most* slots, that number included.

    >>> levels_up_to(10)
    (1, 2, 4, 8, 10)
    """
    return (*(level for level in LEVELS if level < most), most)


def enough(curve: Sequence[Level]) -> bool:
    """Tell whether going on is in vain: two levels in a row brought less than GAIN over the best before them.

    Two, since a single one can be a dip: 4 slots of a DGX Spark gave less than 2, and 8 three times as much.
    """
    speeds = [level.tokens_per_second for level in curve]
    return len(speeds) > 2 and all(speeds[i] < (1 + GAIN) * max(speeds[:i]) for i in (-1, -2))


def best(curve: Sequence[Level]) -> Level:
    """Return the level with the most tokens/s; of equals the one with the fewest slots."""
    return max(curve, key=lambda level: (level.tokens_per_second, -level.slots))


def knee(curve: Sequence[Level]) -> Level:
    """Return the level of the fewest slots that gives NEAR of the best level's tokens/s; ValueError without levels.

    A slot more costs memory and no time as long as nobody uses it, so only what is within the noise is left out. The
    corner that a curve seems to have decides nothing: an H100's seemed to lie at 4 slots, where 24 gave 39 % more.
    """
    if not curve:
        raise ValueError("a curve without levels has no knee")
    least = NEAR * best(curve).tokens_per_second
    return min((level for level in curve if level.tokens_per_second >= least), key=lambda level: level.slots)
