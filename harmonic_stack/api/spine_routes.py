"""The admin routes that look into the spine: channels, signals, and a live tail."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from harmonic_stack.api.models import TheDaemon
from harmonic_stack.daemon import Daemon
from harmonic_stack.errors import SessionNotFound
from harmonic_stack.signals.story import signal_object, stored_object
from ommatidia import State
from spine import Channel, SessionInfo, remember

router = APIRouter(prefix="/admin/spine")

PAGE = 500


class Memory(BaseModel):
    """What is to be remembered, and in whose name."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=65_536)
    session: str = Field(default="owner", max_length=64)


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


@router.post("/channels/2/signals", status_code=201)
async def remember_text(memory: Memory, daemon: TheDaemon) -> dict[str, Any]:
    """Keep a text across sessions: answered once it is committed on disk."""
    signal = remember(memory.text, session=memory.session)
    return {"id": await daemon.bus.publish(signal)}


@router.get("/sessions")
async def sessions(daemon: TheDaemon) -> dict[str, Any]:
    """The sessions known, the one that spoke last first, with their entries by channel."""
    return {"sessions": [_session_object(found) for found in await daemon.bus.sessions()]}


@router.get("/sessions/{session}")
async def one_session(session: str, daemon: TheDaemon) -> dict[str, Any]:
    """One of them."""
    found = next((each for each in await daemon.bus.sessions() if each.id == session), None)
    if found is None:
        raise SessionNotFound(session)
    return _session_object(found)


@router.get("/sessions/{session}/state")
async def session_state(session: str, daemon: TheDaemon) -> dict[str, Any]:
    """The census of a session's state after its last turn, and whether that turn was a spike."""
    kept = await daemon.bus.recent(Channel.SESSION, session, count=1)
    state = (kept[-1].payload or {}).get("state") if kept else None
    if not isinstance(state, dict):
        raise SessionNotFound(session)
    told = {name: state.get(name) for name in ("encoder", "surprise", "spike")}
    return {"session": session, **State.from_json(state).census(), **told}


@router.delete("/sessions/{session}")
async def forget(session: str, daemon: TheDaemon) -> dict[str, Any]:
    """Remove all that a session left, on every channel and in the record; says how many entries that was."""
    await daemon.writer.flush()
    return {"session": session, "removed": await daemon.bus.forget(session)}


@router.get("/export")
async def export(daemon: TheDaemon, session: str | None = None) -> StreamingResponse:
    """Every signal, or one session's, as JSON lines, channel by channel."""
    return StreamingResponse(_lines(daemon, session), media_type="application/x-ndjson")


@router.get("/tail")
async def tail(
    daemon: TheDaemon,
    channel: Annotated[int | None, Query(ge=0, le=5)] = None,
    session: str | None = None,
    last_event_id: Annotated[str, Header()] = "",
) -> StreamingResponse:
    """Signals as they are written, as server-sent events whose id is the signal's.

    A reader that comes back with ``Last-Event-ID`` first gets what it missed.
    """
    chosen = None if channel is None else [Channel(channel)]
    if last_event_id:
        await daemon.bus.read(Channel(channel or 0), session=session, after=last_event_id, limit=1)  # refuses a bad id
    events = _events(daemon, chosen, session, last_event_id or "$")
    return StreamingResponse(events, media_type="text/event-stream")


def _session_object(found: SessionInfo) -> dict[str, Any]:
    counts = {str(channel.value): count for channel, count in found.counts.items()}
    return {"id": found.id, "started": found.started, "last": found.last, "entries": counts}


async def _lines(daemon: Daemon, session: str | None) -> AsyncIterator[bytes]:
    for channel in Channel:
        after = ""
        while True:
            page = await daemon.bus.read(channel, session=session, after=after, limit=PAGE)
            yield b"".join(msgspec.json.encode(stored_object(signal)) + b"\n" for signal in page.signals)
            after = page.next
            if not after:
                break


async def _events(
    daemon: Daemon, channels: list[Channel] | None, session: str | None, after: str
) -> AsyncIterator[bytes]:
    yield b": listening\n\n"
    async for signal in daemon.bus.tail(channels, session=session, after=after):
        data = msgspec.json.encode(signal_object(signal, daemon.encoder))
        yield b"id: %b\nevent: signal\ndata: %b\n\n" % (signal.id.encode(), data)
