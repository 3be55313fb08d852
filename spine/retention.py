"""How much the spine keeps, and for how long."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from spine.signal import Channel
from spine.wire import MAX_ENTRY

MINUTE: Final = 60.0
DAY: Final = 24 * 60 * MINUTE

# Channel 2 has no bound here: what people asked to be remembered stays until they have it forgotten.
_MAXLEN: Mapping[Channel, int | None] = MappingProxyType(
    {
        Channel.IMMEDIATE: 2_000,
        Channel.SESSION: 2_000,
        Channel.PERSISTENT: None,
        Channel.TASK: 2_000,
        Channel.HARMONIC: 2_000,
        Channel.META: 10_000,
    }
)
_TTL: Mapping[Channel, float | None] = MappingProxyType(
    {
        Channel.IMMEDIATE: 15 * MINUTE,
        Channel.SESSION: 7 * DAY,
        Channel.PERSISTENT: None,
        Channel.TASK: DAY,
        Channel.HARMONIC: DAY,
        Channel.META: None,
    }
)


@dataclass(frozen=True, slots=True)
class Retention:
    """Bounds on what is kept; None means no bound.

    ``maxlen``      entries of one stream, by channel. Redis trims whole blocks: up to about 100 more may stay.
    ``ttl``         seconds that a stream outlives its last write, by channel; refreshed at most once a minute.
    ``max_entry``   bytes of one entry's content, at most 256 KiB.
    ``max_sessions``  sessions known at a time; beyond it those longest unused lose their own channels. A Redis store
                    looks in blocks: a sixteenth of it, at most 64, may stay until the next look.
    ``max_bytes``   memory that an in-process bus may take (``memory://``, and while a store is away), in bytes.
    ``store_bytes``  memory that our streams may take on a server, as the server estimates it, in bytes; None: what the
                    share below leaves them, or 384 MiB on a server that has no limit of its own.
    ``store_share``  of the server's own limit (``maxmemory``): where it uses more, the sessions longest unused make
                    room. None: nothing bounds the bytes on a server.
    """

    maxlen: Mapping[Channel, int | None] = field(default_factory=lambda: _MAXLEN)
    ttl: Mapping[Channel, float | None] = field(default_factory=lambda: _TTL)
    max_entry: int = MAX_ENTRY
    max_sessions: int = 1_000
    max_bytes: int = 64 * 1024 * 1024
    store_bytes: int | None = None
    store_share: float | None = 0.75


DEFAULT: Final = Retention()
