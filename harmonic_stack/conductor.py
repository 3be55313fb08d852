"""The admission gate over all slots: how many queries run at once, who waits, and who is told to come back later.

A query that is let in finds at least one slot; within it, calls wait in the pools by tier (slots.py). Keys take turns,
so one that asks a hundred things at once delays itself and nobody else.
"""

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from typing import Any

from harmonic_stack.errors import KeyTooBusy, ShuttingDown, TooBusy

# A first guess at how long a query takes, until the first has been measured; in seconds.
FIRST_GUESS = 5.0
# How much the newest query counts in the mean duration.
NEWEST = 0.2
LONGEST_WAIT = 600.0


@dataclass(slots=True, eq=False)
class _Waiter:
    query: str
    tier: int
    since: float
    turn: "asyncio.Future[None]"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One query that waits: whose it is, how long already (seconds), and its place in the order."""

    query: str
    caller: str
    seconds: float
    position: int


class _Place(AbstractAsyncContextManager[None]):
    """A place while it is held."""

    __slots__ = ("_asked", "_conductor", "_since")

    def __init__(self, conductor: "Conductor", query: str, caller: str, tier: int) -> None:
        self._conductor, self._asked, self._since = conductor, (query, caller, tier), 0.0

    async def __aenter__(self) -> None:
        self._since = await self._conductor.enter(*self._asked)

    async def __aexit__(self, *_: object) -> None:
        self._conductor.leave(*self._asked, self._since)


class Conductor:
    """Lets queries in as slots allow; the rest wait in a queue that is bounded in depth and age."""

    def __init__(
        self, *, running: int, depth: int, seconds: float, per_key: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """At most *running* queries at once, *depth* waiting, each up to *seconds*; *per_key* of both for one key."""
        self.limit, self.depth, self.seconds, self.per_key = running, depth, seconds, per_key
        self._running: Counter[int] = Counter()  # by tier
        self.running = 0  # how many queries are inside
        self.idle, self.busy = asyncio.Event(), asyncio.Event()  # one of them is set: no query runs, or some do
        self.idle.set()
        self.mean_seconds = FIRST_GUESS
        self.refused: Counter[str] = Counter()
        self.closing = asyncio.Event()
        self._clock = clock
        self._queues: OrderedDict[str, deque[_Waiter]] = OrderedDict()
        self._per_key: Counter[str] = Counter()
        self._waited: dict[str, int] = {}  # by query under way: the position at which it came

    def admitted(self, query: str, caller: str, *, tier: int = 1) -> AbstractAsyncContextManager[None]:
        """Hold a place for *query* of the key *caller*, waiting for it if need be; cancelling gives it up at once.

        *tier* is that of the agent whom it asks. It is told to whoever looks, and gets nobody in sooner.

        Raises:
            KeyTooBusy: the key has as many queries under way and waiting as one may have.
            TooBusy: the queue is full, or the query has waited as long as one may.
            ShuttingDown: nothing new is taken.
        """
        return _Place(self, query, caller, tier)

    async def enter(self, query: str, caller: str, tier: int) -> float:
        """Take a place, waiting for it if need be; gives the time at which it came. See ``admitted``."""
        self._check(caller)
        self._per_key[caller] += 1
        try:
            await self._enter(query, caller, tier)
        except BaseException:
            self._end(query, caller)
            raise
        return self._clock()

    def leave(self, query: str, caller: str, tier: int, since: float) -> None:
        """Give back the place that came at *since*."""
        self.mean_seconds += NEWEST * (self._clock() - since - self.mean_seconds)
        self._leave(tier)
        self._end(query, caller)

    def _end(self, query: str, caller: str) -> None:
        self._waited.pop(query, None)
        self._per_key[caller] -= 1
        if not self._per_key[caller]:
            del self._per_key[caller]

    def close(self) -> None:
        """Take nothing new; what runs or waits goes on."""
        self.closing.set()

    @property
    def closed(self) -> bool:
        """True once nothing new is taken."""
        return self.closing.is_set()

    def any_under_way(self) -> bool:
        """Whether a query runs or waits."""
        return self.running > 0 or self.waiting > 0

    def position_of(self, query: str) -> int:
        """The place in the queue at which a query under way came; 0 where it did not wait."""
        return self._waited.get(query, 0)

    @property
    def waiting(self) -> int:
        """How many queries wait."""
        return sum(len(queue) for queue in self._queues.values())

    def running_by_tier(self) -> Mapping[int, int]:
        """The queries inside, by tier; 0 for a tier that has none."""
        return Counter(self._running)

    def waiting_by_tier(self) -> Mapping[int, int]:
        """The queries that wait, by tier; 0 for a tier that has none."""
        return Counter(waiter.tier for queue in self._queues.values() for waiter in queue)

    def queue(self) -> list[Waiting]:
        """Who waits, in the order in which they will be let in."""
        now = self._clock()
        order = [
            (turn, place, caller, waiter)
            for place, (caller, queue) in enumerate(self._queues.items())
            for turn, waiter in enumerate(queue)
        ]
        order.sort(key=lambda each: each[:2])
        return [
            Waiting(waiter.query, caller, now - waiter.since, number)
            for number, (_, _, caller, waiter) in enumerate(order, 1)
        ]

    def as_dict(self) -> dict[str, Any]:
        """The gate at one look, for people: its limits, who is inside, who waits."""
        return {
            "running": self.running,
            "waiting": self.waiting,
            "limits": {
                "running": self.limit,
                "depth": self.depth,
                "seconds": self.seconds,
                "per_key": self.per_key,
            },
            "mean_seconds": round(self.mean_seconds, 3),
            "retry_after": round(self.retry_after(), 1),
            "refused": dict(self.refused),
            "queue": [{**asdict(each), "seconds": round(each.seconds, 3)} for each in self.queue()],
            "closing": self.closed,
        }

    def retry_after(self) -> float:
        """In how many seconds a place may be free: all that wait and run, at the mean duration."""
        return min(max((self.waiting + 1) * self.mean_seconds / self.limit, 1.0), LONGEST_WAIT)

    def _check(self, caller: str) -> None:
        if self.closed:
            raise ShuttingDown(self.retry_after())
        if self._per_key[caller] >= self.per_key:
            self.refused["key"] += 1
            raise KeyTooBusy(self.retry_after())
        if self.running >= self.limit and self.waiting >= self.depth:
            self.refused["depth"] += 1
            raise TooBusy(self.retry_after())

    async def _enter(self, query: str, caller: str, tier: int) -> None:
        """Take a place or wait for one."""
        if self.running < self.limit:  # then nobody waits: a place is handed on, not given back
            self._running[tier] += 1
            self.running += 1
            self.busy.set()
            self.idle.clear()
            return
        self._waited[query] = self.waiting + 1
        waiter = _Waiter(query, tier, self._clock(), asyncio.get_running_loop().create_future())
        self._queues.setdefault(caller, deque()).append(waiter)
        try:
            async with asyncio.timeout(self.seconds):
                await waiter.turn
        except BaseException as stopped:
            if waiter.turn.done() and not waiter.turn.cancelled():
                self._leave(tier)  # the place came at the last moment: hand it on
            else:
                self._forget(caller, waiter)
            if isinstance(stopped, TimeoutError):
                self.refused["age"] += 1
                raise TooBusy(self.retry_after()) from None
            raise

    def _leave(self, tier: int) -> None:
        """Hand the place of a query of *tier* to the next key's first query; keys take turns."""
        self._running[tier] -= 1
        while self._queues:
            caller, queue = next(iter(self._queues.items()))
            waiter = queue.popleft()
            if queue:
                self._queues.move_to_end(caller)
            else:
                del self._queues[caller]
            if not waiter.turn.done():  # else it was cancelled, and its task has not run yet
                waiter.turn.set_result(None)
                self._running[waiter.tier] += 1
                return
        self.running -= 1
        if not self.running:
            self.idle.set()
            self.busy.clear()

    def _forget(self, caller: str, waiter: _Waiter) -> None:
        queue = self._queues.get(caller, deque())
        if waiter in queue:
            queue.remove(waiter)
            if not queue:
                del self._queues[caller]
