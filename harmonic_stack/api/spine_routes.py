"""The admin routes that look into the spine: channels, signals, and a live tail."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse

from harmonic_stack.api.models import TheDaemon
from harmonic_stack.daemon import Daemon
from harmonic_stack.story import signal_object
from spine import Channel

router = APIRouter(prefix="/admin/spine")

ChannelNumber = Annotated[int, Path(ge=0, le=5)]


@router.get("/channels")
async def channels(daemon: TheDaemon) -> dict[str, Any]:
    """The six channels: what each holds, what "acknowledged" means on it, and how full it is."""
    health = daemon.bus.health()
    return {
        "backend": health.backend,
        "state": health.state,
        "since": health.since,
        "reason": health.reason,
        "lost_before_written": daemon.writer.dropped,
        "channels": [
            {
                "channel": stats.channel.value,
                "name": stats.channel.name.lower(),
                "scope": stats.channel.scope,
                "holds": stats.channel.holds,
                "acknowledged": stats.channel.acknowledged,
                "entries": stats.entries,
                "bytes": stats.bytes,
                "dropped": stats.dropped,
            }
            for stats in await daemon.bus.stats()
        ],
    }


@router.get("/channels/{channel}/signals")
async def signals(
    channel: ChannelNumber,
    daemon: TheDaemon,
    session: str | None = None,
    query: str | None = None,
    writer: str | None = None,
    kind: str | None = None,
    after: str = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Signals of one channel, oldest first; ``next`` is the ``after`` of the next page, "" at the end."""
    page = await daemon.bus.read(
        Channel(channel), session=session, query=query, writer=writer, kind=kind, after=after, limit=limit
    )
    return {"signals": [signal_object(signal, daemon.encoder) for signal in page.signals], "next": page.next}


@router.get("/tail")
async def tail(
    daemon: TheDaemon,
    channel: Annotated[int | None, Query(ge=0, le=5)] = None,
    session: str | None = None,
) -> StreamingResponse:
    """Signals as they are written, as server-sent events whose id is the signal's."""
    chosen = None if channel is None else [Channel(channel)]
    return StreamingResponse(_events(daemon, chosen, session), media_type="text/event-stream")


async def _events(daemon: Daemon, channels: list[Channel] | None, session: str | None) -> AsyncIterator[bytes]:
    yield b": listening\n\n"
    async for signal in daemon.bus.tail(channels, session=session):
        data = msgspec.json.encode(signal_object(signal, daemon.encoder))
        yield b"id: %b\nevent: signal\ndata: %b\n\n" % (signal.id.encode(), data)
