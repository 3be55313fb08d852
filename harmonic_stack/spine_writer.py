"""Writes signals in the background: a query never waits for the store, and each turn of the loop is one batch."""

import asyncio
import logging
from collections.abc import Sequence

from spine import Bus, Signal, SpineError

log = logging.getLogger(__name__)
# Signals that may wait for a slow store; beyond it the newest are dropped and counted.
MAX_WAITING = 20_000


class SpineWriter:
    """A queue in front of the bus, emptied by one task."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: list[Signal] = []
        self._wake = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()
        self.dropped = 0
        self._task = asyncio.create_task(self._run(), name="spine writer")

    def put(self, signals: Sequence[Signal]) -> None:
        """Queue signals; never waits."""
        room = MAX_WAITING - len(self._waiting)
        if room < len(signals):
            self.dropped += len(signals) - max(room, 0)
            signals = signals[: max(room, 0)]
        if signals:
            self._waiting.extend(signals)
            self._written.clear()
            self._wake.set()

    async def flush(self, timeout: float = 2.0) -> bool:
        """Wait until all that was queued is written; False where that took longer than *timeout* seconds."""
        try:
            await asyncio.wait_for(self._written.wait(), timeout)
        except TimeoutError:
            return False
        return True

    async def aclose(self) -> None:
        """Write what is queued and stop."""
        await self.flush()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    await self._bus.publish_many(batch)
                except SpineError as error:
                    self.dropped += len(batch)
                    log.warning("signals were lost", extra={"count": len(batch), "reason": type(error).__name__})
            self._written.set()
