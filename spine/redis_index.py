"""Which sessions a Redis store knows: two sorted sets, renewed at most once a minute, and bounded."""

from collections.abc import Callable, Collection, Iterable, Mapping

from spine import keys
from spine.cursor import StreamId
from spine.held import Held
from spine.redis_bus import Command, Link
from spine.redis_drops import Drops
from spine.redis_reply import number, scores, texts
from spine.retention import MINUTE
from spine.streams import SESSION_CHANNELS


class SessionIndex:
    """The known sessions, with when they began and when they were last in use (unix seconds)."""

    def __init__(
        self,
        link: Link,
        *,
        drops: Drops,
        prefix: str,
        most: int,
        held: Held,
        ended: Callable[[StreamId], object],
        wall: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._link = link
        self._drops = drops
        self._prefix = prefix
        self._most = most
        self._held = held
        self._ended = ended  # told of every stream that is evicted
        self._wall = wall
        self._monotonic = monotonic
        # Looked for in blocks: one look for every new session would cost as much as all its writes.
        self._block = max(1, min(most // 16, 64))
        self._new = 0
        self._due: dict[str, float] = {}  # session -> when its entry is next renewed (monotonic seconds)

    def is_due(self, session: str, now: float) -> bool:
        """Tell whether the index was not told of *session* within the last minute."""
        return now >= self._due.get(session, now)

    def renewal(self, sessions: Iterable[str]) -> list[Command]:
        """Return the commands that tell the index that *sessions* are in use."""
        now = self._wall()
        scored = [part for session in sessions for part in (now, session)]
        if not scored:
            return []
        started, used = keys.started_key(self._prefix), keys.sessions_key(self._prefix)
        return [(b"ZADD", started, b"NX", *scored), (b"ZADD", used, *scored)]

    async def renewed(self, sessions: Iterable[str]) -> None:
        """Take note that *sessions* are in the index now; drop the longest unused ones beyond the bound."""
        new = [session for session in sessions if session not in self._due]
        if len(self._due) > 2 * self._most:
            self._due.clear()
        self._due |= dict.fromkeys(sessions, self._monotonic() + MINUTE)
        self._new += len(new)
        if self._new >= self._block:
            self._new = 0
            await self._evict()

    def reset(self) -> None:
        """Forget what the index was told: the store may have lost it."""
        self._due.clear()

    async def started(self) -> Mapping[str, float]:
        """Return the known sessions with when they began."""
        return scores(await self._link.call(b"ZRANGE", keys.started_key(self._prefix), 0, -1, b"WITHSCORES"))

    def removal(self, sessions: Collection[str]) -> list[Command]:
        """Return the commands that take *sessions* and their own streams out of the store."""
        if not sessions:
            return []
        deletions: list[Command] = []  # one for each session: the keys of two may lie in different hash slots
        for session in sessions:
            self._due.pop(session, None)
            streams = _streams(session)
            names = [name(*stream, self._prefix) for stream in streams for name in (keys.stream_key, keys.woven_key)]
            deletions.append((b"DEL", *names))
        return [
            *deletions,
            self._drops.gone([stream for session in sessions for stream in _streams(session)]),
            (b"ZREM", keys.sessions_key(self._prefix), *sessions),
            (b"ZREM", keys.started_key(self._prefix), *sessions),
        ]

    async def by_use(self) -> list[str]:
        """Return the known sessions, those first that were longest not in use; true to the minute."""
        return texts(await self._link.call(b"ZRANGE", keys.sessions_key(self._prefix), 0, -1))

    async def evict(self, sessions: Collection[str]) -> int:
        """Drop all streams of *sessions*, but for those in use by now; return how many sessions that were."""
        async with self._drops.lock:
            lost = await self._drops.losing([stream for session in sessions for stream in _streams(session)])
            leaving = [session for session in sessions if session not in self._held]
            gone = [stream for session in leaving for stream in _streams(session)]
            for stream in gone:
                self._ended(stream)
            await self._drops.drop({stream: lost[stream] for stream in gone}, self.removal(leaving))
            for stream in gone:  # again: one that was written meanwhile begins anew
                self._due.pop(stream.session, None)
                self._ended(stream)
        return len(leaving)

    async def _evict(self) -> None:
        key = keys.sessions_key(self._prefix)
        beyond = number(await self._link.call(b"ZCARD", key)) - self._most
        if beyond <= 0:
            return
        oldest = texts(await self._link.call(b"ZRANGE", key, 0, beyond + self._held.total - 1))
        await self.evict([session for session in oldest if session not in self._held][:beyond])


def _streams(session: str) -> list[StreamId]:
    return [StreamId(channel, session) for channel in SESSION_CHANNELS]
