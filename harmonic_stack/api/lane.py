"""The short way in: a request that came whole is answered without ASGI, and without a task that waits for its client.

What is out of the ordinary takes the long way (app.py), whose checks are the same: a body in pieces, a page of a
browser, HTTP/1.0, a connection's last request, a repeat that may be known.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import cast

import msgspec

from harmonic_stack.api.answer_route import AnswerRoute
from harmonic_stack.api.asgi import Scope
from harmonic_stack.api.delivery import Headers
from harmonic_stack.api.door import Door, header
from harmonic_stack.api.exchange import Exchange
from harmonic_stack.api.reply import id_headers, problem_content, problem_headers, request_id
from harmonic_stack.config import Server
from harmonic_stack.errors import HarmonicError, ShuttingDown
from harmonic_stack.metrics import Metrics
from harmonic_stack.problems import problem_of

log = logging.getLogger(__name__)
# Headers that ask for more than this way can do.
BEYOND = frozenset({b"origin", b"idempotency-key", b"content-encoding", b"expect"})


class Lane:
    """Begins to answer whole requests; one for all connections."""

    def __init__(self, door: Door, routes: Mapping[str, AnswerRoute], metrics: Metrics, limits: Server) -> None:
        self._door, self._routes, self._metrics = door, routes, metrics
        self._most = limits.max_body_bytes

    def may_take(self, method: str, path: str) -> bool:
        """Whether a request with this line is worth waiting for: until its body is here, as far as it came with it."""
        return method == "POST" and path in self._routes

    def take(self, exchange: Exchange) -> bool:
        """Begin to answer a request that is here whole; False where it must take the long way."""
        scope = cast("Scope", exchange.scope)
        headers = dict(scope["headers"])
        kind = headers.get(b"content-type", b"")
        if not BEYOND.isdisjoint(headers) or len(exchange.body) > self._most:
            return False
        if kind != b"application/json" and kind.partition(b";")[0].strip().lower() != b"application/json":
            return False
        exchange.flow.resume_reading()  # else nobody would see the client leave
        reply = _Reply(exchange, scope["path"], header(scope["headers"], b"x-request-id"), self._metrics)
        try:
            caller = self._door.admit(scope)
            task = self._routes[scope["path"]].begin(scope, bytes(exchange.body), caller, reply)
        except Exception as error:  # noqa: BLE001 told to the client, and in the log where it is ours
            reply.refuse(error)
        else:
            exchange.gone = task.cancel
            exchange.tasks.add(task)
            task.add_done_callback(exchange.tasks.discard)
        return True


class _Reply:
    """The way back to the client of an exchange; see ``delivery.Line``."""

    def __init__(self, exchange: Exchange, path: str, asked: str | None, metrics: Metrics) -> None:
        self._exchange, self._path, self._metrics = exchange, path, metrics
        self._id, self._since, self._status = request_id(asked), time.monotonic(), 0

    @property
    def drained(self) -> Callable[[], None] | None:
        return self._exchange.drained

    @drained.setter
    def drained(self, then: Callable[[], None] | None) -> None:
        self._exchange.drained = then

    @property
    def writable(self) -> bool:
        return not self._exchange.flow.write_paused

    def begin(self, headers: Headers, first: bytes) -> None:
        self._status = 200
        self._exchange.begin(200, [*headers, *self._own()], first)

    def write(self, data: bytes) -> None:
        self._exchange.write(data)

    def end(self, data: bytes, *, failed: bool = False) -> None:  # noqa: ARG002 as a line is ended
        self._exchange.end(data)
        self._count()

    def whole(self, headers: Headers, body: bytes) -> None:
        self._whole(200, headers, body)

    def refuse(self, error: BaseException) -> None:
        if not isinstance(error, HarmonicError):
            log.error("a request failed", extra={"request_id": self._id}, exc_info=error)
        headers = [(b"content-type", b"application/json"), *problem_headers(error)]
        self._whole(problem_of(error).status, headers, msgspec.json.encode(problem_content(error, self._path)))

    def drop(self) -> None:
        exchange = self._exchange
        if exchange.disconnected:
            self._count()
        elif exchange.response_started:
            exchange.transport.close()
            self._count()
        else:  # the daemon ends
            self.refuse(ShuttingDown(1.0))

    def _whole(self, status: int, headers: Headers, body: bytes) -> None:
        self._status = status
        self._exchange.whole(status, [*headers, *self._own()], body)
        self._count()

    def _own(self) -> Headers:
        took = b"%d" % int((time.monotonic() - self._since) * 1000)
        return [*id_headers(self._id, self._path), (b"openai-processing-ms", took)]

    def _count(self) -> None:
        self._metrics.request(self._path, self._status, time.monotonic() - self._since)
