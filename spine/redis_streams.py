"""The streams on a Redis or Valkey server.

In the steady state a publish is one XADD and nothing else. Once a minute for each stream and session the same round
trip also renews the stream's TTL and the session's place in the index.
"""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from spine import ids, keys
from spine.bus import Health, SessionInfo
from spine.errors import StoreRefused, StoreState
from spine.ids import IdClock
from spine.redis_bus import Arg, Command, Link, Reply
from spine.redis_index import SessionIndex
from spine.redis_reply import by_stream, check, entries, milliseconds, number, pairs, present, text
from spine.retention import MINUTE, Retention
from spine.signal import Channel
from spine.streams import (
    LASTING,
    POLL,
    SESSION_CHANNELS,
    Ask,
    Census,
    Cursor,
    Entry,
    StreamId,
    Wanted,
    by_id,
    stream_of,
)

WRITERS = 64  # connections for writing and paging
READERS = 512  # connections for live readers: each holds one while it waits
FRESH = 100  # entries of each stream that a live reader takes at a time
WALK = 500  # entries taken at a time when a whole stream is walked
GROUP = 50  # streams asked about in one round trip
SHARED = tuple(stream_of(channel, "") for channel in Channel if channel.shared)


@dataclass(slots=True)
class _Known:
    """What this process remembers of a stream: how its XADD begins, its last id, when its TTL is next renewed."""

    head: tuple[Arg, ...]
    last: str = ids.START
    due: float = 0.0


class RedisStreams:
    """All streams on the server at *url*, under keys that open with *prefix*."""

    def __init__(
        self,
        url: str,
        retention: Retention,
        clock: IdClock,
        *,
        prefix: str = "",
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = Link(url, connections=WRITERS)
        self._live = Link(url, connections=READERS)
        self._index = SessionIndex(
            self._link, prefix=prefix, most=retention.max_sessions, wall=wall, monotonic=monotonic
        )
        self._retention = retention
        self._clock = clock
        self._prefix = prefix
        self._monotonic = monotonic
        self._known: dict[StreamId, _Known] = {}

    async def identify(self) -> str:
        """Return the store's mark, setting one where there is none; a wiped or replaced store has another.

        It is a write when there is something to write, so a server out of memory or read-only refuses here as well.
        """
        mark = keys.mark_key(self._prefix)
        commands: list[Command] = [
            (b"SET", mark, secrets.token_hex(8), b"NX"),
            (b"GET", mark),
            (b"TIME",),
        ]
        _, found, now = check(await self._link.batch(commands))
        self._clock.follow(milliseconds(now))
        return text(found)

    async def probe(self) -> None:
        """Raise ``StoreRefused`` when one of our keys holds something else than a stream."""
        for group in _grouped([*SHARED, *await self._session_streams(SESSION_CHANNELS)]):
            names = [self._key(stream) for stream in group]
            replies = check(await self._link.batch([(b"TYPE", name) for name in names]))
            for name, reply in zip(names, replies, strict=True):
                if text(reply) not in ("none", "stream"):
                    raise StoreRefused(StoreState.WRONGTYPE, f"{name} holds a {text(reply)}")

    def reset(self) -> None:
        """Take nothing for granted of what the store was told before."""
        self._known.clear()
        self._index.reset()

    async def append(self, entries: Sequence[Entry]) -> list[str]:
        """Add *entries* under new ids and return those."""
        if len(entries) == 1:
            known, now = self._stream(entries[0].stream), self._monotonic()
            if now < known.due and not self._index.is_due(entries[0].session, now):
                reply = await self._link.call(*known.head, b"*", *chain.from_iterable(entries[0].fields.items()))
                return [self._named(known, reply)]
        replies = check(await self._write(entries, ["*"] * len(entries)))
        return [self._named(self._stream(entry.stream), reply) for entry, reply in zip(entries, replies, strict=True)]

    async def copy(self, entries: Sequence[Entry]) -> int:
        """Add *entries* under the ids they carry, except those not newer than their stream; return how many."""
        replies = await self._write(entries, [entry.id for entry in entries])
        # A plain ERR is how the server says that the id is not newer than the stream's last.
        taken = [(entry, present(reply)) for entry, reply in zip(entries, replies, strict=True)]
        named = [self._named(self._stream(entry.stream), reply) for entry, reply in taken if reply is not None]
        return len(named)

    async def _write(self, entries: Sequence[Entry], names: Sequence[str]) -> list[Reply | StoreRefused]:
        now = self._monotonic()
        sessions = {entry.session for entry in entries if self._index.is_due(entry.session, now)}
        adds = [self._add(entry, name) for entry, name in zip(entries, names, strict=True)]
        # The index first: a reader of all sessions then finds every stream that exists.
        first = self._index.renewal(sessions)
        due = [stream for stream in {entry.stream for entry in entries} if now >= self._stream(stream).due]
        last = self._lifetimes(due)
        replies = await self._link.batch([*first, *adds, *last])
        written = replies[len(first) : len(first) + len(adds)]
        check([*replies[: len(first)], *replies[len(first) + len(adds) :]])
        for stream in due:
            self._stream(stream).due = now + MINUTE
        await self._index.renewed(sessions)
        return written

    def _lifetimes(self, streams: Collection[StreamId]) -> list[Command]:
        ending = [(stream, self._retention.ttl.get(stream.channel)) for stream in streams]
        return [(b"PEXPIRE", self._key(stream), int(ttl * 1000)) for stream, ttl in ending if ttl is not None]

    def _add(self, entry: Entry, name: str) -> Command:
        return (*self._stream(entry.stream).head, name, *chain.from_iterable(entry.fields.items()))

    def _named(self, known: _Known, reply: Reply) -> str:
        known.last = text(reply)
        self._clock.saw(known.last)
        return known.last

    def _stream(self, stream: StreamId) -> _Known:
        known = self._known.get(stream)
        if known is None:
            if len(self._known) > 2 * len(Channel) * self._retention.max_sessions:
                self._known.clear()
            bound = self._retention.maxlen.get(stream.channel)
            trim: tuple[Arg, ...] = () if bound is None else (b"MAXLEN", b"~", bound)
            known = self._known[stream] = _Known((b"XADD", self._key(stream), *trim))
        return known

    def _key(self, stream: StreamId) -> str:
        return keys.stream_key(stream.channel, stream.session, self._prefix)

    async def streams(self, channel: Channel, session: str | None) -> list[StreamId]:
        """Return the streams of *channel*: of one session, or with None of all known sessions."""
        if channel.shared or session is not None:
            return [stream_of(channel, session or "")]
        return await self._session_streams((channel,))

    async def _session_streams(self, channels: Collection[Channel]) -> list[StreamId]:
        return [stream_of(channel, session) for session in await self._index.started() for channel in channels]

    async def forward(self, asks: Sequence[Ask], count: int) -> list[list[Entry]]:
        """Return for each ask up to *count* entries after its id, oldest first."""
        bounds = [(f"({after}" if after else "-", "+") for _, after in asks]
        return await self._range(b"XRANGE", asks, bounds, count)

    async def backward(self, asks: Sequence[Ask], count: int) -> list[list[Entry]]:
        """Return for each ask up to *count* entries before its id (``""``: from the end), newest first."""
        bounds = [(f"({before}" if before else "+", "-") for _, before in asks]
        return await self._range(b"XREVRANGE", asks, bounds, count)

    async def _range(
        self, command: bytes, asks: Sequence[Ask], bounds: Sequence[tuple[str, str]], count: int
    ) -> list[list[Entry]]:
        commands = [
            (command, self._key(stream), *bound, b"COUNT", count)
            for (stream, _), bound in zip(asks, bounds, strict=True)
        ]
        replies = check(await self._link.batch(commands))
        return [entries(stream, reply) for (stream, _), reply in zip(asks, replies, strict=True)]

    async def walk(self, stream: StreamId) -> AsyncIterator[list[Entry]]:
        """Yield all entries of *stream*, oldest first, some hundred at a time."""
        after = ""
        while True:
            [found] = await self.forward([(stream, after)], WALK)
            yield found
            if len(found) < WALK:
                return
            after = found[-1].id

    async def clear(self, stream: StreamId) -> None:
        """Remove the whole *stream*."""
        await self._link.call(b"DEL", self._key(stream))
        self._known.pop(stream, None)

    def cursor(self, after: str) -> Cursor:
        """Return where a live reader starts: after an id, or with ``"$"`` after all that was written till now."""
        if after != "$":
            ids.order(after)
            return Cursor(after or ids.START)
        return Cursor(self._clock.before_now(), {stream: known.last for stream, known in self._known.items()})

    async def fresh(self, channels: Collection[Channel], session: str | None, cursor: Cursor) -> list[Entry]:
        """Return entries beyond *cursor* in the order of their ids; none after a quarter of a second without news."""
        streams = [stream for stream in SHARED if stream.channel in channels]
        own = [channel for channel in channels if not channel.shared]
        streams += [stream_of(c, session) for c in own] if session else await self._session_streams(own)
        if not streams:
            await asyncio.sleep(POLL)
            return []
        names = {self._key(stream): stream for stream in streams}
        after = [cursor.after(stream) for stream in streams]
        wait = (b"XREAD", b"COUNT", FRESH, b"BLOCK", int(POLL * 1000), b"STREAMS")
        reply = await self._live.call(*wait, *names, *after)
        found = [entry for name, rows in by_stream(reply) for entry in entries(names[name], rows)]
        for entry in found:
            self._clock.saw(entry.id)
        return sorted(found, key=by_id)

    async def sessions(self) -> list[SessionInfo]:
        """Return the sessions with entries on any channel but 2, with those counts."""
        started = await self._index.started()
        counts: dict[str, Counter[Channel]] = {}
        last: dict[str, float] = {}
        for group in _grouped(await self._session_streams(SESSION_CHANNELS)):
            names = [self._key(stream) for stream in group]
            lengths = check(await self._link.batch([(b"XLEN", name) for name in names]))
            newest = await self.backward([(stream, "") for stream in group], 1)
            for stream, length, found in zip(group, lengths, newest, strict=True):
                for entry in found:
                    counts.setdefault(stream.session, Counter())[stream.channel] = number(length)
                    last[stream.session] = max(last.get(stream.session, 0.0), ids.seconds(entry.id))
        async for some in self.walk(stream_of(Channel.META, "")):
            for entry in some:
                counts.setdefault(entry.session, Counter())[Channel.META] += 1
                last[entry.session] = max(last.get(entry.session, 0.0), ids.seconds(entry.id))
        return [SessionInfo(name, started.get(name, last[name]), last[name], counts[name]) for name in counts]

    async def forget(self, session: str) -> Mapping[Channel, int]:
        """Remove all entries of *session* and return how many, by channel."""
        own = [stream_of(channel, session) for channel in SESSION_CHANNELS]
        asks: list[Command] = [(b"XLEN", self._key(stream)) for stream in own]
        replies = check(await self._link.batch([*asks, *self._index.removal(session)]))
        gone = {s.channel: number(n) for s, n in zip(own, replies[: len(own)], strict=True)}
        for stream in own:
            self._known.pop(stream, None)
        for stream in SHARED:
            gone[stream.channel] = await self._forget_within(stream, session)
        return gone

    async def _forget_within(self, stream: StreamId, session: str) -> int:
        wanted = Wanted.of(session=session)
        gone = 0
        async for some in self.walk(stream):
            leaving = [entry.id for entry in some if wanted.matches(entry)]
            if leaving:
                # The count of dropped entries comes from those added and gone: these were not dropped.
                adjust = [self._index.dropped(stream.channel, -len(leaving))] if stream != LASTING else []
                check(await self._link.batch([(b"XDEL", self._key(stream), *leaving), *adjust]))
                gone += len(leaving)
        return gone

    async def census(self) -> Mapping[Channel, Census]:
        """Return what is held on each channel."""
        lost = pairs(await self._link.call(b"HGETALL", keys.dropped_key(self._prefix)))
        found = {channel: Census(dropped=int(text(lost.get(str(channel.value), b"0")))) for channel in Channel}
        for group in _grouped([*SHARED, *await self._session_streams(SESSION_CHANNELS)]):
            names = [self._key(stream) for stream in group]
            infos = await self._link.batch([(b"XINFO", b"STREAM", name) for name in names])
            sizes = await self._link.batch([(b"MEMORY", b"USAGE", name) for name in names])
            for stream, info, size in zip(group, infos, sizes, strict=True):
                found[stream.channel] = _joined(found[stream.channel], pairs(present(info)), size)
        return found

    def health(self) -> Health:
        """Tell the store's state, as far as an address can: `ResilientStreams` knows whether it answers."""
        return Health("ok", self._link.url)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._link.aclose()
        await self._live.aclose()


def _joined(census: Census, info: Mapping[str, Reply], size: Reply | StoreRefused) -> Census:
    """Add one stream, as XINFO and MEMORY USAGE tell it, to what is known of its channel."""
    if not info:
        return census
    length = number(info["length"])
    # Servers before Redis 7.0 do not tell what was ever added: there only dropped sessions are counted.
    dropped = number(info.get("entries-added", length)) - length
    # An access list may refuse MEMORY: then the size is unknown, not zero.
    known = census.bytes is not None and isinstance(size, int)
    return Census(
        entries=census.entries + length,
        bytes=(census.bytes or 0) + number(None if isinstance(size, StoreRefused) else size) if known else None,
        dropped=census.dropped + dropped,
        oldest=_least(census.oldest, _time(info["first-entry"]), min),
        newest=_least(census.newest, _time(info["last-entry"]), max),
    )


def _time(entry: Reply) -> float | None:
    return ids.seconds(text(entry[0])) if isinstance(entry, list) else None


def _least(one: float | None, other: float | None, choose: Callable[..., float]) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return choose(known) if known else None


def _grouped(streams: Sequence[StreamId]) -> list[Sequence[StreamId]]:
    return [streams[start : start + GROUP] for start in range(0, len(streams), GROUP)]
