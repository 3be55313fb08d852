"""A signal as the fields of a stream entry: bytes to bytes, versioned, with its length inside.

All fields are plain text or JSON, so that ``redis-cli`` and ``sqlite3`` show them as they are. The same fields in
the same order also let the server store their names once per block of entries.
"""

import math
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from spine.errors import BadSignal, EntryTooLarge
from spine.signal import JSON, Channel, Signal, Trust

Fields: TypeAlias = dict[bytes, bytes]

VERSION = b"1"
MAX_ENTRY = 256 * 1024
NAMES = (
    b"v",
    b"session",
    b"writer",
    b"kind",
    b"query",
    b"trust",
    b"time",
    b"text",
    b"payload",
    b"frame",
    b"size",
)

_json = msgspec.json.Decoder()
_TRUST = {trust: trust.value.encode() for trust in Trust}


def encode(signal: Signal, *, time: float, limit: int = MAX_ENTRY) -> Fields:
    """Return the fields of *signal*; its own time wins over *time* (unix seconds).

    Raises ``EntryTooLarge`` above *limit* bytes, ``BadSignal`` for text that is not Unicode or payloads that are
    not JSON.
    """
    values = (
        VERSION,
        signal.session.encode(),
        signal.writer.encode(),
        _text("kind", signal.kind),
        _text("query", signal.query),
        _TRUST[signal.trust],
        repr(float(signal.time or time)).encode(),
        _text("text", signal.text),
        b"" if signal.payload is None else _object("payload", signal.payload),
        b"" if signal.frame is None else _object("frame", signal.frame),
    )
    size = sum(map(len, values))
    if size > limit:
        raise EntryTooLarge(size, limit)
    return dict(zip(NAMES, (*values, b"%d" % size), strict=True))


def decode(channel: Channel, entry_id: str, fields: Mapping[bytes, bytes]) -> Signal:
    """Return the signal within *fields*; whatever is wrong with them raises ``BadSignal``."""
    if fields.keys() != set(NAMES):
        raise BadSignal("fields", sorted(fields), "are not those of a signal")
    if fields[b"v"] != VERSION:
        raise BadSignal("v", fields[b"v"], f"only version {VERSION.decode()} can be read")
    size = size_of(fields)
    if fields[b"size"] != b"%d" % size:
        raise BadSignal("size", fields[b"size"], f"the fields have {size} bytes")
    return Signal(
        channel=channel,
        session=_string("session", fields),
        writer=_string("writer", fields),
        kind=_string("kind", fields),
        query=_string("query", fields),
        trust=_trust(fields[b"trust"]),
        time=_time(fields[b"time"]),
        text=_string("text", fields),
        payload=_mapping("payload", fields),
        frame=_mapping("frame", fields),
        id=entry_id,
    )


def size_of(fields: Mapping[bytes, bytes]) -> int:
    """Return the bytes of an entry's content: what `MAX_ENTRY` limits and the field ``size`` says."""
    return sum(len(value) for name, value in fields.items() if name != b"size")


def _text(field: str, value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise BadSignal(field, value[error.start : error.end], "has characters that are not Unicode") from None


def _object(field: str, value: Mapping[str, JSON]) -> bytes:
    try:
        encoded = msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise BadSignal(field, type(value).__name__, f"is not JSON: {error}") from None
    if not encoded.startswith(b"{"):
        raise BadSignal(field, type(value).__name__, "must be a JSON object")
    return encoded


def _string(field: str, fields: Mapping[bytes, bytes]) -> str:
    value = fields[field.encode()]
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BadSignal(field, value[:32], "is not UTF-8") from None


def _mapping(field: str, fields: Mapping[bytes, bytes]) -> Mapping[str, JSON] | None:
    value = fields[field.encode()]
    if not value:
        return None
    try:
        found: object = _json.decode(value)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        raise BadSignal(field, value[:32], "is not JSON") from None
    if not isinstance(found, dict):
        raise BadSignal(field, value[:32], "is not a JSON object")
    return found


def _trust(value: bytes) -> Trust:
    for trust in Trust:
        if value == trust.value.encode():
            return trust
    raise BadSignal("trust", value, f"must be one of {', '.join(Trust)}")


def _time(value: bytes) -> float:
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise BadSignal("time", value[:32], "is not a number of seconds")
    return found
