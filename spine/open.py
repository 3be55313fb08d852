"""Opening the bus from a URL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from spine.bus import Bus
from spine.errors import BadUrl
from spine.held import Held
from spine.ids import IdClock
from spine.memory_streams import MemoryStreams
from spine.record import Record
from spine.redis_bus import without_secrets
from spine.redis_streams import RedisStreams
from spine.resilient import ResilientStreams
from spine.retention import DEFAULT, Retention
from spine.signal import check_name
from spine.six_channels import SixChannels

IN_PROCESS = "memory://"
SERVERS = ("redis://", "unix://")
ALLOWED = ("redis://HOST[:PORT][/DB]", "unix://[USER@]/PATH[?db=N]", IN_PROCESS)


@asynccontextmanager
async def open_bus(
    url: str, *, record: Path | None = None, prefix: str = "", retention: Retention = DEFAULT
) -> AsyncIterator[Bus]:
    """Open the bus on the store at *url* for the length of a ``with``.

    *record* is the file of channel 2 (None: in memory, for tests), *prefix* goes before every key; one prefix and
    one record belong to one stack. A store that is away is no error: the bus starts degraded and goes over to the
    store when that appears. Raises ``BadUrl``, ``BadSignal`` for a prefix that is no name, ``RecordUnavailable``,
    ``RecordTooNew``.
    """
    if prefix:
        check_name("prefix", prefix)
    clock = IdClock()
    truth = Record(record, clock)
    held = Held()
    streams = _streams(url, truth, prefix, retention, clock, held)
    bus = SixChannels(streams, truth, retention, held)
    try:
        await truth.open()
        await streams.start()
        yield bus
    finally:
        await bus.aclose()


def _streams(
    url: str, record: Record, prefix: str, retention: Retention, clock: IdClock, held: Held
) -> MemoryStreams | ResilientStreams:
    if url == IN_PROCESS:
        return MemoryStreams(retention, clock, record=record, held=held)
    if not url.startswith(SERVERS):
        raise BadUrl(without_secrets(url), ALLOWED)
    store = RedisStreams(url, retention, clock, prefix=prefix, held=held)
    return ResilientStreams(store, record, retention, clock, held=held)
