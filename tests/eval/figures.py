"""Means with bootstrap intervals, and paired differences, for the tables of the evaluations."""

from collections.abc import Sequence

import numpy as np

_RESAMPLES = 4000


def mean(values: Sequence[float]) -> str:
    """The mean in per cent with its 95 % bootstrap interval over cases."""
    low, high = interval(values)
    return f"{100 * float(np.mean(values)):.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def difference(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Our mean less theirs on the same cases, in points, with its 95 % interval."""
    gaps = [one - other for one, other in zip(ours, theirs, strict=True)]
    low, high = interval(gaps)
    return f"{100 * float(np.mean(gaps)):+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean; seeded, so that a table can be printed again."""
    drawn = np.random.default_rng(0).choice(np.asarray(values, dtype=float), (_RESAMPLES, len(values))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)
