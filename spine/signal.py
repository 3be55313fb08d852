"""The six channels and the signal, the one thing that travels on them."""

import re
from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Literal, TypeAlias

import msgspec

from spine.errors import BadSignal

JSON: TypeAlias = bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"] | None
Scope: TypeAlias = Literal["session", "query", "all"]

# Names become parts of keys and paths: no separator, no brace, no "..", no leading dot.
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}")
MAX_LABEL = 128  # characters of a kind or a query id: they are labels, not content


class Channel(IntEnum):
    """One of the six channels; the number is part of the key in the store."""

    IMMEDIATE = 0
    SESSION = 1
    PERSISTENT = 2
    TASK = 3
    HARMONIC = 4
    META = 5

    __hash__ = int.__hash__  # Enum's own is written in Python and shows in the cost of a publish

    @property
    def scope(self) -> Scope:
        """Who shares an entry: one session, one query within a session, or all sessions."""
        return _TABLE[self][0]

    @property
    def shared(self) -> bool:
        """Tell whether all sessions write one stream (the session is then a field of the entry)."""
        return self in _SHARED

    @property
    def holds(self) -> str:
        """What the channel is for, in a few words."""
        return _TABLE[self][1]

    @property
    def acknowledged(self) -> str:
        """What is certain once a publish on this channel has returned."""
        return _TABLE[self][2]


_TABLE: dict[Channel, tuple[Scope, str, str]] = {
    Channel.IMMEDIATE: ("session", "the current turn, drafts as they stream", "in the bus"),
    Channel.SESSION: ("session", "what the session accumulated: turns, answers, state", "everysec"),
    Channel.PERSISTENT: ("all", "memory across sessions", "committed to the record on disk"),
    Channel.TASK: ("query", "who was asked what, checked candidates, verifier results", "everysec"),
    Channel.HARMONIC: ("query", "relations between drafts, minority, what was broadcast", "in the bus"),
    Channel.META: ("all", "latency, tokens/s, failures, slots, agreement record", "in the bus"),
}
_SHARED = frozenset(channel for channel in Channel if channel.scope == "all")


class Trust(StrEnum):
    """Whose words a signal carries."""

    USER = "user"
    AGENT = "agent"
    SYSTEM = "system"


class Signal(msgspec.Struct, frozen=True):
    """One entry of a channel.

    ``id`` and, when it is 0, ``time`` (unix seconds) are set by the bus; a published signal always gets a new id.
    ``payload`` and ``frame`` are JSON objects; NaN and infinities in them become null. Raises ``BadSignal``.
    """

    channel: Channel
    session: str
    writer: str
    kind: str
    text: str = ""
    payload: Mapping[str, JSON] | None = None
    query: str = ""
    trust: Trust = Trust.AGENT
    frame: Mapping[str, JSON] | None = None
    id: str = ""
    time: float = 0.0

    def __post_init__(self) -> None:
        check_name("session", self.session)
        check_name("writer", self.writer)
        if not self.kind:
            raise BadSignal("kind", self.kind, "must not be empty")
        _check_label("kind", self.kind)
        _check_label("query", self.query)


def check_name(field: str, value: str) -> str:
    """Return *value* when it may name a session, a writer or a key prefix; raise ``BadSignal`` otherwise.

    >>> check_name("session", "s-1")
    's-1'
    """
    if not _is_name(value):
        if NAME.fullmatch(value) is None:
            raise BadSignal(field, value, f"must match {NAME.pattern}")
        raise BadSignal(field, value, "must not contain '..'")
    return value


@lru_cache(maxsize=4096)
def _is_name(value: str) -> bool:
    """Whether *value* may be a name; the same few come again and again."""
    return NAME.fullmatch(value) is not None and ".." not in value


def _check_label(field: str, value: str) -> None:
    if len(value) > MAX_LABEL:
        raise BadSignal(field, value, f"must have at most {MAX_LABEL} characters")
    if not value.isprintable():
        raise BadSignal(field, value, "must be printable")
