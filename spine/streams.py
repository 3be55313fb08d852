"""What a store of streams must do for the bus, and the few values that pass between the two.

Two implementations: `MemoryStreams` within the process, `RedisStreams` on a server. `ResilientStreams` joins them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import msgspec

from spine import ids
from spine.bus import Health, SessionInfo, Taken
from spine.cursor import Cursor, StreamId, stream_of
from spine.signal import Channel
from spine.wire import Fields

SESSION_CHANNELS = tuple(channel for channel in Channel if not channel.shared)
LASTING = stream_of(Channel.PERSISTENT, "")
# Seconds that `Streams.fresh` waits; also how late a new session's first signal may reach a reader of all sessions.
POLL = 0.25
# Entries asked of a store in one round trip, over all streams: thousands more and its answer comes too late for
# everybody, and fills the memory.
AT_ONCE = 2_000


class Entry(msgspec.Struct, frozen=True):
    """One entry of a stream: encoded, and with an id as soon as a store or the record gave one."""

    stream: StreamId
    id: str
    fields: Fields

    @property
    def session(self) -> str:
        """The session that the entry belongs to, also on a shared stream."""
        return self.fields.get(b"session", b"").decode(errors="replace")


def sessions_of(entries: Iterable[Entry]) -> set[str]:
    """Return the sessions that *entries* belong to."""
    return {found.decode(errors="replace") for found in {entry.fields.get(b"session", b"") for entry in entries}}


def by_id(entry: Entry) -> ids.Order:
    """Return what entries are sorted by."""
    return ids.order(entry.id)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The values that some fields must have; they are compared before anything is decoded."""

    fields: Mapping[bytes, bytes]

    @classmethod
    def of(cls, **values: str | None) -> "Wanted":
        """Return the filter for all *values* that are given."""
        given = {name: value for name, value in values.items() if value is not None}
        return cls({name.encode(): value.encode(errors="replace") for name, value in given.items()})

    def matches(self, entry: Entry) -> bool:
        """Tell whether *entry* has all the wanted values."""
        return all(entry.fields.get(name) == value for name, value in self.fields.items())


Ask: TypeAlias = tuple[StreamId, str]  # a stream, and the id to read on from


class Readable(Protocol):
    """What can be read by pages: a store's streams, and the record of channel 2."""

    async def streams(self, channel: Channel, session: str | None, /) -> list[StreamId]:
        """Return the streams of *channel*: of one session, or with None of all known sessions."""
        ...

    async def forward(self, asks: Sequence[Ask], count: int) -> list[list[Entry]]:
        """Return for each ask up to *count* entries after its id, oldest first."""
        ...

    async def backward(self, asks: Sequence[Ask], count: int) -> list[list[Entry]]:
        """Return for each ask up to *count* entries before its id (``""``: from the end), newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Census:
    """What a store holds of one channel; see `ChannelStats`."""

    entries: int = 0
    bytes: int | None = 0
    dropped: int = 0
    oldest: float | None = None
    newest: float | None = None


class Streams(Readable, Protocol):
    """A store of streams that the bus can stand on."""

    async def append(self, entries: Sequence[Entry]) -> list[str]:
        """Add *entries* under new ids and return those."""
        ...

    async def copy(self, entries: Sequence[Entry]) -> int:
        """Add *entries* under the ids they carry, except those not newer than their stream; return how many."""
        ...

    async def insert(self, entries: Sequence[Entry]) -> list[Taken]:
        """Add *entries*, sorted by id, under the ids they carry, wherever in their streams those stand."""
        ...

    async def delete(self, entry: Entry) -> None:
        """Remove one entry."""
        ...

    def cursor(self, after: str) -> Cursor:
        """Return where a live reader starts: at a cursor's words, or with ``"$"`` after all written till now."""
        ...

    async def fresh(self, channels: Collection[Channel], session: str | None, cursor: Cursor) -> list[Entry]:
        """Return entries beyond *cursor* in the order of their ids; none after a quarter of a second without news."""
        ...

    async def sessions(self) -> list[SessionInfo]:
        """Return the sessions with entries on any channel but 2, with those counts."""
        ...

    async def forget(self, session: str) -> Mapping[Channel, int]:
        """Remove all entries of *session* and return how many, by channel."""
        ...

    async def census(self) -> Mapping[Channel, Census]:
        """Return what is held on each channel."""
        ...

    def health(self) -> Health:
        """Tell the store's state."""
        ...

    async def aclose(self) -> None:
        """Release what the store holds open."""
        ...
