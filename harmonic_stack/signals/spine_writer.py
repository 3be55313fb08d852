"""Writes signals in the background: a query never waits for the store, and what comes in a moment is one batch."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from spine import Bus, Signal, SpineError

log = logging.getLogger(__name__)
# Signals that may wait for a slow store; beyond it the newest are dropped and counted.
MAX_WAITING = 20_000
# Seconds in which signals gather before they are written. Each write wakes the store and, where both share a core,
# takes the core from the streams; people who follow the spine do not notice the moment.
GATHER = 0.2
# Seconds between two writes for queries that end: with many of them, what several left is one batch.
REST = 0.02


class SpineWriter:
    """A queue in front of the bus, emptied by one task."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: list[Signal] = []
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()  # somebody looks for what has gathered
        self._hurried: asyncio.TimerHandle | None = None
        self._wrote = -REST  # when, on the loop's clock
        self._taken = self._done = 0  # signals queued so far, and those of them that are written or lost
        self._flushes: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.dropped = 0
        self._task = asyncio.create_task(self._run(), name="spine writer")

    def put(self, signals: Sequence[Signal]) -> None:
        """Queue signals; never waits."""
        room = max(MAX_WAITING - len(self._waiting), 0)
        self.dropped += max(len(signals) - room, 0)
        if taken := signals[:room]:
            self._waiting.extend(taken)
            self._taken += len(taken)
            self._wake.set()

    def hurry(self) -> None:
        """Gather no longer than needed: a query has ended, and its client may look for what it left."""
        if self._waiting and self._hurried is None:
            loop = asyncio.get_running_loop()
            self._hurried = loop.call_at(max(self._wrote + REST, loop.time()), self._urgent.set)

    async def flush(self, timeout: float = 2.0) -> bool:
        """Wait until all that was queued up to now is written; False where that took longer than *timeout* seconds."""
        if self._done >= self._taken:
            return True
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flushes.append((self._taken, written))
        self._urgent.set()
        with suppress(TimeoutError):
            # Not wait_for: that of Python 3.11 loses a cancellation which comes together with the result.
            async with asyncio.timeout(timeout):
                await written
            return True
        return False

    async def aclose(self) -> None:
        """Write what is queued and stop."""
        await self.flush()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER):
                    await self._urgent.wait()
            self._wake.clear()
            self._urgent.clear()
            if self._hurried is not None:
                self._hurried.cancel()
                self._hurried = None
            batch, self._waiting = self._waiting, []
            try:
                await self._bus.publish_many(batch)
            except SpineError:  # all or none were taken: one bad signal must not cost the others, of other queries
                await self._publish_each(batch)
            self._done += len(batch)
            self._wrote = asyncio.get_running_loop().time()
            while self._flushes and self._flushes[0][0] <= self._done:
                written = self._flushes.popleft()[1]
                if not written.done():
                    written.set_result(None)

    async def _publish_each(self, batch: Sequence[Signal]) -> None:
        for signal in batch:
            try:
                await self._bus.publish(signal)
            except SpineError as error:
                self.dropped += 1
                log.warning("a signal was lost", extra={"kind": signal.kind, "reason": type(error).__name__})
