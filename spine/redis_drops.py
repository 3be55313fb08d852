"""How many entries a Redis store has dropped: counters that only grow.

A server tells of each stream how many entries were ever added to it; less those still there, that many left it. What
has left is added to a total for the channel, and a mark is kept of how far each stream is counted, so that the total
stays when the stream ends, is forgotten or is made anew.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from spine import keys
from spine.cursor import StreamId
from spine.errors import StoreRefused
from spine.redis_bus import Command, Link, Reply
from spine.redis_reply import check, number, pairs, present, text, values
from spine.signal import Channel

GROUP = 50  # streams asked about in one round trip
LENGTHS = 500  # streams asked for their length alone
Info = Mapping[str, Reply]  # of one stream, as XINFO tells it; empty where there is no such stream


class Drops:
    """The counters of one store. Whoever removes entries otherwise than by a bound holds ``lock`` meanwhile."""

    def __init__(self, link: Link, *, prefix: str, bounds: Mapping[Channel, int | None]) -> None:
        """*bounds*: the entries that a stream of each channel keeps, None for any number."""
        self.lock = asyncio.Lock()
        self._link = link
        self._prefix = prefix
        self._bounds = bounds
        self._shortened: set[StreamId] = set()
        self._owed: Counter[Channel] = Counter()  # dropped, and not yet in the totals: the store had no room for them

    async def count(self, streams: Sequence[StreamId]) -> dict[StreamId, Info]:
        """Bring the totals up to date with *streams* and return what the server tells of each; the lock is held."""
        found: dict[StreamId, Info] = {}
        for start in range(0, len(streams), GROUP):
            found |= await self._count(streams[start : start + GROUP])
        if self._owed:
            await self.drop({}, [])
        return found

    async def _count(self, streams: Sequence[StreamId]) -> dict[StreamId, Info]:
        more: Counter[Channel] = Counter()
        changes: list[Command] = []
        found = await self._ask(streams)
        for stream, (info, known) in found.items():
            left, field = left_of(info), keys.counted_field(*stream)
            more[stream.channel] += _uncounted(info, known)
            if not info and known is not None:
                changes.append((b"HDEL", keys.counted_key(self._prefix), field))
            elif left != (known or 0):
                changes.append((b"HSET", keys.counted_key(self._prefix), field, left))
        changes += self.more(more)
        if changes:
            check(await self._link.batch([(b"MULTI",), *changes, (b"EXEC",)]))
        self._shortened -= found.keys()  # not before: a store that is full refuses the marks
        return {stream: info for stream, (info, _) in found.items()}

    async def _ask(self, streams: Sequence[StreamId]) -> dict[StreamId, tuple[Info, int | None]]:
        """Return what the server tells of each stream, and how many that left it are counted (None: no mark)."""
        fields = [keys.counted_field(*stream) for stream in streams]
        asks: list[Command] = [(b"XINFO", b"STREAM", keys.stream_key(*stream, self._prefix)) for stream in streams]
        *told, counted = await self._link.batch([*asks, (b"HMGET", keys.counted_key(self._prefix), *fields)])
        known = [None if mark is None else int(text(mark) or 0) for mark in values(check([counted])[0])]
        return dict(zip(streams, zip([pairs(present(reply)) for reply in told], known, strict=True), strict=True))

    async def losing(self, streams: Sequence[StreamId]) -> dict[StreamId, int]:
        """Return how many more entries are dropped once a stream is removed; nothing is written, the lock is held.

        A server shortens no stream to less than its bound, so most tell by their length alone: to ask each what has
        left it would cost as much as all that its session wrote.
        """
        lost: dict[StreamId, int] = {}
        for start in range(0, len(streams), LENGTHS):
            some = streams[start : start + LENGTHS]
            asks: list[Command] = [(b"XLEN", keys.stream_key(*stream, self._prefix)) for stream in some]
            lost |= zip(some, map(number, check(await self._link.batch(asks))), strict=True)
        longer = [stream for stream, length in lost.items() if self._may_have_lost(stream, length)]
        for start in range(0, len(longer), GROUP):
            for stream, (info, known) in (await self._ask(longer[start : start + GROUP])).items():
                lost[stream] += _uncounted(info, known)
        return lost

    def _may_have_lost(self, stream: StreamId, length: int) -> bool:
        bound = self._bounds.get(stream.channel)
        return stream in self._shortened or (bound is not None and length >= bound)

    def shortened(self, stream: StreamId) -> None:
        """Take note that entries left *stream* otherwise than by its bound, and are not counted yet."""
        self._shortened.add(stream)

    async def drop(self, lost: Mapping[StreamId, int], removals: Sequence[Command]) -> None:
        """Do *removals* and count what is lost with them as dropped: later, where the store is too full for that."""
        for stream, count in lost.items():
            self._owed[stream.channel] += count
        owed = {channel: count for channel, count in self._owed.items() if count > 0}
        replies = await self._link.batch([*removals, *self.more(owed)])
        check(replies[: len(removals)])
        self._shortened -= lost.keys()
        for channel, reply in zip(owed, replies[len(removals) :], strict=True):
            if not isinstance(reply, StoreRefused):
                del self._owed[channel]

    def more(self, counts: Mapping[Channel, int]) -> list[Command]:
        """Return the commands that add *counts* to the totals."""
        return [(b"HINCRBY", keys.dropped_key(self._prefix), c.value, n) for c, n in counts.items() if n > 0]

    def forgotten(self, stream: StreamId, count: int) -> Command:
        """Return the command that says that *count* entries leave *stream* without being dropped."""
        return (b"HINCRBY", keys.counted_key(self._prefix), keys.counted_field(*stream), count)

    def gone(self, streams: Sequence[StreamId]) -> Command:
        """Return the command that removes the marks of *streams*, which are removed themselves."""
        return (b"HDEL", keys.counted_key(self._prefix), *(keys.counted_field(*stream) for stream in streams))

    def begun(self, stream: StreamId) -> Command:
        """Return the command that says that *stream* is made anew, and nothing has left it."""
        return (b"HSET", keys.counted_key(self._prefix), keys.counted_field(*stream), 0)

    async def totals(self) -> dict[Channel, int]:
        """Return how many entries of each channel were dropped."""
        found = pairs(await self._link.call(b"HGETALL", keys.dropped_key(self._prefix)))
        return {c: int(text(found.get(str(c.value))) or 0) + self._owed[c] for c in Channel}


def _uncounted(info: Info, known: int | None) -> int:
    """Return how many have left a stream beyond the *known* ones, which are counted."""
    left, before = left_of(info), known or 0
    # A stream that ended and began anew has lost fewer than were counted of it before.
    return left - before if left >= before else left


def left_of(info: Info) -> int:
    """Return how many entries have left a stream; 0 on a server before Redis 7.0, which does not tell."""
    length = number(info.get("length", 0))
    return number(info.get("entries-added", length)) - length
