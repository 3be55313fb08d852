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

from spine import backlog, ids, keys
from spine.bus import Health, SessionInfo, Taken
from spine.cursor import Cursor, StreamId, stream_of
from spine.errors import StoreRefused, StoreState
from spine.held import Held
from spine.ids import IdClock
from spine.redis_bus import Arg, Command, Link, Reply
from spine.redis_census import joined
from spine.redis_drops import Drops
from spine.redis_index import SessionIndex
from spine.redis_reply import by_stream, check, entries, milliseconds, number, present, text
from spine.redis_room import Room
from spine.redis_weave import Weaver
from spine.retention import MINUTE, Retention
from spine.room import NEW_STREAM
from spine.signal import Channel
from spine.streams import LASTING, POLL, SESSION_CHANNELS, Ask, Census, Entry, Wanted, sessions_of

WRITERS = 64  # connections for writing and paging
READERS = 512  # connections for live readers: each holds one while it waits
WALK = 500  # entries taken at a time when a whole stream is walked
GROUP = 50  # streams asked about in one round trip
SHARED = tuple(stream_of(channel, "") for channel in Channel if channel.shared)


@dataclass(slots=True, eq=False)
class _Known:
    """What this process remembers of a stream: how its XADD begins, its last id, when its TTL is next renewed.

    ``unlooked``: written since it was last looked at for what it dropped.
    """

    head: tuple[Arg, ...]
    last: str = ids.START
    due: float = 0.0
    unlooked: bool = False


class RedisStreams:
    """All streams on the server at *url*, under keys that open with *prefix*."""

    def __init__(
        self,
        url: str,
        retention: Retention,
        clock: IdClock,
        *,
        prefix: str = "",
        held: Held | None = None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = Link(url, connections=WRITERS)
        self._live = Link(url, connections=READERS)
        self._drops = Drops(self._link, prefix=prefix, bounds=retention.maxlen)
        self._weaver = Weaver(self._link, self._drops, prefix=prefix)
        self._index = SessionIndex(
            self._link,
            drops=self._drops,
            prefix=prefix,
            most=retention.max_sessions,
            held=(held := held or Held()),
            ended=lambda stream: self._known.pop(stream, None),
            wall=wall,
            monotonic=monotonic,
        )
        self._room = Room(
            self._link, self._index, self._drops, prefix=prefix, retention=retention, held=held, written=self._last_ids
        )
        self._log_is_stale = False  # it holds what was forgotten
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

    async def make_room(self) -> None:
        """Keep what the store uses within its bound; works in a full store too."""
        await self._room.look(now=True)

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
        if self._link.sent >= self._room.due:
            await self._room.look()
        if not self._weaver.open.is_set():
            await self._weaver.open.wait()
        if len(entries) == 1:
            known, now = self._stream(entries[0].stream), self._monotonic()
            if now < known.due and not self._index.is_due(entries[0].session, now):
                reply = await self._link.call(*known.head, b"*", *chain.from_iterable(entries[0].fields.items()))
                self._note(known, text(reply))
                return [known.last]
        written = await self._write(entries, ["*"] * len(entries))
        given = [text(reply) for reply in check([reply for _, reply in written])]
        for known, last in {known: last for (known, _), last in zip(written, given, strict=True)}.items():
            self._note(known, last)
        return given

    async def copy(self, entries: Sequence[Entry]) -> int:
        """Add *entries* under the ids they carry, except those not newer than their stream; return how many."""
        if self._link.sent >= self._room.due:
            await self._room.look()
        written = await self._write(entries, [entry.id for entry in entries])
        # A plain ERR: the id is not newer than the stream's last.
        taken = [(known, text(reply)) for known, answer in written if (reply := present(answer)) is not None]
        for known, given in taken:
            self._note(known, given)
        return len(taken)

    async def insert(self, entries: Sequence[Entry]) -> list[Taken]:
        """Add *entries*, sorted by id, under the ids they carry, wherever in their streams those stand."""
        if self._link.sent >= self._room.due:
            await self._room.look()
        replies = [present(reply) for _, reply in await self._write(entries, [entry.id for entry in entries])]
        refused = [entry for entry, reply in zip(entries, replies, strict=True) if reply is None]
        here = await self.forward([(entry.stream, ids.before(entry.id)) for entry in refused], 1)
        missing: dict[StreamId, list[Entry]] = {}
        outcome = dict.fromkeys(((entry.stream, entry.id) for entry in entries), Taken.NEW)
        for entry, found in zip(refused, here, strict=True):
            if found and found[0].id == entry.id:
                outcome[entry.stream, entry.id] = Taken.KNOWN
            else:
                missing.setdefault(entry.stream, []).append(entry)
        for stream, added in missing.items():
            async with self._drops.lock:
                staying = await self._weave(stream, added)
            outcome |= {(stream, entry.id): Taken.BEYOND for entry in added if entry.id not in staying}
        return [outcome[entry.stream, entry.id] for entry in entries]

    async def delete(self, entry: Entry) -> None:
        """Remove one entry."""
        self._log_is_stale = True
        async with self._drops.lock:
            await self._delete(entry.stream, [entry.id])
            await self._weave(entry.stream, [])

    async def _delete(self, stream: StreamId, leaving: Sequence[str]) -> None:
        counted = [] if stream == LASTING else [self._drops.forgotten(stream, len(leaving))]
        check(await self._link.batch([(b"MULTI",), (b"XDEL", self._key(stream), *leaving), *counted, (b"EXEC",)]))

    async def _weave(self, stream: StreamId, added: Sequence[Entry]) -> set[str]:
        bound, ttl = self._retention.maxlen.get(stream.channel), self._retention.ttl.get(stream.channel)
        return await self._weaver.weave(stream, added, bound=bound, ttl=ttl)

    async def tidy(self) -> None:
        """Count what was dropped lately; have the server write its log anew where that holds what was forgotten."""
        written = [stream for stream, known in self._known.items() if known.unlooked]
        for stream in written:
            self._known[stream].unlooked = False
        async with self._drops.lock:
            await self._drops.count(written)
        if self._log_is_stale:
            self._log_is_stale = False
            try:
                if "aof_enabled:1" in text(await self._link.call(b"INFO", b"persistence")):
                    await self._link.call(b"BGREWRITEAOF")
            except StoreRefused as refused:  # it is at it already, and may have begun too early; or we may not ask
                self._log_is_stale = refused.state is StoreState.OTHER

    async def add_dropped(self, counts: Mapping[Channel, int]) -> None:
        """Count *counts* more entries as dropped."""
        if commands := self._drops.more(counts):
            check(await self._link.batch(commands))

    async def _write(self, entries: Sequence[Entry], names: Sequence[str]) -> list[tuple[_Known, Reply | StoreRefused]]:
        """Add *entries* under *names* and return for each its stream and the server's reply."""
        now = self._monotonic()
        known = {stream: self._stream(stream) for stream in {entry.stream for entry in entries}}
        homes = [known[entry.stream] for entry in entries]
        sessions = {session for session in sessions_of(entries) if self._index.is_due(session, now)}
        adds: list[Command] = [
            (*home.head, name, *chain.from_iterable(entry.fields.items()))
            for home, entry, name in zip(homes, entries, names, strict=True)
        ]
        # The index first: a reader of all sessions then finds every stream that exists.
        first = self._index.renewal(sessions)
        due = [stream for stream, home in known.items() if now >= home.due]
        replies = await self._link.batch([*first, *adds, *self._lifetimes(due)])
        written = replies[len(first) : len(first) + len(adds)]
        check([*replies[: len(first)], *replies[len(first) + len(adds) :]])
        for stream in due:
            self._stream(stream).due = now + MINUTE
        await self._index.renewed(sessions)
        return list(zip(homes, written, strict=True))

    def _lifetimes(self, streams: Collection[StreamId]) -> list[Command]:
        ending = [(stream, self._retention.ttl.get(stream.channel)) for stream in streams]
        return [(b"PEXPIRE", self._key(stream), int(ttl * 1000)) for stream, ttl in ending if ttl is not None]

    def _note(self, known: _Known, last: str) -> None:
        known.last = last
        known.unlooked = True
        self._clock.saw(last)

    def _stream(self, stream: StreamId) -> _Known:
        known = self._known.get(stream)
        if known is None:
            if len(self._known) > 2 * len(Channel) * self._retention.max_sessions:
                self._known.clear()
            bound = self._retention.maxlen.get(stream.channel)
            trim: tuple[Arg, ...] = () if bound is None else (b"MAXLEN", b"~", bound)
            known = self._known[stream] = _Known((b"XADD", self._key(stream), *trim))
            self._room.due -= NEW_STREAM
        return known

    def _last_ids(self) -> dict[str, str]:
        """Return the sessions that this process wrote, with the last id of each: of one under way, the greatest."""
        last: dict[str, str] = {}
        for (_, session), known in self._known.items():
            newest = ids.text(ids.ALL) if known.last == ids.START else known.last
            last[session] = max(last.get(session, ids.START), newest, key=ids.order)
        return last

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

    async def _between(self, asks: Sequence[Ask], last: str, count: int) -> list[list[Entry]]:
        return await self._range(b"XRANGE", asks, [(f"({after}", last) for _, after in asks], count)

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
            return Cursor.parse(after)
        return Cursor(self._clock.before_now(), {stream: known.last for stream, known in self._known.items()})

    async def fresh(self, channels: Collection[Channel], session: str | None, cursor: Cursor) -> list[Entry]:
        """Return entries beyond *cursor* in the order of their ids; none after a quarter of a second without news."""
        if cursor.heads:
            return await backlog.go_on(cursor, self._between)
        streams = [stream for stream in SHARED if stream.channel in channels]
        own = [channel for channel in channels if not channel.shared]
        streams += [stream_of(c, session) for c in own] if session else await self._session_streams(own)
        if not streams:
            await asyncio.sleep(POLL)
            return []
        names = {self._key(stream): stream for stream in streams}
        after, count = [cursor.after(stream) for stream in streams], backlog.share(streams)
        wait = (b"XREAD", b"COUNT", count, b"BLOCK", int(POLL * 1000), b"STREAMS")
        reply = await self._live.call(*wait, *names, *after)
        told = {names[name]: entries(names[name], rows) for name, rows in by_stream(reply)}
        for some in told.values():
            self._clock.saw(some[-1].id)
        return backlog.take(told, count, cursor)

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
        self._log_is_stale = True
        async with self._drops.lock:
            own = [stream_of(channel, session) for channel in SESSION_CHANNELS]
            found = await self._drops.count(own)
            gone = {stream.channel: number(info.get("length", 0)) for stream, info in found.items()}
            check(await self._link.batch(self._index.removal([session])))
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
                await self._delete(stream, leaving)
                gone += len(leaving)
        if gone:
            await self._weave(stream, [])
        return gone

    async def census(self) -> Mapping[Channel, Census]:
        """Return what is held on each channel."""
        streams = [stream_of(Channel.META, ""), *await self._session_streams(SESSION_CHANNELS)]
        async with self._drops.lock:
            infos = await self._drops.count(streams)
            found = {channel: Census(dropped=count) for channel, count in (await self._drops.totals()).items()}
        for group in _grouped(streams):
            sizes = await self._link.batch([(b"MEMORY", b"USAGE", self._key(stream)) for stream in group])
            for stream, size in zip(group, sizes, strict=True):
                found[stream.channel] = joined(found[stream.channel], infos[stream], size)
        return found

    def health(self) -> Health:
        """Tell the store's state, as far as an address can: `ResilientStreams` knows whether it answers."""
        return Health("ok", self._link.url, memory=self._room.memory)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._link.aclose()
        await self._live.aclose()


def _grouped(streams: Sequence[StreamId]) -> list[Sequence[StreamId]]:
    return [streams[start : start + GROUP] for start in range(0, len(streams), GROUP)]
