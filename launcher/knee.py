"""Where more slots no longer pay: the knee of a measured curve of throughput against slots. Arithmetic only."""

from collections.abc import Sequence
from dataclasses import dataclass

#: The slots that are measured: doubling, and from 8 on also half-way, since an engine can be at its best there
#: ("Harmonic Stack: Parallel Inference Scaling on Consumer Hardware" 4.1: 12 slots beat 8 and 16).
LEVELS = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64)

GAIN = 0.10  # a level that brings less than this over the best before it is not worth its slots


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
    """Return the level after which more slots bring less than they did before; ValueError without levels.

    1. A curve that never rises by GAIN is flat: its first level.
    2. Scale slots and throughput (the best so far, so that a cliff is a plateau) to 0 ... 1, and take the level that
       lies highest above the straight line between the ends.
    3. Where none lies GAIN above it, the curve rises to its end or jumps there: the best level.
    """
    if not curve:
        raise ValueError("a curve without levels has no knee")
    curve = sorted(curve, key=lambda level: level.slots)
    first, top = curve[0], best(curve)
    if top.tokens_per_second < (1 + GAIN) * first.tokens_per_second:  # 1
        return first
    heights = _heights(curve)  # 2
    highest = max(range(len(curve)), key=lambda index: heights[index])
    return curve[highest] if heights[highest] >= GAIN else top  # 3


def _heights(curve: Sequence[Level]) -> list[float]:
    """Return how far each level lies above the line between the first and the last, both axes scaled to 1."""
    speeds = [level.tokens_per_second for level in curve]
    so_far = [max(speeds[: index + 1]) for index in range(len(speeds))]
    width, rise = curve[-1].slots - curve[0].slots, so_far[-1] - so_far[0]
    return [
        (speed - so_far[0]) / rise - (level.slots - curve[0].slots) / width
        for level, speed in zip(curve, so_far, strict=True)
    ]
