"""The six-channel bus: on a Redis or Valkey server, or in-process where no server can run.

Start at `open_bus`; `Bus` says what can be done, `Channel` and `Signal` with what.
"""

from spine.bus import Bus, ChannelStats, Health, Page, SessionInfo
from spine.errors import (
    BadSignal,
    BadUrl,
    EntryTooLarge,
    NotAllowed,
    RecordTooNew,
    RecordUnavailable,
    SpineError,
    StoreRefused,
    StoreState,
    StoreUnavailable,
)
from spine.keys import stream_key
from spine.open import open_bus
from spine.retention import Retention
from spine.signal import JSON, Channel, Signal, Trust, check_name
from spine.writers import ORCHESTRATOR, REMEMBER, remember

__all__ = [
    "JSON",
    "ORCHESTRATOR",
    "REMEMBER",
    "BadSignal",
    "BadUrl",
    "Bus",
    "Channel",
    "ChannelStats",
    "EntryTooLarge",
    "Health",
    "NotAllowed",
    "Page",
    "RecordTooNew",
    "RecordUnavailable",
    "Retention",
    "SessionInfo",
    "Signal",
    "SpineError",
    "StoreRefused",
    "StoreState",
    "StoreUnavailable",
    "Trust",
    "check_name",
    "open_bus",
    "remember",
    "stream_key",
]
