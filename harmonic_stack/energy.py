"""Joules of a query: what the box used while it ran, shared by tokens among all that ran with it.

An estimate. The meter is the box's, not the query's: it counts what the cards (or the processor) draw at rest too, and
what other programs make them draw. Shares of queries that overlap in part need not add up to the whole.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, Self

from harmonic_stack.run import Served
from launcher import Hardware, choose_profile
from launcher.power import EVERY, Ask, Reading, find_source, used

log = logging.getLogger(__name__)
PATIENCE = 2.0  # seconds
Device = Literal["gpu", "cpu"]
Source = AbstractContextManager[Ask | None]


class Share:
    """One query's part: the tokens that it had written. The box is measured while the context is entered."""

    def __init__(self, energy: "Energy") -> None:
        self._energy, self._own = energy, 0
        self._tokens = energy.tokens
        self._begun: asyncio.Task[tuple[float, int] | None] | None = None

    def __enter__(self) -> Self:
        self._energy.begin()
        if self._energy.measures:
            self._begun = asyncio.create_task(self._energy.read())
        return self

    def __exit__(self, *_: object) -> None:
        self._energy.end()

    def count(self, tokens: int) -> None:
        """Add *tokens* that an engine of this box wrote for this query."""
        self._own += tokens
        self._energy.tokens += tokens

    async def joules(self) -> float | None:
        """What the box used since the query began, times its share of the tokens; None where that cannot be told."""
        if self._begun is None:
            return None
        begun, ended = await self._begun, await self._energy.read()
        written = self._energy.tokens - self._tokens
        if begun is None or ended is None or begun[1] != ended[1] or not written:
            return None
        return (ended[0] - begun[0]) * self._own / written


class Energy:
    """The one meter of all queries, read while any of them runs; what the box uses while none does is not counted."""

    def __init__(self, ask: Ask | None, *, device: Device, every: float = EVERY, patience: float = PATIENCE) -> None:
        """*ask* reads the counters or the power of *device*; None: nothing here tells.

        It may block, since a thread asks; after *patience* seconds it is given up.
        """
        self.device, self._ask, self._every, self._patience = device, ask, every, patience
        self.tokens = 0  # written by engines of this box since the start
        self._joules, self._gaps, self._spans = 0.0, 0, 0
        self._busy, self._samples = 0.0, 0
        self._last: tuple[float, Reading] | None = None
        self._lock = asyncio.Lock()
        self._running = 0
        self._sampler: asyncio.Task[None] | None = None

    @property
    def measures(self) -> bool:
        """Whether anything can be read here."""
        return self._ask is not None

    @property
    def joules(self) -> float | None:
        """What was used while queries ran, since the start; None until something was measured."""
        return self._joules if self._spans else None

    @property
    def tokens_per_joule(self) -> float | None:
        """Tokens written for each joule, since the start."""
        return self.tokens / self._joules if self._spans and self._joules else None

    @property
    def utilisation(self) -> float | None:
        """How busy the cards were while queries ran, 0 to 1: the mean since the start; None where they do not tell."""
        return self._busy / self._samples if self._samples else None

    def query(self) -> Share:
        """Measure while one query runs."""
        return Share(self)

    def begin(self) -> None:
        """One more query runs."""
        self._running += 1
        if self.measures and self._sampler is None:
            self._sampler = asyncio.create_task(self._sample(), name="energy")

    def end(self) -> None:
        """One query less runs."""
        self._running -= 1
        if not self._running:
            self._last = None
            if self._sampler is not None:
                self._sampler.cancel()
                self._sampler = None

    async def read(self) -> tuple[float, int] | None:
        """Take a reading; the joules since the start, and how often a reading led to none so far."""
        async with self._lock:
            reading = await self._asked()
            if reading is None:
                self._gaps += 1
                return None
            now = time.monotonic()
            if self._last is not None:
                self._add(used([self._last, (now, reading)]).joules)
            if reading.busy is not None:
                self._busy, self._samples = self._busy + reading.busy, self._samples + 1
            self._last = (now, reading) if self._running else None
            return self._joules, self._gaps

    def as_dict(self) -> dict[str, Any]:
        """The energy at one look; null is "the box does not tell"."""
        return {
            "device": self.device if self.measures else None,
            "joules": _rounded(self.joules),
            "tokens_per_joule": _rounded(self.tokens_per_joule),
            "utilisation": _rounded(self.utilisation),
        }

    async def _asked(self) -> Reading | None:
        if self._ask is None:
            return None
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.to_thread(self._ask)
        except TimeoutError:  # a driver that hangs would hold up every query's end, and a thread each time
            self._ask = None
            log.warning("what tells of energy does not answer and is asked no more")
            return None

    def _add(self, joules: float | None) -> None:
        if joules is None:
            self._gaps += 1
        else:
            self._joules, self._spans = self._joules + joules, self._spans + 1

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            await self.read()


def source_for(hardware: Hardware, pools: Iterable[Served]) -> tuple[Device, Source]:
    """What these pools compute on, and the context with what asks for its energy: None in it where none is here."""
    here = [pool for pool in pools if pool.here]
    # Of an engine at a URL of this box we do not know what it computes on: the card, where there is one.
    card = choose_profile(hardware).match is not None
    gpu = any(pool.device.startswith("gpu") or (pool.device == "elsewhere" and card) for pool in here)
    return ("gpu" if gpu else "cpu"), (find_source(gpu=gpu) if here else nullcontext())


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 3)
