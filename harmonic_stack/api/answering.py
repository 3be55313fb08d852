"""From a checked request to its answer, whatever the route's wire looks like: streamed or whole, or cancelled."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from harmonic_stack.api.asgi import Receive, Scope, Send, send_json
from harmonic_stack.api.chat_request import Ask, with_session
from harmonic_stack.api.wire import answer_text
from harmonic_stack.config import Config
from harmonic_stack.orchestrator import Orchestrator
from harmonic_stack.outbox import Outbox
from harmonic_stack.query import Event, Report
from harmonic_stack.sessions import SessionChain, new_session
from harmonic_stack.tracing import parent_of

STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
# Called with a finished answer before its end goes out.
Finished = Callable[[Sequence[Event], Report], Awaitable[None]]


class Wire(Protocol):
    """How one answer goes over one route. All but ``whole`` return bytes that are ready to be written."""

    ping: bytes

    def first(self) -> bytes:
        """What comes before everything else."""

    def events(self, events: Sequence[Event]) -> bytes:
        """What happened since the last call; the report is left to ``last``."""

    def last(self, said: Sequence[Event], report: Report) -> bytes:
        """The end; *said* is all that happened."""

    def error(self, error: BaseException) -> bytes:
        """An error after the first byte."""

    def whole(self, said: Sequence[Event], report: Report) -> dict[str, Any]:
        """The whole answer as one object."""


class Answering:
    """Answers checked requests; one for all routes, so that a session goes on from one route to another."""

    def __init__(self, orchestrator: Orchestrator, config: Config) -> None:
        self._orchestrator, self._config = orchestrator, config
        self._sessions = SessionChain()

    async def answer(
        self, ask: Ask, wire: Wire, scope: Scope, receive: Receive, send: Send, *, finished: Finished | None = None
    ) -> None:
        """Run the query and send its answer; a client that leaves cancels it, and with it every draft."""
        if not ask.query.session:
            ask = self.in_session(ask)
        outbox = Outbox()
        parent = parent_of(scope["headers"]) if self._orchestrator.traced else None
        answering = asyncio.create_task(
            self._orchestrator.answer(ask.query, outbox.put, parent=parent), name=ask.query.id
        )
        answering.add_done_callback(lambda _: outbox.close())
        watching = asyncio.create_task(_wait_until_gone(receive), name=f"watch:{ask.query.id}")
        watching.add_done_callback(lambda _: answering.cancel())
        try:
            if ask.stream:
                await self._stream(ask, wire, outbox, answering, send, finished)
            else:
                await self._whole(ask, wire, outbox, answering, send, finished)
        finally:
            watching.cancel()
            answering.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await answering

    def in_session(self, ask: Ask) -> Ask:
        """The same request in the session that its history continues, or in a new one."""
        session = self._sessions.session_of(ask.query.caller, ask.query.messages)
        return with_session(ask, session or new_session(), begins=session is None)

    async def _stream(
        self,
        ask: Ask,
        wire: Wire,
        outbox: Outbox,
        answering: "asyncio.Task[Report]",
        send: Send,
        finished: Finished | None,
    ) -> None:
        ping = self._config.server.ping_seconds
        started = False
        said: list[Event] = []
        while (events := await outbox.take(ping)) is not None:
            data = b"" if started else wire.first()
            data += wire.events(events) if events else wire.ping
            if not started:
                started = True
                position = self._orchestrator.conductor.position_of(ask.query.id)
                headers = [*STREAM_HEADERS, queue_header(position)]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
            said += events
            if data:
                await send({"type": "http.response.body", "body": data, "more_body": True})
        if answering.cancelled():
            return
        if (error := answering.exception()) is not None:
            if not started:
                raise error
            # ... and no end mark: the answer is not whole. "failed" is for replays.py.
            await send({"type": "http.response.body", "body": wire.error(error), "failed": True})
        else:
            report = answering.result()
            await self._finish(ask, said, report, finished)
            await send({"type": "http.response.body", "body": wire.last(said, report)})

    async def _whole(
        self,
        ask: Ask,
        wire: Wire,
        outbox: Outbox,
        answering: "asyncio.Task[Report]",
        send: Send,
        finished: Finished | None,
    ) -> None:
        said: list[Event] = []
        while (events := await outbox.take()) is not None:
            said += events
        if answering.cancelled():
            return
        report = await answering
        await self._finish(ask, said, report, finished)
        await send_json(send, 200, wire.whole(said, report), [queue_header(report.queued)])

    async def _finish(self, ask: Ask, said: list[Event], report: Report, finished: Finished | None) -> None:
        query = ask.query
        self._sessions.remember(query.caller, query.messages, answer_text(said), query.session)
        if finished is not None:
            await finished(said, report)


def queue_header(position: int) -> tuple[bytes, bytes]:
    """The header that tells at which place in the queue a query came; 0 where it did not wait."""
    return b"x-queue-position", str(position).encode()


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
