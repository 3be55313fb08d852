"""The streams within this process: ``memory://``, and what the bus goes on with while its store is away."""

import asyncio
import time
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from msgspec.structs import replace

from spine import ids
from spine.bus import Health, Memory, SessionInfo, Taken
from spine.cursor import Cursor, StreamId, stream_of
from spine.held import Held
from spine.ids import IdClock
from spine.retention import MINUTE, Retention
from spine.signal import Channel
from spine.streams import LASTING, POLL, SESSION_CHANNELS, Ask, Census, Entry, Readable, Wanted, by_id
from spine.wire import size_of

REFILL = 200  # entries taken from the record at a time
# What Python keeps beside an entry's content: 75,000 signals of 370 bytes took 1,780 bytes each of resident memory.
OVERHEAD = 1_400


@dataclass(slots=True)
class _Shelf:
    """One stream's entries in the order of their ids, and when it was last written (monotonic seconds)."""

    entries: list[Entry] = field(default_factory=list)
    bytes: int = 0
    written: float = 0.0

    def after(self, entry_id: str) -> int:
        """Return the index of the first entry after *entry_id*."""
        return bisect_right(self.entries, ids.order(entry_id), key=by_id)


def weight_of(entry: Entry) -> int:
    """The memory that an entry takes here, in bytes: its content, and the objects that hold it."""
    return size_of(entry.fields) + OVERHEAD


class MemoryStreams:
    """All streams as lists. Nothing here blocks or awaits but `fresh`, so no two calls interleave."""

    def __init__(
        self,
        retention: Retention,
        clock: IdClock,
        *,
        record: Readable | None = None,
        held: Held | None = None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._retention = retention
        self._clock = clock
        self._record = record
        self._held = held or Held()
        self._wall = wall
        self._monotonic = monotonic
        self._shelves: dict[StreamId, _Shelf] = {}
        self._sessions: OrderedDict[str, float] = OrderedDict()  # id -> started; the last one used is last
        self._dropped: Counter[Channel] = Counter()
        self._bytes = 0
        self._swept = monotonic()
        self._news = asyncio.Event()

    async def start(self) -> None:
        """Take the copy of channel 2 from the record, when there is one."""
        if self._record is None:
            return
        after = ids.START
        while found := (await self._record.forward([(LASTING, after)], REFILL))[0]:
            await self.copy(found)
            after = found[-1].id

    async def append(self, entries: Sequence[Entry]) -> list[str]:
        """Add *entries* under new ids and return those."""
        named = [replace(entry, id=self._clock.next()) for entry in entries]
        await self.copy(named)
        return [entry.id for entry in named]

    async def copy(self, entries: Sequence[Entry]) -> int:
        """Add *entries* under the ids they carry, except those not newer than their stream; return how many."""
        self._sweep()
        taken = sum(self._add(entry) for entry in entries)
        self._news.set()
        return taken

    async def insert(self, entries: Sequence[Entry]) -> list[Taken]:
        """Add *entries*, sorted by id, under the ids they carry, wherever in their streams those stand."""
        self._sweep()
        taken = [self._insert(entry) for entry in entries]
        self._news.set()
        return taken

    def _insert(self, entry: Entry) -> Taken:
        shelf = self._shelves.setdefault(entry.stream, _Shelf())
        place, bound = shelf.after(entry.id), self._retention.maxlen.get(entry.stream.channel)
        if place and shelf.entries[place - 1].id == entry.id:
            return Taken.KNOWN
        if place == 0 and bound is not None and len(shelf.entries) >= bound:
            return Taken.BEYOND
        self._put(shelf, place, entry)
        return Taken.NEW

    async def delete(self, entry: Entry) -> None:
        """Remove one entry."""
        shelf = self._shelves.get(entry.stream, _Shelf())
        place = shelf.after(entry.id)
        if place and shelf.entries[place - 1].id == entry.id:
            self._account(shelf, [shelf.entries.pop(place - 1)])

    def _add(self, entry: Entry) -> bool:
        shelf = self._shelves.setdefault(entry.stream, _Shelf())
        if shelf.entries and by_id(entry) <= by_id(shelf.entries[-1]):
            return False
        self._put(shelf, len(shelf.entries), entry)
        return True

    def _put(self, shelf: _Shelf, place: int, entry: Entry) -> None:
        self._clock.saw(entry.id)
        shelf.entries.insert(place, entry)
        shelf.written = self._monotonic()
        size = weight_of(entry)
        shelf.bytes += size
        self._bytes += size
        self._register(entry.session)
        self._trim(entry.stream, shelf)

    def _register(self, session: str) -> None:
        self._sessions.setdefault(session, self._wall())
        self._sessions.move_to_end(session)
        beyond = len(self._sessions) - self._retention.max_sessions
        if beyond > 0:
            unused = (known for known in self._sessions if known != session and known not in self._held)
            for oldest in list(islice(unused, beyond)):
                del self._sessions[oldest]
                for channel in SESSION_CHANNELS:
                    self._dropped[channel] += self._drop(stream_of(channel, oldest))

    def _trim(self, stream: StreamId, shelf: _Shelf) -> None:
        bound = self._retention.maxlen.get(stream.channel)
        if bound is not None and len(shelf.entries) > bound:
            self._cut(stream, shelf, len(shelf.entries) - bound)
        while self._bytes > self._retention.max_bytes:
            # Rare, so the search over all streams is cheaper than keeping an order of all entries.
            held = ((stream, shelf) for stream, shelf in self._shelves.items() if shelf.entries)
            self._cut(*min(held, key=lambda item: by_id(item[1].entries[0])), 1)

    def _cut(self, stream: StreamId, shelf: _Shelf, count: int) -> None:
        self._account(shelf, shelf.entries[:count])
        del shelf.entries[:count]
        self._dropped[stream.channel] += count

    def _drop(self, stream: StreamId) -> int:
        shelf = self._shelves.pop(stream, None)
        if shelf is None:
            return 0
        self._account(shelf, shelf.entries)
        return len(shelf.entries)

    def _account(self, shelf: _Shelf, leaving: Sequence[Entry]) -> None:
        size = sum(weight_of(entry) for entry in leaving)
        shelf.bytes -= size
        self._bytes -= size

    def _sweep(self) -> None:
        """Drop the streams that outlived their TTL; looked for once a minute, by the monotonic clock."""
        now = self._monotonic()
        if now - self._swept < MINUTE:
            return
        self._swept = now
        for stream, shelf in list(self._shelves.items()):
            ttl = self._retention.ttl.get(stream.channel)
            if ttl is not None and now - shelf.written > ttl:
                self._drop(stream)

    async def streams(self, channel: Channel, session: str | None) -> list[StreamId]:
        """Return the streams of *channel*: of one session, or with None of all known sessions."""
        if channel.shared or session is not None:
            return [stream_of(channel, session or "")]
        return [stream for stream in self._shelves if stream.channel is channel]

    async def forward(self, asks: Sequence[Ask], count: int) -> list[list[Entry]]:
        """Return for each ask up to *count* entries after its id, oldest first."""
        self._sweep()
        return [self._forward(stream, after, count) for stream, after in asks]

    def _forward(self, stream: StreamId, after: str, count: int | None = None) -> list[Entry]:
        shelf = self._shelves.get(stream)
        if shelf is None:
            return []
        start = shelf.after(after)
        return shelf.entries[start : None if count is None else start + count]

    async def backward(self, asks: Sequence[Ask], count: int) -> list[list[Entry]]:
        """Return for each ask up to *count* entries before its id (``""``: from the end), newest first."""
        self._sweep()
        return [self._backward(stream, before, count) for stream, before in asks]

    def _backward(self, stream: StreamId, before: str, count: int) -> list[Entry]:
        shelf = self._shelves.get(stream, _Shelf())
        older = (entry for entry in reversed(shelf.entries) if not before or by_id(entry) < ids.order(before))
        return list(islice(older, count))

    def cursor(self, after: str) -> Cursor:
        """Return where a live reader starts: after an id, or with ``"$"`` after all that was written till now."""
        return Cursor(self._clock.last) if after == "$" else Cursor.parse(after)

    async def fresh(self, channels: Collection[Channel], session: str | None, cursor: Cursor) -> list[Entry]:
        """Return entries beyond *cursor* in the order of their ids; none after a quarter of a second without news."""
        found = self._beyond(channels, session, cursor)
        if not found:
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._news.wait()
            found = self._beyond(channels, session, cursor)
        return found

    def _beyond(self, channels: Collection[Channel], session: str | None, cursor: Cursor) -> list[Entry]:
        found: list[Entry] = []
        for stream, shelf in self._shelves.items():
            if stream.channel not in channels or (session and stream.session not in ("", session)):
                continue
            after = cursor.after(stream)
            if shelf.entries and by_id(shelf.entries[-1]) > ids.order(after):
                found += self._forward(stream, after)
        return sorted(found, key=by_id)

    def everything(self, after: str) -> list[Entry]:
        """Return the entries of all streams after the id *after*, in the order of their ids."""
        return sorted((e for stream in self._shelves for e in self._forward(stream, after)), key=by_id)

    def empty(self) -> None:
        """Drop everything."""
        self._shelves.clear()
        self._sessions.clear()
        self._dropped.clear()
        self._bytes = 0

    @property
    def dropped(self) -> Mapping[Channel, int]:
        """How many entries of each channel were dropped since it was empty."""
        return self._dropped

    async def sessions(self) -> list[SessionInfo]:
        """Return the sessions with entries on any channel but 2, with those counts."""
        self._sweep()
        counts: dict[str, Counter[Channel]] = {}
        last: dict[str, float] = {}
        for stream, shelf in self._shelves.items():
            if stream.channel is Channel.PERSISTENT:
                continue
            for entry in shelf.entries:
                counts.setdefault(entry.session, Counter())[stream.channel] += 1
                last[entry.session] = max(last.get(entry.session, 0.0), ids.seconds(entry.id))
        return [SessionInfo(name, self._sessions.get(name, last[name]), last[name], counts[name]) for name in counts]

    async def forget(self, session: str) -> Mapping[Channel, int]:
        """Remove all entries of *session* and return how many, by channel."""
        self._sessions.pop(session, None)
        gone = Counter({channel: self._drop(stream_of(channel, session)) for channel in SESSION_CHANNELS})
        wanted = Wanted.of(session=session)
        for channel in (Channel.PERSISTENT, Channel.META):
            shelf = self._shelves.get(stream_of(channel, ""), _Shelf())
            leaving = [entry for entry in shelf.entries if wanted.matches(entry)]
            self._account(shelf, leaving)
            shelf.entries = [entry for entry in shelf.entries if not wanted.matches(entry)]
            gone[channel] = len(leaving)
        return gone

    async def census(self) -> Mapping[Channel, Census]:
        """Return what is held on each channel."""
        self._sweep()
        return {channel: self._census(channel) for channel in Channel}

    def _census(self, channel: Channel) -> Census:
        shelves = [s for stream, s in self._shelves.items() if stream.channel is channel and s.entries]
        return Census(
            entries=sum(len(shelf.entries) for shelf in shelves),
            bytes=sum(shelf.bytes for shelf in shelves),
            dropped=self._dropped[channel],
            oldest=min((ids.seconds(shelf.entries[0].id) for shelf in shelves), default=None),
            newest=max((ids.seconds(shelf.entries[-1].id) for shelf in shelves), default=None),
        )

    def health(self) -> Health:
        """Tell the store's state: within the process it cannot be lost."""
        bound = self._retention.max_bytes
        return Health("ok", "memory", memory=Memory(None, None, None, self._bytes, bound))

    async def aclose(self) -> None:
        """Wake the live readers, so that they see the end."""
        self._news.set()
