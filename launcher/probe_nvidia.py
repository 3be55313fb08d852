"""NVIDIA cards through NVML. Asking needs a driver, reading does not; this is the only file that imports pynvml."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import pynvml

from launcher.probe_drm import believable
from launcher.types import Gpu

# Compute capabilities of GPUs that work in the system's memory: Orin, Thor, GB10. Some of their drivers answer with the
# system's memory in place of "Not Supported".
INTEGRATED = {(8, 7), (11, 0), (12, 1)}

# A healthy driver answers within 0.2 s, a cold one without persistence mode within about 3 s.
TIME_LIMIT = 10.0


@dataclass(frozen=True)
class Card:
    """What NVML said of one card, unchanged; None: it gave an error."""

    name: str
    memory: int | Literal["Not Supported"] | None
    compute: tuple[int, int] | None = None
    driver: str | None = None


@dataclass(frozen=True)
class CardPower:
    """What NVML said of one card's energy, unchanged; None: it gave an error."""

    millijoules: int | None  # since the driver was loaded
    milliwatts: int | None
    busy: int | None  # percent of the last sixth of a second to a second in which a kernel ran


@contextmanager
def open_power() -> Iterator[Callable[[], list[CardPower]] | None]:
    """Keep the driver open and yield what asks every card for its energy; None without a driver or a card."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield None
        return
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        yield (lambda: [_card_power(handle) for handle in handles]) if handles else None
    finally:
        pynvml.nvmlShutdown()


def ask_nvml() -> list[Card]:
    """Return what the driver says of its cards; none without a driver. It may hang as long as the driver does."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []  # no driver, or one that does not match its library: no card that an engine could use
    try:
        return [_card(index) for index in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:
        return []
    finally:
        pynvml.nvmlShutdown()


def ask(time_limit: float = TIME_LIMIT, driver: Callable[[], list[Card]] = ask_nvml) -> tuple[Card, ...]:
    """Return what *driver* says of its cards; none if it does not answer within *time_limit* seconds."""
    answer: list[Card] = []
    # A driver that hangs cannot be interrupted, only left alone: a daemon thread does not keep the process alive.
    asking = threading.Thread(target=lambda: answer.extend(driver()), name="nvml", daemon=True)
    asking.start()
    asking.join(time_limit)
    return () if asking.is_alive() else tuple(answer)


def parse(cards: Sequence[Card]) -> tuple[Gpu, ...]:
    """Return the GPUs that these answers describe.

    >>> parse([Card("NVIDIA GB10", "Not Supported", (12, 1))])[0].unified
    True
    """
    return tuple(_gpu(card) for card in cards)


def _gpu(card: Card) -> Gpu:
    # GB10 shares memory with the CPU and NVML answers "Not Supported": unknown and unified, not zero.
    unified = card.memory == "Not Supported" or card.compute in INTEGRATED
    memory = believable(card.memory) if isinstance(card.memory, int) else None
    compute = None if card.compute is None else f"{card.compute[0]}.{card.compute[1]}"
    return Gpu("nvidia", card.name, memory=memory, unified=unified, compute=compute, driver=card.driver)


def _card(index: int) -> Card:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory: int | Literal["Not Supported"] | None
    try:
        memory = int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)
    except pynvml.NVMLError_NotSupported:
        memory = "Not Supported"
    except pynvml.NVMLError:
        memory = None
    try:
        major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
        compute = (int(major), int(minor))
    except pynvml.NVMLError:
        compute = None
    try:
        driver = str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        driver = None
    return Card(str(pynvml.nvmlDeviceGetName(handle)), memory, compute, driver)


def _card_power(handle: object) -> CardPower:
    return CardPower(
        _number(lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)),
        _number(lambda: pynvml.nvmlDeviceGetPowerUsage(handle)),
        _number(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle).gpu),
    )


def _number(ask_for: Callable[[], int]) -> int | None:
    try:
        return int(ask_for())
    except pynvml.NVMLError:
        return None
