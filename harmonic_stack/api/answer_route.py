"""A route whose request is one body and whose answer is one query's: over ASGI, or at once where the body is there."""

import asyncio
from collections.abc import Callable

from harmonic_stack.api.answering import Answering
from harmonic_stack.api.asgi import ClientGone, Receive, Scope, Send, read_json_body
from harmonic_stack.api.chat_request import Ask, Reader
from harmonic_stack.api.delivery import Line, Wire
from harmonic_stack.api.door import header
from harmonic_stack.query import Report

# Of a body, the session that a header names and the caller's id: what is asked, and the form of its answer.
Read = Callable[[bytes, Reader, str | None, str], tuple[Ask, Wire]]


class AnswerRoute:
    """Answers requests that *read* understands."""

    def __init__(self, answering: Answering, reader: Reader, read: Read) -> None:
        self._answering, self._reader, self._read = answering, reader, read

    async def __call__(self, scope: Scope, receive: Receive, send: Send, caller: str) -> None:
        """Answer one request of the key *caller*. Errors before the first byte are raised."""
        try:
            body = await read_json_body(scope, receive, self._reader.config.server)
        except ClientGone:
            return
        ask, wire = self._read(body, self._reader, header(scope["headers"], b"x-session-id"), caller)
        await self._answering.answer(ask, wire, scope, receive, send)

    def begin(self, scope: Scope, body: bytes, caller: str, line: Line) -> "asyncio.Task[Report]":
        """Begin to answer a request whose *body* is here; cancelling the task calls it off.

        Errors of the request are raised, every later one is told on *line*.
        """
        ask, wire = self._read(body, self._reader, header(scope["headers"], b"x-session-id"), caller)
        return self._answering.begin(ask, wire, line, parent=self._answering.parent(scope))
