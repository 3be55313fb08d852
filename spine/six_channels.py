"""The bus: six channels on one store of streams, with the record as channel 2's truth."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace

from spine import reading, wire
from spine.bus import ChannelStats, Health, Page, SessionInfo
from spine.errors import BadSignal
from spine.record import Record
from spine.retention import Retention
from spine.signal import Channel, Signal
from spine.streams import Entry, Readable, Streams, Wanted, stream_of
from spine.writers import check_writer


class SixChannels:
    """The one implementation of `Bus`; what differs between stores is in *streams*."""

    def __init__(
        self, streams: Streams, record: Record, retention: Retention, *, wall: Callable[[], float] = time.time
    ) -> None:
        self._streams = streams
        self._record = record
        self._retention = retention
        self._wall = wall
        self._unreadable: Counter[Channel] = Counter()
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
        return list(self._decoded(await reading.newest(self._source(channel), channel, session, count)))

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
        self, channels: Sequence[Channel] | None = None, *, session: str | None = None, after: str = "$"
    ) -> AsyncIterator[Signal]:
        """Follow *channels* (None: all) live, from the id *after* or, with ``"$"``, from this call on."""
        chosen = frozenset(Channel if channels is None else channels)
        entries = reading.follow(self._streams, chosen, session, self._streams.cursor(after), lambda: self._closed)
        return self._live(entries)

    async def _live(self, entries: AsyncIterator[Entry]) -> AsyncIterator[Signal]:
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

    async def stats(self) -> list[ChannelStats]:
        """Return what each of the six channels holds, in their order."""
        found = {**await self._streams.census(), Channel.PERSISTENT: await self._record.census()}
        return [
            ChannelStats(c, n.entries, n.bytes, n.dropped, self._unreadable[c], n.oldest, n.newest)
            for c, n in sorted(found.items())
        ]

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


def _joined(one: SessionInfo, other: SessionInfo) -> SessionInfo:
    return SessionInfo(
        one.id,
        min(one.started, other.started),
        max(one.last, other.last),
        Counter(one.counts) + Counter(other.counts),
    )
