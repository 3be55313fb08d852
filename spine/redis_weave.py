"""Putting entries into a stream at ids that lie before its last, which a server refuses.

The stream is made anew beside itself and then takes its own place, in one transaction that fails when anybody wrote
the stream meanwhile: then only what was written is added, and the transaction is tried again.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from spine import ids, keys
from spine.cursor import StreamId
from spine.errors import StoreRefused, StoreState
from spine.redis_bus import Arg, Command, Link, Reply
from spine.redis_drops import Drops, left_of
from spine.redis_reply import check, entries, pairs, present
from spine.streams import Entry, by_id

WALK = 500  # entries read or written in one round trip
TRIES = 50  # only writes that were under way already, or another process's, make one fail
MINUTE = 60_000  # milliseconds that an unfinished stream may lie beside the old one


class Weaver:
    """Makes streams of one store anew."""

    def __init__(self, link: Link, drops: Drops, *, prefix: str) -> None:
        self._link = link
        self._drops = drops
        self._prefix = prefix
        self.open = asyncio.Event()  # cleared for the moment in which writers of this process have to wait
        self.open.set()

    async def weave(
        self, stream: StreamId, added: Sequence[Entry], *, bound: int | None, ttl: float | None
    ) -> set[str]:
        """Put *added* into *stream*, which has none of them, and return the ids of those that stay in it.

        The newest *bound* entries stay. Nothing added is fine: a server keeps the bytes of deleted entries beside those
        that stay, until the stream is made anew. The caller holds the drops' lock.
        """
        key, new = (name(*stream, self._prefix) for name in (keys.stream_key, keys.woven_key))
        old = await self._walk(stream, key)
        merged = sorted([*old, *added], key=by_id)
        kept = merged if bound is None else merged[-bound:]
        staying = {entry.id for entry in kept} & {entry.id for entry in added}
        if added and not staying:
            return staying
        pushed_out = len(old) + len(staying) - len(kept)
        await self._link.call(b"DEL", new)
        await self._write(new, kept)
        last = old[-1].id if old else ids.START
        life: Command = (b"PERSIST", key) if ttl is None else (b"PEXPIRE", key, int(ttl * 1000))
        for _ in range(TRIES):
            async with self._closed(), self._link.alone() as ask:
                asks: list[Command] = [(b"WATCH", key), (b"XRANGE", key, f"({last}", "+"), (b"XINFO", b"STREAM", key)]
                _, late, info = await ask(asks)
                more = entries(stream, check([late])[0])
                left = left_of(pairs(present(info)))
                if more:
                    check(await ask([_add(new, entry) for entry in more]))
                    last = more[-1].id
                before = int(await self._counted(stream))
                dropped = {stream.channel: pushed_out + max(left - before, 0)}
                steps: list[Command] = [(b"RENAME", new, key), life] if kept or more else [(b"DEL", key)]
                steps += [self._drops.begun(stream), *self._drops.more(dropped)]
                if check(await ask([(b"MULTI",), *steps, (b"EXEC",)]))[-1] is not None:
                    return staying
        raise StoreRefused(StoreState.BUSY, f"{key} is written too often to be made anew")

    @asynccontextmanager
    async def _closed(self) -> AsyncIterator[None]:
        self.open.clear()
        try:
            yield
        finally:
            self.open.set()

    async def _counted(self, stream: StreamId) -> Arg:
        found = await self._link.call(b"HGET", keys.counted_key(self._prefix), keys.counted_field(*stream))
        return found if isinstance(found, bytes) else b"0"

    async def _walk(self, stream: StreamId, key: str) -> list[Entry]:
        found: list[Entry] = []
        while True:
            start = f"({found[-1].id}" if found else "-"
            reply: Reply = await self._link.call(b"XRANGE", key, start, "+", b"COUNT", WALK)
            some = entries(stream, reply)
            found += some
            if len(some) < WALK:
                return found

    async def _write(self, key: str, kept: Sequence[Entry]) -> None:
        for start in range(0, len(kept), WALK):
            adds = [_add(key, entry) for entry in kept[start : start + WALK]]
            check(await self._link.batch([*adds, (b"PEXPIRE", key, MINUTE)]))


def _add(key: str, entry: Entry) -> Command:
    return (b"XADD", key, entry.id, *(part for field in entry.fields.items() for part in field))
