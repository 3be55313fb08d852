"""What can go wrong on the spine, each as a class that carries its figures.

Nothing here is told apart by its text: callers look at the class, and at ``StoreRefused.state``.
"""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path


class SpineError(Exception):
    """The base of all errors that the spine raises."""


class StoreState(StrEnum):
    """Why a server that answers refuses a command; the members are Redis' own error codes."""

    OOM = "OOM"
    READONLY = "READONLY"
    LOADING = "LOADING"
    MISCONF = "MISCONF"
    NOAUTH = "NOAUTH"
    NOPERM = "NOPERM"
    WRONGTYPE = "WRONGTYPE"
    BUSY = "BUSY"
    OTHER = "ERR"


class StoreUnavailable(SpineError):
    """The store cannot be reached, or did not answer in time."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"the store at {url} is unavailable: {reason}")
        self.url = url
        self.reason = reason


class StoreRefused(SpineError):
    """The store answered, and refused the command because of its *state*."""

    def __init__(self, state: StoreState, reason: str) -> None:
        super().__init__(f"the store refused with {state.value}: {reason}")
        self.state = state
        self.reason = reason


class EntryTooLarge(SpineError):
    """A signal is larger than one entry may be; both figures are bytes of its encoded fields."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"the signal takes {size} bytes, {limit} are allowed")
        self.size = size
        self.limit = limit


class NotAllowed(SpineError):
    """This writer may not write that channel."""

    def __init__(self, writer: str, channel: int) -> None:
        super().__init__(f"{writer!r} may not write channel {channel}")
        self.writer = writer
        self.channel = channel


class BadSignal(SpineError):
    """A field of a signal, or of a stored entry, is not what it must be."""

    def __init__(self, field: str, value: object, reason: str) -> None:
        # Cut: a value may be a whole prompt, and messages end up in logs.
        super().__init__(f"{field} is {repr(value)[:60]}: {reason}")
        self.field = field
        self.value = value
        self.reason = reason


class BadLine(SpineError):
    """A line of an import is no signal in the form that an export writes; *line* counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


class SignalNotFound(SpineError):
    """No signal has this id, where it was looked for."""

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"there is no signal {entry_id[:60]!r}")
        self.id = entry_id


class AmbiguousSignal(SpineError):
    """Signals of several streams share this id; *places* are their channels and sessions."""

    def __init__(self, entry_id: str, places: Sequence[tuple[int, str]]) -> None:
        told = ", ".join(f"channel {channel} of session {session}" for channel, session in places[:8])
        super().__init__(f"{len(places)} signals have the id {entry_id}: {told}")
        self.id = entry_id
        self.places = tuple(places)


class BadUrl(SpineError):
    """The URL names no store that the spine knows."""

    def __init__(self, url: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{url!r} is no spine URL; allowed are {', '.join(allowed)}")
        self.url = url
        self.allowed = tuple(allowed)


class RecordUnavailable(SpineError):
    """The record of channel 2 cannot be read or written: nothing was acknowledged."""

    def __init__(self, path: Path | None, reason: str) -> None:
        super().__init__(f"the record {path or 'in memory'} is unavailable: {reason}")
        self.path = path
        self.reason = reason


class RecordTooNew(SpineError):
    """The record was written by a later version of this program."""

    def __init__(self, path: Path | None, found: int, supported: int) -> None:
        super().__init__(f"the record {path} has schema {found}, this program knows up to {supported}")
        self.path = path
        self.found = found
        self.supported = supported
