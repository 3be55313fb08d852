"""Streams that outlive their store.

While the store is lost, everything goes to streams within this process. A watcher looks for the store, and at its
return brings it up to date: first what was to be forgotten, then the copy of channel 2 from the record, then what
was said meanwhile. All of it carries the ids that it was given before, and the store takes no id twice.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeAlias, TypeVar

from spine import ids
from spine.bus import Health, SessionInfo, Taken
from spine.cursor import Cursor, StreamId
from spine.errors import SpineError, StoreRefused, StoreUnavailable
from spine.held import Held
from spine.ids import IdClock
from spine.memory_streams import MemoryStreams
from spine.record import Record
from spine.redis_streams import RedisStreams
from spine.retention import Retention
from spine.signal import Channel
from spine.streams import LASTING, Ask, Census, Entry, Streams

T = TypeVar("T")
Lost: TypeAlias = tuple[float, str]  # since when (unix seconds), and why

BEAT = 1.0  # seconds between two looks at a store that seems well
FIRST, LAST = 0.1, 2.0  # seconds between two tries to reach a lost one: doubled from the first to the last
TIDY = 5.0  # seconds between two times that the store's counters and log are put in order
BATCH = 200  # entries carried over in one round trip

log = logging.getLogger(__name__)


class ResilientStreams:
    """A Redis store, and this process in its stead while it is lost."""

    def __init__(
        self,
        store: RedisStreams,
        record: Record,
        retention: Retention,
        clock: IdClock,
        *,
        held: Held | None = None,
        beat: float = BEAT,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._record = record
        self._beat = beat
        self._wall = wall
        self._clock = monotonic
        self._fallback = MemoryStreams(retention, clock, held=held)
        self._lost: Lost | None = None
        self._mark = ""  # of the store that we brought up to date
        self._copied = ids.START  # all of the record up to this id is in the store
        self._known: Counter[Channel] = Counter()  # dropped, as the store last told
        self._owed: Counter[Channel] = Counter()  # dropped here and not yet counted in the store
        self._shown: Counter[Channel] = Counter()
        self._tidied = 0.0
        self._closed = False
        self._alarm = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Reach for the store once, and from now on watch it."""
        try:
            await self._bring_up_to_date()
        except (StoreUnavailable, StoreRefused) as error:
            self._lose(error)
        self._watcher = asyncio.create_task(self._watch(), name="spine:watch")

    async def append(self, entries: Sequence[Entry]) -> list[str]:
        """Add *entries* under new ids and return those. A write cut off half-way may stand twice."""
        return await self._ask(lambda streams: streams.append(entries))

    async def copy(self, entries: Sequence[Entry]) -> int:
        """Add *entries* of the record under their ids; the caller holds ``record.changing``."""
        if self._lost is None:
            try:
                # All that is missing, not only these: a writer that was cancelled may have left a gap.
                return await self._catch_up()
            except (StoreUnavailable, StoreRefused) as error:
                self._lose(error)
        return await self._fallback.copy(entries)

    async def insert(self, entries: Sequence[Entry]) -> list[Taken]:
        """Add *entries* under the ids they carry; for those of the record the caller holds ``record.changing``."""
        if self._lost is None and any(entry.stream == LASTING for entry in entries):
            try:
                await self._catch_up()  # else a later entry would keep out what the copy still lacks
            except (StoreUnavailable, StoreRefused) as error:
                self._lose(error)
        return await self._ask(lambda streams: streams.insert(entries))

    async def delete(self, entry: Entry) -> None:
        """Remove one entry; of the record's copy, a lost store catches up when it returns."""
        await self._ask(lambda streams: streams.delete(entry))

    async def streams(self, channel: Channel, session: str | None) -> list[StreamId]:
        """Return the streams of *channel*: of one session, or with None of all known sessions."""
        return await self._ask(lambda streams: streams.streams(channel, session))

    async def forward(self, asks: Sequence[Ask], count: int) -> list[list[Entry]]:
        """Return for each ask up to *count* entries after its id, oldest first."""
        return await self._ask(lambda streams: streams.forward(asks, count))

    async def backward(self, asks: Sequence[Ask], count: int) -> list[list[Entry]]:
        """Return for each ask up to *count* entries before its id (``""``: from the end), newest first."""
        return await self._ask(lambda streams: streams.backward(asks, count))

    def cursor(self, after: str) -> Cursor:
        """Return where a live reader starts: after an id, or with ``"$"`` after all that was written till now."""
        return self._current().cursor(after)

    async def fresh(self, channels: Collection[Channel], session: str | None, cursor: Cursor) -> list[Entry]:
        """Return entries beyond *cursor* in the order of their ids; none after a quarter of a second without news."""
        return await self._ask(lambda streams: streams.fresh(channels, session, cursor))

    async def sessions(self) -> list[SessionInfo]:
        """Return the sessions with entries on any channel but 2, with those counts."""
        return await self._ask(lambda streams: streams.sessions())

    async def forget(self, session: str) -> Mapping[Channel, int]:
        """Remove all entries of *session* and return how many; a lost store catches up when it returns."""
        return await self._ask(lambda streams: streams.forget(session))

    async def census(self) -> Mapping[Channel, Census]:
        """Return what is held on each channel; what was dropped is counted here and in the store, and only grows."""
        found = await self._ask(lambda streams: streams.census())
        if self._lost is None:
            self._known = Counter({channel: census.dropped for channel, census in found.items()})
        for channel in found:
            dropped = self._known[channel] + self._owed[channel] + self._fallback.dropped.get(channel, 0)
            self._shown[channel] = max(self._shown[channel], dropped)
        return {channel: replace(census, dropped=self._shown[channel]) for channel, census in found.items()}

    def health(self) -> Health:
        """Tell whether the store is there, or since when and why it is not."""
        well = self._store.health()
        if self._lost is None:
            return well
        since, reason = self._lost
        return replace(well, state="degraded", since=since, reason=reason)

    async def aclose(self) -> None:
        """Stop watching and close all connections."""
        self._closed = True
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
        await self._fallback.aclose()
        await self._store.aclose()

    def _current(self) -> Streams:
        return self._store if self._lost is None else self._fallback

    async def _ask(self, ask: Callable[[Streams], Awaitable[T]]) -> T:
        """Ask the store, or where it is lost or refuses, this process."""
        if self._lost is None:
            try:
                return await ask(self._store)
            except (StoreUnavailable, StoreRefused) as error:
                self._lose(error)
        return await ask(self._fallback)

    def _lose(self, error: StoreUnavailable | StoreRefused) -> None:
        if self._lost is None and not self._closed:
            log.warning("the store is lost: going on in this process", extra={"reason": str(error)})
        self._lost = (self._lost[0] if self._lost else self._wall(), str(error))
        self._alarm.set()

    async def _watch(self) -> None:
        pause = FIRST
        while True:
            if self._lost is None:
                pause = FIRST
                await self._rest(self._beat)
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LAST)
            try:
                await self._look()
            except (StoreUnavailable, StoreRefused) as error:
                self._lose(error)
            except SpineError as error:  # the record: its own trouble is in the health, and the next look tries again
                log.warning("the store is not up to date", extra={"reason": str(error)})

    async def _rest(self, seconds: float) -> None:
        self._alarm.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._alarm.wait()

    async def _look(self) -> None:
        """Bring the store up to date when it was lost, wiped or replaced, or when its copy is behind the record."""
        if self._lost is None and await self._store.identify() == self._mark and not self._is_behind():
            if self._clock() - self._tidied >= TIDY:
                self._tidied = self._clock()
                await self._tidy()
            return
        await self._bring_up_to_date()

    async def _tidy(self) -> None:
        owed, self._owed = self._owed, Counter()
        try:
            await self._store.add_dropped(owed)
        except BaseException:
            self._owed += owed
            raise
        await self._store.make_room()
        await self._store.tidy()

    def _is_behind(self) -> bool:
        return ids.order(self._copied) < ids.order(self._record.last) and not self._record.changing.locked()

    async def _bring_up_to_date(self) -> None:
        await self._store.make_room()  # first: a store that is full of our own refuses all that follows
        mark = await self._store.identify()
        await self._store.probe()
        self._store.reset()
        async with self._record.changing:
            for session in await self._record.owed():
                await self._store.forget(session)
                await self._record.settle(session)
            await self._restore()
            await self._carry_over()
            # From here on without an await: nothing can slip in between the last entry carried over and the store.
            self._owed += Counter(self._fallback.dropped)
            if self._mark not in ("", mark):  # another store, which counts from zero
                self._owed += self._known
                self._known.clear()
            self._fallback.empty()
            self._mark = mark
            if self._lost is not None:
                log.info("the store is back", extra={"seconds": round(self._wall() - self._lost[0], 3)})
            self._lost = None

    async def _restore(self) -> None:
        """Make the store's copy of channel 2 equal to the record, adding only what is missing where that is enough."""
        kept = [entry.id async for some in self._store.walk(LASTING) for entry in some]
        # A record in memory is no truth about entries of an earlier run: those stay.
        if self._record.path is not None and kept != (await self._record.ids())[: len(kept)]:
            await self._store.clear(LASTING)
            kept = []
        self._copied = kept[-1] if kept else ids.START
        await self._catch_up()

    async def _catch_up(self) -> int:
        """Copy what the record has beyond what was copied; the caller holds ``record.changing``."""
        taken = 0
        while found := (await self._record.forward([(LASTING, self._copied)], BATCH))[0]:
            taken += await self._store.copy(found)
            self._copied = found[-1].id
        # The record's last id may be of an entry that was forgotten since: there is nothing to copy for it.
        self._copied = max(self._copied, self._record.last, key=ids.order)
        return taken

    async def _carry_over(self) -> None:
        """Give the store what was said while it was lost; what it has of that already, it does not take again."""
        done = ids.START
        while found := self._fallback.everything(done):
            own = [entry for entry in found if entry.stream != LASTING]
            for start in range(0, len(own), BATCH):
                await self._store.insert(own[start : start + BATCH])
            done = found[-1].id
