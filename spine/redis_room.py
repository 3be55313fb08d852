"""Keeping what the bus takes within its server's memory: the sessions longest unused make room, well before the limit.

Nothing is asked for a write. After every so many bytes that went to the server, and every few seconds, one INFO tells
what the server uses; only beyond the mark are streams measured (MEMORY USAGE, the server's estimate). Who writes
meanwhile waits until there is room.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from spine import keys, room
from spine.bus import Memory
from spine.cursor import StreamId, stream_of
from spine.errors import StoreRefused, StoreState
from spine.held import Held
from spine.redis_bus import Command, Link
from spine.redis_drops import Drops
from spine.redis_index import SessionIndex
from spine.redis_reply import number, text
from spine.retention import Retention
from spine.signal import Channel
from spine.streams import LASTING, SESSION_CHANNELS

BLOCK = 32  # sessions measured in one round trip
MOST = 1_024  # sessions measured to tell what all of them take; of more, every so many-th
ROUNDS = 4  # times that room is made at one look: what a stream takes is an estimate
SETTLE, PAUSE = 50, 0.01  # looks, and seconds between them, for a server that frees memory in the background
META = stream_of(Channel.META, "")

log = logging.getLogger(__name__)


class Room:
    """The memory of one store; ``due`` is the count of bytes sent at which it has to be looked at."""

    def __init__(
        self,
        link: Link,
        index: SessionIndex,
        drops: Drops,
        *,
        prefix: str,
        retention: Retention,
        held: Held,
        written: Callable[[], Mapping[str, str]],
    ) -> None:
        """*written* tells the sessions that this process wrote and the id of the last entry of each."""
        self.due = 0
        self.memory: Memory | None = None
        self._link, self._index, self._drops, self._held = link, index, drops, held
        self._prefix = prefix
        self._share, self._own = retention.store_share, retention.store_bytes
        self._written = written
        self._lock = asyncio.Lock()
        self._ours: tuple[int, int] | None = None  # what our streams took, and the bytes sent by then
        self._fixed = 0
        self._evicted = 0
        self._denied: set[str] = set()  # what the server does not let us do

    async def look(self, *, now: bool = False) -> None:
        """Make room where the server's use, or ours, is beyond its mark; *now*: also when it is not due yet."""
        if self._share is None:
            self.due = self._link.sent + 2**62
            return
        async with self._lock:
            if not now and self._link.sent < self.due:
                return  # another writer has looked meanwhile
            for _ in range(ROUNDS):
                if not await self._make(self._share):
                    return

    async def _make(self, share: float) -> bool:
        """Look once, make room once; return whether it is worth another look."""
        used, limit = await self._settled()
        bounds = room.marks(limit, share=share, own=self._own)
        self.due = self._link.sent + bounds.step
        ours = None if self._ours is None else self._ours[0] + self._link.sent - self._ours[1]  # at most
        asked = room.need(bounds, used=used, ours=ours or 0, fixed=self._fixed)
        if asked.free or (ours is None and (asked.beyond_us or bounds.own is not None)):
            ours = await self._measure()
            asked = room.need(bounds, used=used, ours=ours or 0, fixed=self._fixed)
        made = await self._evict(asked.free) if asked.free else 0
        self._tell(bounds, used, limit, asked.beyond_us + (0 if made else asked.free))
        return made > 0

    def _tell(self, bounds: room.Marks, used: int | None, limit: int | None, beyond_us: int) -> None:
        troubles = [f"the server does not allow {name}" for name in sorted(self._denied)]
        if beyond_us:
            troubles.append(f"{beyond_us} bytes too many are in use that are not for sessions to free")
        trouble = "; ".join(troubles)
        if trouble and not (self.memory and self.memory.trouble):
            log.warning("the store's memory cannot be kept within its bound", extra={"reason": trouble})
        own = None if self._ours is None or bounds.own is None else self._ours[0] + self._fixed
        self.memory = Memory(used, limit, bounds.used, own, bounds.own, self._evicted, trouble)

    async def _settled(self) -> tuple[int | None, int | None]:
        """Return what the server uses of its limit, and the limit, once it has freed what was removed."""
        for _ in range(SETTLE):
            try:
                lines = text(await self._link.call(b"INFO", b"memory")).splitlines()
            except StoreRefused as refused:
                self._refused(refused, "INFO")
                return None, None
            told = {name: value for name, _, value in (line.partition(":") for line in lines)}
            if int(told.get("lazyfree_pending_objects", 0)) == 0:
                break
            await asyncio.sleep(PAUSE)
        used = int(told["used_memory"]) - int(told.get("mem_not_counted_for_evict", 0))
        return used, int(told.get("maxmemory", 0)) or None

    def _refused(self, refused: StoreRefused, name: str) -> None:
        if refused.state is not StoreState.NOPERM:
            raise refused
        self._denied.add(name)

    async def _measure(self) -> int | None:
        """Return what sessions and channel 5 take, from a sample where there are many sessions; None: unknown."""
        names = list(await self._index.started())
        every = max(1, -(-len(names) // MOST))
        sent, ours = self._link.sent, 0
        for start in range(0, len(names), every * BLOCK):
            sizes = await self._sizes(_of(names[start : start + every * BLOCK : every]))
            ours += sum(sizes.values()) * every
        shared = await self._sizes([META, LASTING])
        if "MEMORY USAGE" in self._denied:
            return None
        self._fixed = shared[LASTING]
        ours += shared[META]
        self._ours = (ours, sent)
        return ours

    async def _sizes(self, streams: Sequence[StreamId]) -> dict[StreamId, int]:
        """Return the bytes that each stream takes, as the server estimates them; 0 where there is none."""
        asks: list[Command] = [(b"MEMORY", b"USAGE", keys.stream_key(*stream, self._prefix)) for stream in streams]
        sizes = dict.fromkeys(streams, 0)
        for stream, reply in zip(streams, await self._link.batch(asks), strict=True):
            if isinstance(reply, StoreRefused):
                self._refused(reply, "MEMORY USAGE")
            else:
                sizes[stream] = number(reply or 0)
        return sizes

    async def _evict(self, free: int) -> int:
        """Let go of whole sessions, the longest unused first, then of the older half of what is largest."""
        names = room.longest_unused(await self._index.by_use(), self._written())
        staying: dict[StreamId, int] = {}
        made = 0
        for start in range(0, len(names), BLOCK):
            if made >= free:
                break
            some = names[start : start + BLOCK]
            sizes = await self._sizes(_of(some))
            whole = [(session, sum(sizes[stream] for stream in _of([session]))) for session in some]
            keep = {names[-1], *(session for session in some if session in self._held)}
            leaving = room.victims(whole, free - made, keep=keep)
            self._evicted += await self._index.evict(leaving)
            made += sum(size for session, size in whole if session in leaving)
            staying |= {stream: size for stream, size in sizes.items() if stream.session not in leaving}
        if made < free:
            staying |= await self._sizes([META])
            made += await self._halve(room.largest(staying, 2 * (free - made)))
        if made and self._ours is not None:
            self._ours = (max(self._ours[0] - made, 0), self._ours[1])
        log.info("made room in the store", extra={"bytes": made, "sessions": self._evicted})
        return made

    async def _halve(self, sizes: Mapping[StreamId, int]) -> int:
        """Trim streams to the newer half of their entries, which counts as dropped; return the bytes that makes."""
        names = {stream: keys.stream_key(*stream, self._prefix) for stream in sizes}
        lengths = await self._link.batch([(b"XLEN", name) for name in names.values()])
        halves = {s: number(n) // 2 for s, n in zip(names, lengths, strict=True) if not isinstance(n, StoreRefused)}
        trims: list[Command] = [(b"XTRIM", names[s], b"MAXLEN", b"~", half) for s, half in halves.items() if half]
        made = 0
        for stream, reply in zip((s for s, half in halves.items() if half), await self._link.batch(trims), strict=True):
            if isinstance(reply, StoreRefused):
                self._refused(reply, "XTRIM")
            elif reply:
                made += sizes[stream] * number(reply) // (2 * halves[stream])
                self._drops.shortened(stream)
        return made


def _of(sessions: Sequence[str]) -> list[StreamId]:
    return [stream_of(channel, session) for session in sessions for channel in SESSION_CHANNELS]
