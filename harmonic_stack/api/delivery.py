"""One answer on its way to its client: events in, bytes out, once in a turn of the loop; nothing is awaited."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from harmonic_stack.query import Event, Report

Headers = list[tuple[bytes, bytes]]
STREAM_HEADERS: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
JSON_HEADERS: Headers = [(b"content-type", b"application/json")]
_json = msgspec.json.Encoder().encode


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


class Line(Protocol):
    """The way back to one client."""

    drained: Callable[[], None] | None  # is called when ``writable`` is true again

    @property
    def writable(self) -> bool:
        """False while the client reads more slowly than we write."""

    def begin(self, headers: Headers, first: bytes) -> None:
        """Begin a streamed answer."""

    def write(self, data: bytes) -> None:
        """Send the next bytes of it."""

    def end(self, data: bytes, *, failed: bool = False) -> None:
        """Send the last bytes of it; *failed*: the answer in it is not whole."""

    def whole(self, headers: Headers, body: bytes) -> None:
        """Send an answer that is not streamed."""

    def refuse(self, error: BaseException) -> None:
        """Tell an error before the first byte."""

    def drop(self) -> None:
        """Let go of the client: there is nothing more to tell."""


class Delivery:
    """Carries the events of one answer to its line as they come, or all of them at its end."""

    def __init__(
        self, wire: Wire, line: Line, *, stream: bool, ping_seconds: float, position: Callable[[], int]
    ) -> None:
        """*position* tells at which place in the queue the query came."""
        self._wire, self._line, self._stream = wire, line, stream
        self._ping_seconds, self._position = ping_seconds, position
        self._loop = asyncio.get_running_loop()
        self.said: list[Event] = []
        self._sent = 0  # of what was said
        self._due = self._began = False
        self._last = self._loop.time()
        self._timer = self._loop.call_later(ping_seconds, self._ping) if stream else None
        line.drained = self._flush

    def put(self, event: Event) -> None:
        """Take the next event; never waits."""
        self.said.append(event)
        if self._stream and not self._due:
            self._due = True
            self._loop.call_soon(self._flush)

    def succeed(self, report: Report) -> None:
        """Send what is left and the end; the report is not among what was said."""
        self._settle()
        if self._stream:
            self.catch_up()
            self._line.end(self._wire.last(self.said, report))
        else:
            body = _json(self._wire.whole(self.said, report))
            self._line.whole([*JSON_HEADERS, queue_header(report.queued)], body)

    def fail(self, error: BaseException) -> None:
        """Tell the error, in a form of its own where the answer has begun: then there is no end mark after it."""
        self._settle()
        if self.said and self._stream:
            self.catch_up()
        if self._began:
            self._line.end(self._wire.error(error), failed=True)
        else:
            self._line.refuse(error)

    def catch_up(self) -> None:
        """Send what came so far now, where the answer is streamed: the form of its end may depend on it."""
        if self._stream:
            events, self._sent = self.said[self._sent :], len(self.said)
            if events or not self._began:
                self._send(events)

    def cancel(self) -> None:
        """The answer was called off: by a client that left, or by the end of the daemon."""
        self._settle()
        self._line.drop()

    def _settle(self) -> None:
        self._due, self._line.drained = True, None  # nothing is flushed any more
        if self._timer is not None:
            self._timer.cancel()

    def _flush(self) -> None:
        """Send what came since the last time; where the client is slow, when it has caught up."""
        if self._line.drained is None or not self._line.writable:
            return
        self._due = False
        events = self.said[self._sent :]
        if events:
            self._sent += len(events)
            self._send(events)

    def _send(self, events: Sequence[Event]) -> None:
        first = b"" if self._began else self._wire.first()  # wires number what they say: this comes before all else
        self._write(first + self._wire.events(events))

    def _write(self, data: bytes) -> None:
        if not self._began:
            self._began = True
            self._line.begin([*STREAM_HEADERS, queue_header(self._position())], data)
        elif data:
            self._line.write(data)
        self._last = self._loop.time()

    def _ping(self) -> None:
        """Show that somebody is still there: one timer goes on from token to token, which come far more often."""
        left = self._last + self._ping_seconds - self._loop.time()
        if left <= 0 and self._line.writable:
            self._write(self._wire.ping if self._began else self._wire.first() + self._wire.ping)
            left = self._ping_seconds
        self._timer = self._loop.call_later(max(left, 0.05), self._ping)


def queue_header(position: int) -> tuple[bytes, bytes]:
    """The header that tells at which place in the queue a query came; 0 where it did not wait."""
    return b"x-queue-position", b"%d" % position
