"""The bus: six channels on one store of streams, with the record as channel 2's truth."""

import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from msgspec import structs

from spine import ids, reading, wire
from spine.bus import ChannelStats, Health, Page, SessionInfo, Taken
from spine.cursor import StreamId, stream_of
from spine.errors import AmbiguousSignal, BadSignal, SignalNotFound, StoreUnavailable
from spine.held import Held
from spine.record import Record
from spine.retention import DAY, Retention
from spine.signal import Channel, Signal
from spine.streams import LASTING, Census, Entry, Readable, Streams, Wanted, by_id
from spine.tail import Tail
from spine.writers import check_writer


class SixChannels:
    """The one implementation of `Bus`; what differs between stores is in *streams*."""

    def __init__(
        self,
        streams: Streams,
        record: Record,
        retention: Retention,
        held: Held,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._streams = streams
        self._record = record
        self._retention = retention
        self._held = held
        self._wall = wall
        self._unreadable: Counter[Channel] = Counter()
        # Memories are read for every question and change seldom: the last answer, and of which state of the record.
        self._memories: tuple[tuple[int, int], list[Signal]] | None = None
        self._closed = False

    async def publish(self, signal: Signal) -> str:
        """Add *signal* to its channel and return its id; see `Bus`."""
        entry = self._entry(signal)
        if signal.channel is Channel.PERSISTENT:
            return (await self._remember([entry]))[0]
        return (await self._streams.append([entry]))[0]

    async def publish_many(self, signals: Sequence[Signal]) -> list[str]:
        """Add all *signals* in one round trip, or none when one of them is refused; return their ids in order."""
        entries = [self._entry(signal) for signal in signals]
        if not any(signal.channel is Channel.PERSISTENT for signal in signals):
            return await self._streams.append(entries) if entries else []
        lasting = [entry for entry in entries if entry.stream.channel is Channel.PERSISTENT]
        passing = [entry for entry in entries if entry.stream.channel is not Channel.PERSISTENT]
        remembered = iter(await self._remember(lasting) if lasting else [])
        appended = iter(await self._streams.append(passing) if passing else [])
        return [next(remembered if entry.stream.channel is Channel.PERSISTENT else appended) for entry in entries]

    def _entry(self, signal: Signal) -> Entry:
        check_writer(signal)
        fields = wire.encode(signal, time=self._wall(), limit=self._retention.max_entry)
        return Entry(stream_of(signal.channel, signal.session), "", fields)

    async def _remember(self, entries: Sequence[Entry]) -> list[str]:
        """Commit *entries* to the record, then hand the store its copy, in the same order for all writers."""
        async with self._record.changing:
            named = await self._record.append(entries)
            await self._streams.copy(named)
        return [entry.id for entry in named]

    async def recent(self, channel: Channel, session: str | None = None, *, count: int = 100) -> list[Signal]:
        """Return the newest *count* signals, oldest first; without *session* those of all sessions."""
        if channel is Channel.PERSISTENT and session is None:
            return list(await self._newest_memories(count))
        return list(self._decoded(await reading.newest(self._source(channel), channel, session, count)))

    async def _newest_memories(self, count: int) -> list[Signal]:
        asked = (self._record.changes, count)
        if self._memories is None or self._memories[0] != asked:
            found = await reading.newest(self._record, Channel.PERSISTENT, None, count)
            self._memories = asked, list(self._decoded(found))
        return self._memories[1]

    async def read(
        self,
        channel: Channel,
        *,
        session: str | None = None,
        query: str | None = None,
        writer: str | None = None,
        kind: str | None = None,
        after: str = "",
        limit: int = 100,
    ) -> Page:
        """Return the first *limit* signals after the id *after* that have all the given fields; see `Bus`."""
        own = session if channel.shared else None  # else the stream is the session's
        wanted = Wanted.of(session=own, query=query, writer=writer, kind=kind)
        found, following = await reading.page(self._source(channel), channel, session, wanted, after=after, limit=limit)
        return Page(tuple(self._decoded(found)), following)

    def tail(
        self,
        channels: Sequence[Channel] | None = None,
        *,
        session: str | None = None,
        query: str | None = None,
        writer: str | None = None,
        kind: str | None = None,
        after: str = "$",
    ) -> Tail:
        """Follow *channels* (None: all) live, from *after* on or, with ``"$"``, from this call on; see `Bus`."""
        chosen, cursor = frozenset(Channel if channels is None else channels), self._streams.cursor(after)
        wanted = Wanted.of(session=session, query=query, writer=writer, kind=kind)
        entries = reading.follow(self._streams, chosen, session, wanted, cursor, lambda: self._closed)
        return Tail(self._live(entries), cursor.words)

    async def insert(self, signals: Sequence[Signal]) -> list[Taken]:
        """Put *signals* back under the ids that they carry; see `Bus`."""
        entries = [structs.replace(self._entry(signal), id=self._old_id(signal)) for signal in signals]
        # One entry for each id of a stream: a second of the same id is known as soon as the first is taken.
        first = {(entry.stream, entry.id): entry for entry in reversed(entries)}
        ordered = sorted(first.values(), key=by_id)
        lasting = [entry for entry in ordered if entry.stream == LASTING]
        passing = [entry for entry in ordered if entry.stream != LASTING]
        taken = dict(zip(_names(lasting), await self._put_back(lasting), strict=True)) if lasting else {}
        if passing:
            taken |= zip(_names(passing), await self._streams.insert(passing), strict=True)
        return [
            taken[entry.stream, entry.id] if first[entry.stream, entry.id] is entry else Taken.KNOWN
            for entry in entries
        ]

    async def _put_back(self, entries: Sequence[Entry]) -> list[Taken]:
        async with self._record.changing:
            taken = await self._record.insert(entries)
            await self._streams.insert(entries)
        return taken

    def _old_id(self, signal: Signal) -> str:
        found = ids.order(signal.id)
        if ids.text(found) != signal.id or found == (0, 0) or found[1] >= 2**63:
            raise BadSignal("id", signal.id, "must be a whole id, milliseconds-sequence")
        if found[0] > (self._wall() + DAY) * 1000:  # ids only grow: one such would set the pace for all later ones
            raise BadSignal("id", signal.id, "is more than a day ahead")
        return signal.id

    async def remove(self, entry_id: str, *, channel: Channel | None = None, session: str | None = None) -> Channel:
        """Remove the one signal of that id; see `Bus`."""
        health = self._streams.health()
        if channel is not Channel.PERSISTENT and health.state != "ok":
            raise StoreUnavailable(health.backend, f"one signal can be removed once it is back ({health.reason})")
        ids.order(entry_id)
        async with self._record.changing:
            found: list[Entry] = []
            for each in Channel if channel is None else (channel,):
                found += await reading.find(self._source(each), each, session, entry_id)
            if not found:
                raise SignalNotFound(entry_id)
            if len(found) > 1:
                raise AmbiguousSignal(entry_id, [(entry.stream.channel, entry.session) for entry in found])
            [entry] = found
            if entry.stream == LASTING:
                await self._record.delete(entry)
            await self._streams.delete(entry)
        return entry.stream.channel

    async def _live(self, entries: AsyncIterator[Entry]) -> AsyncGenerator[Signal, None]:
        async for entry in entries:
            for signal in self._decoded([entry]):
                yield signal

    async def sessions(self) -> list[SessionInfo]:
        """Return the known sessions, the one that spoke last first."""
        found = {info.id: info for info in await self._streams.sessions()}
        for more in await self._record.sessions():
            found[more.id] = _joined(found[more.id], more) if more.id in found else more
        return sorted(found.values(), key=lambda info: info.last, reverse=True)

    async def forget(self, session: str) -> int:
        """Remove all that *session* left on any channel and in the record; return how many entries that was."""
        async with self._record.changing:
            lasting = await self._record.forget(session)
            gone = await self._streams.forget(session)
            if self._streams.health().state == "ok":  # else the record keeps in mind that the store owes this
                await self._record.settle(session)
        return lasting + sum(count for channel, count in gone.items() if channel is not Channel.PERSISTENT)

    def using(self, session: str) -> AbstractContextManager[None]:
        """Keep *session* from being evicted for the length of a ``with``; see `Bus`."""
        return self._held.using(session)

    async def stats(self) -> list[ChannelStats]:
        """Return what each of the six channels holds, in their order."""
        found = {**await self._streams.census(), Channel.PERSISTENT: await self._record.census()}
        return [self._stats(channel, census) for channel, census in sorted(found.items())]

    def _stats(self, channel: Channel, census: Census) -> ChannelStats:
        # The record works on its own: channel 2 keeps its promise while the store is away, and the others without it.
        lasting = channel is Channel.PERSISTENT
        broken = self._record.trouble is not None if lasting else self._streams.health().state != "ok"
        return ChannelStats(
            channel=channel,
            entries=census.entries,
            bytes=census.bytes,
            dropped=census.dropped,
            unreadable=self._unreadable[channel],
            oldest=census.oldest,
            newest=census.newest,
            maxlen=self._retention.maxlen.get(channel),
            ttl=self._retention.ttl.get(channel),
            state="degraded" if broken else "ok",
        )

    def health(self) -> Health:
        """Tell whether the bus stands on its store and can write its record."""
        health = self._streams.health()
        if health.state == "ok" and self._record.trouble is not None:
            since, reason = self._record.trouble
            return replace(health, state="degraded", since=since, reason=f"the record: {reason}")
        return health

    async def aclose(self) -> None:
        """Close the bus; closing twice is fine."""
        if not self._closed:
            self._closed = True
            self._memories = None
            await self._streams.aclose()
            await self._record.aclose()

    def _source(self, channel: Channel) -> Readable:
        return self._record if channel is Channel.PERSISTENT else self._streams

    def _decoded(self, entries: Iterable[Entry]) -> Iterable[Signal]:
        """Decode *entries*; what others wrote under our keys is counted and left out."""
        for entry in entries:
            try:
                yield wire.decode(entry.stream.channel, entry.id, entry.fields)
            except BadSignal:
                self._unreadable[entry.stream.channel] += 1


def _names(entries: Iterable[Entry]) -> list[tuple[StreamId, str]]:
    """Return what tells *entries* apart."""
    return [(entry.stream, entry.id) for entry in entries]


def _joined(one: SessionInfo, other: SessionInfo) -> SessionInfo:
    return SessionInfo(
        one.id,
        min(one.started, other.started),
        max(one.last, other.last),
        Counter(one.counts) + Counter(other.counts),
    )
