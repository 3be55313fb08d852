"""Slots of an engine, handed out one at a time: the executive's calls first, then in the order asked."""

import asyncio
import heapq
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import count


class SlotPool:
    """Counts the slots of one engine server; a call waits here, not inside the engine, where nobody could see it."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.busy = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()

    @property
    def free(self) -> int:
        """How many slots a new call would find free."""
        return max(self.slots - self.busy, 0)

    @property
    def waiting(self) -> int:
        """How many calls wait for a slot."""
        return sum(not place[2].done() for place in self._waiting)

    def slot(self, tier: int) -> AbstractAsyncContextManager[None]:
        """Hold one slot, waiting for it if need be; a lower *tier* is served first."""
        return _Held(self, tier)

    async def acquire(self, tier: int) -> None:
        """Take a slot, to be given back by ``release``."""
        if self.busy < self.slots:  # then nobody waits: a released slot is handed on, not given back
            self.busy += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (tier, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()  # the slot came with the cancellation: hand it on
            raise

    def release(self) -> None:
        """Give a slot back, to whoever waits first."""
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)  # the slot changes hands, busy stays
                return
        self.busy -= 1


@dataclass(frozen=True, slots=True)
class _Held(AbstractAsyncContextManager[None]):
    """One slot while it is held: every draft takes two, so there is no generator to start and to end."""

    pool: SlotPool
    tier: int

    async def __aenter__(self) -> None:
        await self.pool.acquire(self.tier)

    async def __aexit__(self, *_: object) -> None:
        self.pool.release()
