"""One request and its answer: uvicorn's cycle, which can also be answered without ASGI's messages.

What is written here goes to the transport at once: nothing is awaited, and no message is built for a token.
"""

import asyncio
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_STATUS = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


class Exchange(RequestResponseCycle):
    """A request of HTTP/1.1 and the answer to it; ``begin``, ``write`` and ``end`` are for answers without ASGI."""

    tasks: "set[asyncio.Task[Any]]"  # those that the server waits for before it ends
    gone: Callable[[], object] | None = None  # is called when the client has left
    drained: Callable[[], None] | None = None  # is called when a client that read too slowly has caught up

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]], first: bytes) -> None:
        """Begin an answer of unknown length with its *first* bytes; *headers* are ours, so nobody checks them."""
        self._head(status, headers, b"transfer-encoding: chunked\r\n", _chunk(first))

    def write(self, data: bytes) -> None:
        """Send the next bytes."""
        if not self.disconnected:
            self.transport.write(_chunk(data))

    def end(self, data: bytes) -> None:
        """Send the last bytes of an answer that was begun."""
        if not self.disconnected:
            self.transport.write(_chunk(data) + b"0\r\n\r\n")
            self._complete()

    def whole(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """Send a whole answer."""
        if not self.disconnected:
            self._head(status, headers, b"content-length: %d\r\n" % len(body), body)
            self._complete()

    def _head(self, status: int, headers: Iterable[tuple[bytes, bytes]], framing: bytes, first: bytes) -> None:
        if self.disconnected:
            return
        self.response_started = True
        lines = b"".join([b"%b: %b\r\n" % line for line in headers])
        last = b"" if self.keep_alive else b"connection: close\r\n"
        self.transport.write(b"%b%b%b%b\r\n%b" % (_STATUS[status], lines, last, framing, first))

    def _complete(self) -> None:
        self.response_complete = True
        self.gone = self.drained = None
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


def _chunk(data: bytes) -> bytes:
    """A piece of a body of unknown length; nothing for no bytes: a chunk without any would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
