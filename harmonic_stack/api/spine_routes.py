"""The admin routes that look into the spine: channels, signals, and a live tail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from harmonic_stack.api.models import TheDaemon
from harmonic_stack.api.response_store import ResponseStore
from harmonic_stack.errors import PayloadTooLarge, RequestTimedOut, SessionNotFound, UnsupportedMediaType
from harmonic_stack.problems import message_of, problem_of
from harmonic_stack.signals.session_state import state_of
from harmonic_stack.signals.story import signal_object
from ommatidia import Encoder, State
from spine import Channel, SessionInfo, Signal, Tail, Taken, export_lines, import_lines, remember

router = APIRouter(prefix="/admin/spine")

LINES = "application/x-ndjson"
MAX_IMPORT = 64 * 1024 * 1024  # bytes of one import; the command line sends a longer file in parts


class Memory(BaseModel):
    """What is to be remembered, and in whose name."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=65_536)
    session: str = Field(default="owner", max_length=64)


ChannelNumber = Annotated[int, Path(ge=0, le=5)]


@router.get("/channels")
async def channels(daemon: TheDaemon) -> dict[str, Any]:
    """The six channels: what each holds and keeps, what "acknowledged" means on it, how full and how well it is."""
    health = daemon.bus.health()
    return {
        "backend": health.backend,
        "state": health.state,
        "since": health.since,
        "reason": health.reason,
        "memory": health.memory and asdict(health.memory),
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
                "unreadable": stats.unreadable,
                "oldest": stats.oldest,
                "newest": stats.newest,
                "keeps": {"entries": stats.maxlen, "seconds": stats.ttl},
                "state": stats.state,
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
    return {"signals": [signal_object(signal, daemon.encoders.words) for signal in page.signals], "next": page.next}


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
    if not kept:
        raise SessionNotFound(session)
    state = state_of(kept[-1].payload or {}, kept[-1].text, daemon.encoders.words)
    told = {name: state.get(name) for name in ("encoder", "surprise", "spike")}
    return {"session": session, **State.from_json(state).census(), **told}


@router.delete("/sessions/{session}")
async def forget(session: str, daemon: TheDaemon) -> dict[str, Any]:
    """Remove all that a session left, its kept responses included; says how many entries that was."""
    await daemon.writer.flush()
    removed = await daemon.bus.forget(session)
    return {"session": session, "removed": removed + await ResponseStore(daemon.bus).forget_session(session)}


@router.get("/export")
async def export(daemon: TheDaemon, session: str | None = None) -> StreamingResponse:
    """Every signal, or one session's, as JSON lines, channel by channel."""
    return StreamingResponse(export_lines(daemon.bus, session), media_type=LINES)


@router.post("/import")
async def import_(request: Request, daemon: TheDaemon) -> dict[str, Any]:
    """Put signals back as ``export`` wrote them, under their own ids; a second time changes nothing.

    Raises:
        UnsupportedMediaType: the body is not ``application/x-ndjson``, or is compressed.
        PayloadTooLarge, RequestTimedOut: it is too long, or stopped coming; the lines before that are taken.
    """
    done = await import_lines(daemon.bus, _body(request, daemon.config.server.body_seconds))
    refusals = [
        {"line": line, "code": problem_of(error).code, "message": message_of(error)} for line, error in done.refusals
    ]
    return {
        "lines": done.lines,
        "imported": done.counts[Taken.NEW],
        "duplicates": done.counts[Taken.KNOWN],
        "beyond_bound": done.counts[Taken.BEYOND],
        "refused": done.refused,
        "refusals": refusals,
    }


@router.delete("/signals/{signal}")
async def remove(
    signal: str,
    daemon: TheDaemon,
    channel: Annotated[int | None, Query(ge=0, le=5)] = None,
    session: str | None = None,
) -> dict[str, Any]:
    """Remove one signal by its id, from the record's file too; channel and session tell apart those that share it."""
    await daemon.writer.flush()
    chosen = None if channel is None else Channel(channel)
    found = await daemon.bus.remove(signal, channel=chosen, session=session)
    return {"id": signal, "channel": found.value, "removed": 1}


@router.get("/tail")
async def tail(
    daemon: TheDaemon,
    channel: Annotated[int | None, Query(ge=0, le=5)] = None,
    session: str | None = None,
    query: str | None = None,
    writer: str | None = None,
    kind: str | None = None,
    after: str = "",
    last_event_id: Annotated[str, Header()] = "",
) -> StreamingResponse:
    """Signals as they are written, as server-sent events whose id is the place to go on from.

    A reader that comes back with that as ``Last-Event-ID``, or as ``after``, gets what it missed, each signal once. The
    stream ends when the stack is stopped.
    """
    signals = daemon.bus.tail(
        None if channel is None else [Channel(channel)],
        session=session,
        query=query,
        writer=writer,
        kind=kind,
        after=last_event_id or after or "$",
    )
    events = _events(signals, daemon.encoders.words, daemon.orchestrator.conductor.closing)
    return StreamingResponse(events, media_type="text/event-stream")


def _session_object(found: SessionInfo) -> dict[str, Any]:
    counts = {str(channel.value): count for channel, count in found.counts.items()}
    return {"id": found.id, "started": found.started, "last": found.last, "entries": counts}


async def _body(request: Request, patience: float) -> AsyncIterator[bytes]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != LINES:
        raise UnsupportedMediaType(kind, "application/x-ndjson")
    if (encoding := request.headers.get("content-encoding", "identity")) != "identity":
        raise UnsupportedMediaType(f"content-encoding {encoding}")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_IMPORT:
        raise PayloadTooLarge(int(length), MAX_IMPORT)
    chunks, size = request.stream(), 0
    while True:
        try:
            async with asyncio.timeout(patience):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise RequestTimedOut(patience) from None
        size += len(chunk)
        if size > MAX_IMPORT:
            raise PayloadTooLarge(None, MAX_IMPORT)
        yield chunk


async def _events(signals: Tail, encoder: Encoder, closing: asyncio.Event) -> AsyncIterator[bytes]:
    yield b": listening\n\n"
    async with aclosing(signals), _waiting(closing) as stopped:
        while (signal := await _next(signals, stopped)) is not None:
            data = msgspec.json.encode(signal_object(signal, encoder))
            yield b"id: %b\nevent: signal\ndata: %b\n\n" % (signals.position.encode(), data)


@asynccontextmanager
async def _waiting(event: asyncio.Event) -> AsyncIterator["asyncio.Task[bool]"]:
    task = asyncio.create_task(event.wait())
    try:
        yield task
    finally:
        task.cancel()


async def _next(signals: Tail, stopped: "asyncio.Task[bool]") -> Signal | None:
    """The next signal; None at the end, or once *stopped*, so that a reader does not hold up a stop."""
    coming = asyncio.ensure_future(anext(signals, None))
    try:
        await asyncio.wait({coming, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return await coming if coming.done() else None
    finally:
        coming.cancel()
        await asyncio.wait({coming})  # the tail is closed next, which it may not be while it is read
