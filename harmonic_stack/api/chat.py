"""POST /v1/chat/completions: a plain ASGI callable, one write per turn of the loop, nothing per token."""

import asyncio
import time
from contextlib import suppress

from harmonic_stack.api.asgi import ClientGone, Receive, Scope, Send, read_json_body, send_json
from harmonic_stack.api.chat_request import Ask, parse_chat_request, with_session
from harmonic_stack.api.door import header
from harmonic_stack.api.wire import PING, ChunkStream, answer_text, completion_object
from harmonic_stack.config import Config
from harmonic_stack.model_names import Names
from harmonic_stack.orchestrator import Orchestrator
from harmonic_stack.outbox import Outbox
from harmonic_stack.problems import error_body
from harmonic_stack.query import Event, Report
from harmonic_stack.sessions import SessionChain

STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class ChatRoute:
    """Answers chat completion requests."""

    def __init__(self, orchestrator: Orchestrator, names: Names, config: Config) -> None:
        self._orchestrator, self._names, self._config = orchestrator, names, config
        self._sessions = SessionChain()

    async def __call__(self, scope: Scope, receive: Receive, send: Send, caller: str) -> None:
        """Answer one request of the key *caller*. Errors before the first byte are raised."""
        try:
            body = await read_json_body(scope, receive, self._config.server)
        except ClientGone:
            return
        session = header(scope["headers"], b"x-session-id")
        ask = parse_chat_request(body, names=self._names, config=self._config, session=session, caller=caller)
        if not ask.query.session:
            ask = with_session(ask, self._sessions.session_of(caller, ask.query.messages))
        await self._answer(ask, receive, send)

    async def _answer(self, ask: Ask, receive: Receive, send: Send) -> None:
        """Run the query; a client that leaves cancels it, and with it every draft."""
        outbox = Outbox()
        answering = asyncio.create_task(self._orchestrator.answer(ask.query, outbox.put), name=ask.query.id)
        answering.add_done_callback(lambda _: outbox.close())
        watching = asyncio.create_task(_wait_until_gone(receive), name=f"watch:{ask.query.id}")
        watching.add_done_callback(lambda _: answering.cancel())
        try:
            if ask.stream:
                await self._stream(ask, outbox, answering, send)
            else:
                await self._whole(ask, outbox, answering, send)
        finally:
            watching.cancel()
            answering.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await answering

    async def _stream(self, ask: Ask, outbox: Outbox, answering: "asyncio.Task[Report]", send: Send) -> None:
        chunks = ChunkStream(ask.query, include_usage=ask.include_usage)
        ping = self._config.server.ping_seconds
        started = False
        said: list[Event] = []
        while (events := await outbox.take(ping)) is not None:
            data = chunks.events(events) if events else PING
            if not started:
                started = True
                position = self._orchestrator.conductor.position_of(ask.query.id)
                headers = [*STREAM_HEADERS, queue_header(position)]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                data = chunks.first() + data
            said += events
            if data:
                await send({"type": "http.response.body", "body": data, "more_body": True})
        if answering.cancelled():
            return
        if (error := answering.exception()) is not None:
            if not started:
                raise error
            data = chunks.error(error_body(error))  # and no end mark: the answer is not whole
        else:
            self._remember(ask, said)
            data = chunks.last(answering.result())
        await send({"type": "http.response.body", "body": data})

    async def _whole(self, ask: Ask, outbox: Outbox, answering: "asyncio.Task[Report]", send: Send) -> None:
        said: list[Event] = []
        while (events := await outbox.take()) is not None:
            said += events
        if answering.cancelled():
            return
        report = await answering
        self._remember(ask, said)
        query = ask.query
        took = str(int((time.time() - query.started) * 1000)).encode()
        headers = [(b"openai-processing-ms", took), queue_header(report.queued)]
        await send_json(send, 200, completion_object(query, said, report), headers)

    def _remember(self, ask: Ask, said: list[Event]) -> None:
        query = ask.query
        self._sessions.remember(query.caller, query.messages, answer_text(said), query.session)


def queue_header(position: int) -> tuple[bytes, bytes]:
    """The header that tells at which place in the queue a query came; 0 where it did not wait."""
    return b"x-queue-position", str(position).encode()


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
