"""The six-channel bus: on a Redis or Valkey server, or in-process where no server can run.

Start at `open_bus`; `Bus` says what can be done, `Channel` and `Signal` with what.
"""

from spine.bus import Bus, ChannelStats, Health, Memory, Page, SessionInfo, Taken
from spine.errors import (
    AmbiguousSignal,
    BadLine,
    BadSignal,
    BadUrl,
    EntryTooLarge,
    NotAllowed,
    RecordTooNew,
    RecordUnavailable,
    SignalNotFound,
    SpineError,
    StoreRefused,
    StoreState,
    StoreUnavailable,
)
from spine.keys import stream_key
from spine.lines import Imported, export_lines, from_line, import_lines, to_line, to_object
from spine.open import IN_PROCESS, open_bus
from spine.retention import Retention
from spine.signal import JSON, Channel, Signal, Trust, check_name
from spine.tail import Tail
from spine.writers import ORCHESTRATOR, REMEMBER, remember

__all__ = [
    "IN_PROCESS",
    "JSON",
    "ORCHESTRATOR",
    "REMEMBER",
    "AmbiguousSignal",
    "BadLine",
    "BadSignal",
    "BadUrl",
    "Bus",
    "Channel",
    "ChannelStats",
    "EntryTooLarge",
    "Health",
    "Imported",
    "Memory",
    "NotAllowed",
    "Page",
    "RecordTooNew",
    "RecordUnavailable",
    "Retention",
    "SessionInfo",
    "Signal",
    "SignalNotFound",
    "SpineError",
    "StoreRefused",
    "StoreState",
    "StoreUnavailable",
    "Tail",
    "Taken",
    "Trust",
    "check_name",
    "export_lines",
    "from_line",
    "import_lines",
    "open_bus",
    "remember",
    "stream_key",
    "to_line",
    "to_object",
]
