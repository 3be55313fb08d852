"""Energy used between two moments: NVIDIA's counter, the processor's (RAPL), or an AMD card's power samples.

Asking and reading apart: an asker returns a Reading, `used` turns a series of them into joules. Unknown is None.
"""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

from launcher.probe_host import HERE, read_text
from launcher.probe_nvidia import CardPower, open_power

EVERY = 0.2  # seconds between two samples of power and utilisation


@dataclass(frozen=True)
class Reading:
    """What was read at one moment; each is None where it cannot be read."""

    joules: float | None = None  # a counter: only differences mean something
    watts: float | None = None
    busy: float | None = None  # utilisation, 0 ... 1
    wraps: float | None = None  # joules at which the counter begins again


@dataclass(frozen=True)
class Used:
    """What was used over a span: *joules* None where nothing could be read."""

    joules: float | None
    seconds: float
    busy: float | None  # mean utilisation, 0 ... 1


NOTHING_READ = Used(None, 0.0, None)

Ask = Callable[[], Reading | None]


def parse_cards(cards: Sequence[CardPower]) -> Reading | None:
    """Return what NVML's answers say of all cards together; None without cards.

    >>> parse_cards([CardPower(2_479_227, 70_322, 0)])
    Reading(joules=2479.227, watts=70.322, busy=0.0, wraps=None)
    """
    if not cards:
        return None
    energy, power, busy = ([getattr(card, name) for card in cards] for name in ("millijoules", "milliwatts", "busy"))
    return Reading(
        joules=None if None in energy else sum(energy) / 1e3,
        watts=None if None in power else sum(power) / 1e3,
        busy=None if None in busy else statistics.fmean(busy) / 100,
    )


def read_rapl(root: Path = HERE) -> Reading | None:
    """Return the energy counters of all processor packages; None where there are none or only root may read them."""
    joules, wraps = 0.0, None
    packages = sorted((root / "sys/class/powercap").glob("intel-rapl:[0-9]"))  # AMD's processors use the same name
    for package in packages:
        energy, most = _number(package / "energy_uj"), _number(package / "max_energy_range_uj")
        if energy is None:
            return None
        joules += energy / 1e6
        # Two counters wrap apart: their sum can be mended only where there is one.
        wraps = most / 1e6 if most is not None and len(packages) == 1 else None
    return Reading(joules=joules, wraps=wraps) if packages else None


def read_hwmon(root: Path = HERE) -> Reading | None:
    """Return the power of all AMD cards by the kernel's sensors; None where there are none."""
    watts = []
    for sensor in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if (read_text(sensor / "name") or "").strip() == "amdgpu":
            power = _number(sensor / "power1_average")
            watts.append(_number(sensor / "power1_input") if power is None else power)
    known = [value for value in watts if value is not None]
    return Reading(watts=sum(known) / 1e6) if known and len(known) == len(watts) else None


def used(series: Sequence[tuple[float, Reading]]) -> Used:
    """Return what was used from the first to the last reading; the times are seconds, ascending.

    The counter's difference where there is one at both ends, else the power integrated over time, else None.
    """
    if not series:
        return NOTHING_READ
    (begun, first), (ended, last) = series[0], series[-1]
    busy = [reading.busy for _, reading in series if reading.busy is not None]
    mean = statistics.fmean(busy) if busy else None
    if first.joules is not None and last.joules is not None:
        joules: float | None = last.joules - first.joules
        if joules is not None and joules < 0:  # the counter began again
            joules = None if first.wraps is None else joules + first.wraps
    else:
        joules = _integral([(at, reading.watts) for at, reading in series if reading.watts is not None])
    return Used(joules, ended - begun, mean)


def _integral(samples: Sequence[tuple[float, float]]) -> float | None:
    """Return the joules below these samples of watts; None with fewer than two of them."""
    if len(samples) < 2:
        return None
    return sum((later - at) * (watts + after) / 2 for (at, watts), (later, after) in pairwise(samples))


def find_source(*, gpu: bool, root: Path = HERE) -> AbstractContextManager[Ask | None]:
    """Return a context with what asks for the energy of the cards (*gpu*) or of the processor; None in it: nothing can.

    The context keeps NVML open, so that each question takes a millisecond.
    """
    if not gpu:
        return nullcontext((lambda: read_rapl(root)) if read_rapl(root) else None)
    if read_hwmon(root):
        return nullcontext(lambda: read_hwmon(root))
    return _NvmlSource()


class _NvmlSource:
    """NVML held open; the context's value is None without a driver."""

    def __enter__(self) -> Ask | None:
        self._open = open_power()
        cards = self._open.__enter__()
        return None if cards is None else (lambda: parse_cards(cards()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)


class PowerMeter:
    """What is used inside a `with` block, sampled by a thread of its own; *ask* None: the meter reads nothing.

    with PowerMeter(ask) as meter: ...
    meter.used.joules
    """

    def __init__(self, ask: Ask | None, *, every: float = EVERY) -> None:
        self._ask = ask
        self._every = every
        self._series: list[tuple[float, Reading]] = []
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._begun = 0.0
        self.used = NOTHING_READ

    def __enter__(self) -> Self:
        self._begun = time.monotonic()
        if self._ask is not None:
            self._read(self._ask)
            self._thread = threading.Thread(target=self._sample, args=(self._ask,), name="power", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        if self._thread is not None and self._ask is not None:
            self._thread.join()
            self._read(self._ask)
        found = used(self._series)
        self.used = Used(found.joules, time.monotonic() - self._begun, found.busy)

    def _sample(self, ask: Ask) -> None:
        while not self._end.wait(self._every):
            self._read(ask)

    def _read(self, ask: Ask) -> None:
        reading = ask()
        if reading is not None:
            self._series.append((time.monotonic(), reading))


def _number(path: Path) -> int | None:
    text = (read_text(path) or "").strip()
    return int(text) if text.isdigit() else None
