"""From a checked request to its answer, whatever the route's wire looks like: streamed or whole, or cancelled."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from harmonic_stack.api.asgi import Receive, Scope, Send
from harmonic_stack.api.asgi_line import AsgiLine
from harmonic_stack.api.chat_request import Ask, with_session
from harmonic_stack.api.delivery import Delivery, Line, Wire
from harmonic_stack.api.wire import answer_text
from harmonic_stack.config import Config
from harmonic_stack.orchestrator import Orchestrator
from harmonic_stack.query import Event, Query, Report
from harmonic_stack.sessions import SessionChain, new_session
from harmonic_stack.tracing import Parent, parent_of

log = logging.getLogger(__name__)
# Called with a finished answer before its end goes out.
Finished = Callable[[Sequence[Event], Report], Awaitable[None]]


class Answering:
    """Answers checked requests; one for all routes, so that a session goes on from one route to another."""

    def __init__(self, orchestrator: Orchestrator, config: Config) -> None:
        self._orchestrator, self._config = orchestrator, config
        self._sessions = SessionChain()

    async def answer(
        self, ask: Ask, wire: Wire, scope: Scope, receive: Receive, send: Send, *, finished: Finished | None = None
    ) -> None:
        """Run the query and send its answer; a client that leaves cancels it, and with it every draft.

        Raises whatever goes wrong before the first byte.
        """
        line = AsgiLine()
        answering = self.begin(ask, wire, line, parent=self.parent(scope), finished=finished)
        watching = asyncio.create_task(_wait_until_gone(receive), name=f"watch:{ask.query.id}")
        watching.add_done_callback(lambda _: answering.cancel())
        try:
            await line.pump(send)
        finally:
            watching.cancel()
            answering.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await answering

    def begin(
        self, ask: Ask, wire: Wire, line: Line, *, parent: Parent | None, finished: Finished | None = None
    ) -> "asyncio.Task[Report]":
        """Begin to run the query; its answer goes to *line*. Whoever sees the client leave cancels the task."""
        if not ask.query.session:
            ask = self.in_session(ask)
        query, conductor = ask.query, self._orchestrator.conductor
        delivery = Delivery(
            wire,
            line,
            stream=ask.stream,
            ping_seconds=self._config.server.ping_seconds,
            position=lambda: conductor.position_of(query.id),
        )
        answer = self._orchestrator.answer(query, delivery.put, parent=parent)
        if finished is not None:
            answer = _and_finish(answer, delivery, finished)
        task = asyncio.create_task(answer, name=query.id)
        task.add_done_callback(lambda task: self._ended(task, query, delivery))
        return task

    def parent(self, scope: Scope) -> Parent | None:
        """The client's own span, where anybody collects traces."""
        return parent_of(scope["headers"]) if self._orchestrator.traced else None

    def in_session(self, ask: Ask) -> Ask:
        """The same request in the session that its history continues, or in a new one."""
        session = self._sessions.session_of(ask.query.caller, ask.query.messages)
        return with_session(ask, session or new_session(), begins=session is None)

    def _ended(self, task: "asyncio.Task[Report]", query: Query, delivery: Delivery) -> None:
        if task.cancelled():
            delivery.cancel()
        elif (error := task.exception()) is not None:
            delivery.fail(error)
        else:
            try:
                answer = answer_text(delivery.said)
                self._sessions.remember(query.caller, query.messages, answer, query.session)
                delivery.succeed(task.result())
            except Exception as broken:
                log.exception("an answer could not be written")
                delivery.fail(broken)


async def _and_finish(answer: Awaitable[Report], delivery: Delivery, finished: Finished) -> Report:
    report = await answer
    delivery.catch_up()
    await finished(delivery.said, report)
    return report


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
