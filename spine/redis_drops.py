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
from spine.redis_bus import Command, Link, Reply
from spine.redis_reply import check, number, pairs, present, text, values
from spine.signal import Channel

GROUP = 50  # streams asked about in one round trip
Info = Mapping[str, Reply]  # of one stream, as XINFO tells it; empty where there is no such stream


class Drops:
    """The counters of one store. Whoever removes entries otherwise than by a bound holds ``lock`` meanwhile."""

    def __init__(self, link: Link, *, prefix: str) -> None:
        self.lock = asyncio.Lock()
        self._link = link
        self._prefix = prefix

    async def count(self, streams: Sequence[StreamId]) -> dict[StreamId, Info]:
        """Bring the totals up to date with *streams* and return what the server tells of each; the lock is held."""
        found: dict[StreamId, Info] = {}
        for start in range(0, len(streams), GROUP):
            found |= await self._count(streams[start : start + GROUP])
        return found

    async def _count(self, streams: Sequence[StreamId]) -> dict[StreamId, Info]:
        fields = [keys.counted_field(*stream) for stream in streams]
        asks: list[Command] = [(b"XINFO", b"STREAM", keys.stream_key(*stream, self._prefix)) for stream in streams]
        *told, counted = await self._link.batch([*asks, (b"HMGET", keys.counted_key(self._prefix), *fields)])
        infos = [pairs(present(reply)) for reply in told]
        more: Counter[Channel] = Counter()
        changes: list[Command] = []
        for stream, info, field, known in zip(streams, infos, fields, values(check([counted])[0]), strict=True):
            left, before = left_of(info), int(text(known) or 0)
            # A stream that ended and began anew has lost fewer than were counted of it before.
            more[stream.channel] += left - before if left >= before else left
            if not info and known is not None:
                changes.append((b"HDEL", keys.counted_key(self._prefix), field))
            elif left != before:
                changes.append((b"HSET", keys.counted_key(self._prefix), field, left))
        changes += self.more(more)
        if changes:
            check(await self._link.batch([(b"MULTI",), *changes, (b"EXEC",)]))
        return dict(zip(streams, infos, strict=True))

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
        return {channel: int(text(found.get(str(channel.value))) or 0) for channel in Channel}


def left_of(info: Info) -> int:
    """Return how many entries have left a stream; 0 on a server before Redis 7.0, which does not tell."""
    length = number(info.get("length", 0))
    return number(info.get("entries-added", length)) - length
