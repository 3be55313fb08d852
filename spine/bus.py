"""The bus as the rest of the stack sees it: one protocol, and what its questions are answered with."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from spine.signal import Channel, Signal
from spine.tail import Tail


@dataclass(frozen=True, slots=True)
class Page:
    """Some signals, oldest first; ``next`` is what to pass as ``after`` for more, ``""`` at the end."""

    signals: tuple[Signal, ...]
    next: str


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session: when it began and last spoke (unix seconds), and its entries on each channel."""

    id: str
    started: float
    last: float
    counts: Mapping[Channel, int]


@dataclass(frozen=True, slots=True)
class ChannelStats:
    """What one channel holds over all sessions.

    ``bytes``: None where the store does not tell. ``dropped``: entries lost to a bound other than their TTL; it only
    grows. ``unreadable``: entries that this process met and could not decode. ``oldest``, ``newest``: unix seconds.
    ``maxlen``, ``ttl``: the bounds of each of its streams, in entries and in seconds after its last write; None where
    there is none. ``state``: whether what it promises holds now.
    """

    channel: Channel
    entries: int
    bytes: int | None
    dropped: int
    unreadable: int
    oldest: float | None
    newest: float | None
    maxlen: int | None
    ttl: float | None
    state: Literal["ok", "degraded"]


class Taken(StrEnum):
    """What became of a signal that was to be put back under its own id."""

    NEW = "imported"
    KNOWN = "duplicate"  # its stream has an entry of that id
    BEYOND = "beyond_bound"  # its stream is full of newer ones


@dataclass(frozen=True, slots=True)
class Memory:
    """What the store's memory held when it was last looked at, in bytes; None where there is none or it is not told.

    ``used``: by all that the server holds, ``limit``: where it refuses writes, ``bound``: where sessions make room.
    ``own``, ``own_bound``: the same of the bus's own streams, where those are bounded. ``evicted``: sessions that made
    room since the start. ``trouble``: why there is too little of it nevertheless.
    """

    used: int | None
    limit: int | None
    bound: int | None
    own: int | None
    own_bound: int | None
    evicted: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the bus stands on its store; ``since`` (unix seconds) and ``reason`` say why it does not.

    ``memory``: None until it was looked at, and where nothing bounds it.
    """

    state: Literal["ok", "degraded"]
    backend: str
    since: float | None = None
    reason: str = ""
    memory: Memory | None = None


class Bus(Protocol):
    """Six channels that anyone may write to within their rights, look into, and follow live."""

    async def publish(self, signal: Signal) -> str:
        """Add *signal* to its channel and return its id.

        Raises ``NotAllowed``, ``EntryTooLarge``, ``BadSignal``; on channel 2 also ``RecordUnavailable``. A store
        that is gone raises nothing: the bus goes on in-process and `health` says so.
        """
        ...

    async def publish_many(self, signals: Sequence[Signal]) -> list[str]:
        """Add all *signals* in one round trip, or none when one of them is refused; return their ids in order."""
        ...

    async def recent(self, channel: Channel, session: str | None = None, *, count: int = 100) -> list[Signal]:
        """Return the newest *count* signals, oldest first; without *session* those of all sessions.

        A server orders entries of different streams by the millisecond only; sort by ``time`` for the finer order.
        """
        ...

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
        """Return the first *limit* signals after the id *after* that have all the given fields.

        Signals of several sessions may share an id; a page never ends between them, so it can be a little longer.
        """
        ...

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
        """Follow *channels* (None: all) live, from *after* on or, with ``"$"``, from this call on.

        *after* is a `Tail.position`, which loses and repeats nothing, or an id. Ends when the bus is closed. A reader
        too slow for a stream's bound misses its oldest entries; it never slows a writer. Raises ``BadSignal``.
        """
        ...

    async def insert(self, signals: Sequence[Signal]) -> list[Taken]:
        """Put *signals* back under the ids that they carry, and tell of each what became of it.

        A second time changes nothing. Raises ``NotAllowed``, ``EntryTooLarge``, ``BadSignal`` before any is taken, and
        ``RecordUnavailable``.
        """
        ...

    async def remove(self, entry_id: str, *, channel: Channel | None = None, session: str | None = None) -> Channel:
        """Remove the one signal of that id, from the record's file too, and return its channel.

        Raises ``SignalNotFound``; ``AmbiguousSignal`` where *channel* and *session* leave several; ``BadSignal``;
        ``RecordUnavailable``; ``StoreUnavailable`` while the store is lost, unless *channel* is 2.
        """
        ...

    async def sessions(self) -> list[SessionInfo]:
        """Return the known sessions, the one that spoke last first."""
        ...

    async def forget(self, session: str) -> int:
        """Remove all that *session* left on any channel and in the record; return how many entries that was."""
        ...

    def using(self, session: str) -> AbstractContextManager[None]:
        """Keep *session* from being evicted for the length of a ``with``: a query is under way in it."""
        ...

    async def stats(self) -> list[ChannelStats]:
        """Return what each of the six channels holds, in their order."""
        ...

    def health(self) -> Health:
        """Tell whether the bus stands on its store."""
        ...

    async def aclose(self) -> None:
        """Close the bus; closing twice is fine."""
        ...
