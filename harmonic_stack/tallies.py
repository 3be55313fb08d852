"""Counters and histograms for what happens with every request: a few additions each.

They are told in Prometheus' form when it asks. The library's own take locks and look their labels up anew, which is a
tenth of what a short request costs. These belong to the event loop alone.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Tally(Collector):
    """A counter."""

    def __init__(self, name: str, text: str, labels: Sequence[str] = ()) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._totals: dict[tuple[str, ...], float] = {} if labels else {(): 0.0}

    def add(self, amount: float, *labels: str) -> None:
        """Count *amount* more."""
        self._totals[labels] = self._totals.get(labels, 0.0) + amount

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The counter as Prometheus' library tells it."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, total in self._totals.items():
            family.add_metric(labels, total)
        yield family


class Spread(Collector):
    """A histogram with fixed upper bounds, in the unit of its name."""

    def __init__(self, name: str, text: str, bounds: Sequence[float], labels: Sequence[str] = ()) -> None:
        self._name, self._text, self._bounds, self._labels = name, text, bounds, labels
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        if not labels:
            self._begin(())

    def observe(self, value: float, *labels: str) -> None:
        """Count one more *value*; a bound belongs to what is below it."""
        if labels not in self._counts:
            self._begin(labels)
        self._counts[labels][bisect_left(self._bounds, value)] += 1
        self._sums[labels] += value

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The histogram as Prometheus' library tells it."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        bounds = [*map(floatToGoString, self._bounds), "+Inf"]
        for labels, counts in self._counts.items():
            buckets = list(zip(bounds, accumulate(counts), strict=True))
            family.add_metric(labels, buckets=buckets, sum_value=self._sums[labels])
        yield family

    def _begin(self, labels: tuple[str, ...]) -> None:
        self._counts[labels], self._sums[labels] = [0] * (len(self._bounds) + 1), 0.0
