"""Connections to one engine: request bytes out, response bytes in, with nothing awaited per token.

httptools parses the HTTP; a response is pushed into its ``Reply`` as it arrives. Connections are kept and used again;
one that the engine had closed meanwhile is replaced once, before the first byte of a response (llama.cpp's server drops
about one kept connection in five after a stream).
"""

import asyncio
import ssl
from typing import NamedTuple, Protocol, cast
from urllib.parse import urlsplit

import httptools

from harmonic_stack.errors import EngineStreamFailed, StreamFault

MAX_HEAD = 65_536
MAX_IDLE = 1_024


class Rest(NamedTuple):
    """For how long a socket is left alone after a read, in seconds: *each* for every response under way, up to *most*.

    What comes meanwhile gathers in the kernel, and one read brings several tokens; the streams of one rest are woken
    together. A read and what follows from it take some 20 us: the more streams there are, the more seldom, so that
    together they take a small share of a core.
    """

    each: float
    most: float


AT_ONCE = Rest(0.0, 0.0)
# Words that somebody reads along, each at most so late: 5 ms beside the drafts of one query, 16 ms among 32 answers.
ANSWER = Rest(0.0005, 0.05)
# Drafts, which are shown in sentences: only their end is waited for.
DRAFT = Rest(0.0015, 0.1)
LEAST = 0.001  # a shorter rest costs more than it saves


class Reply(Protocol):
    """Takes a response as it arrives, or after a ``rest``."""

    rest: Rest

    def head(self, status: int, content_type: str) -> None:
        """The status line and the headers are complete."""

    def body(self, data: bytes) -> None:
        """The next bytes of the body."""

    def end(self) -> None:
        """The body is complete."""

    def lost(self, fault: EngineStreamFailed) -> None:
        """The response will not be completed."""


class Connection(asyncio.Protocol):
    """One connection to an engine; carries one response at a time."""

    def __init__(self, pool: "Upstream") -> None:
        self._pool = pool
        self._reply: Reply | None = None
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._body: list[bytes] = []
        self._head_bytes = 0
        self._content_type = ""
        self._keep = True
        self._framed = False
        self.answered = False
        self.used = False

    def send(self, request: bytes, reply: Reply) -> None:
        """Write *request*; its response goes to *reply*."""
        assert self._transport is not None
        self._reply, self._parser = reply, httptools.HttpResponseParser(self)
        self._head_bytes, self._content_type, self._keep, self.answered = 0, "", True, False
        self._framed = False
        self._body.clear()
        self._transport.write(request)

    def abort(self) -> None:
        """Close at once: the only cancel that engines understand reliably."""
        self._reply = None
        if self._transport is not None:
            self._transport.abort()

    @property
    def closing(self) -> bool:
        """True where nothing can be sent any more."""
        return self._transport is None or self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods, not by its class

    def pause(self) -> None:
        """Read nothing until ``wake``."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def wake(self) -> None:
        """Read on after a rest."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:  # bytes that nobody asked for
            self.abort()
            return
        try:
            parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(StreamFault.MALFORMED, str(error))
            return
        if self._body:
            self._hand_over()
        if not self.answered:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD:
                self._fail(StreamFault.MALFORMED, f"more than {MAX_HEAD} bytes of headers")
        reply = self._reply
        if reply is not None and reply.rest is not AT_ONCE:
            self._pool.rest(self, reply.rest)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.forget(self)
        if self._reply is None:
            return
        parser, reply = self._parser, self._reply
        if self.answered and parser is not None and not self._framed:
            self._reply = None
            reply.end()  # a body without a length ends with its connection
        else:
            self._fail(StreamFault.CUT, str(exc) if exc else "the engine closed the connection")

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"content-type":
            self._content_type = value.decode("latin-1")
        elif name in (b"content-length", b"transfer-encoding"):
            self._framed = True

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        self.answered = True
        self._keep = bool(self._parser.should_keep_alive())
        if self._reply is not None:
            self._reply.head(self._parser.get_status_code(), self._content_type)

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        if self._body:
            self._hand_over()
        reply, self._reply, self._parser = self._reply, None, None
        if self._keep and self._framed:
            self._pool.keep(self)
        elif self._transport is not None:
            self._transport.close()
        if reply is not None:
            reply.end()

    def _hand_over(self) -> None:
        """Give the reply all that one read brought, at once: an engine's chunks are small and many."""
        data = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        if self._reply is not None:
            self._reply.body(data)

    def _fail(self, fault: StreamFault, detail: str) -> None:
        reply = self._reply
        self.abort()
        if reply is not None:
            reply.lost(EngineStreamFailed(fault, detail))


class Upstream:
    """The connections to one engine's address."""

    def __init__(self, base_url: str, *, key: str | None = None, connect_seconds: float = 2.0) -> None:
        """*base_url* is ``http(s)://host[:port][/path]``; redirects are never followed and no proxy is used."""
        parts = urlsplit(base_url)
        self._host = parts.hostname or "127.0.0.1"
        # Once: to read the trusted authorities takes 20 ms, in which no stream moves.
        self._context = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._context else 80)
        self._connect_seconds = connect_seconds
        self._prefix = parts.path.rstrip("/")
        authorization = f"authorization: Bearer {key}\r\n" if key else ""
        self._headers = f"host: {parts.netloc}\r\ncontent-type: application/json\r\n{authorization}".encode()
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._resting: dict[Rest, list[Connection]] = {}  # until they are woken together

    async def post(self, path: str, body: bytes, reply: Reply, *, fresh: bool = False) -> Connection:
        """Send a POST; the response is pushed into *reply*. Returns the connection, so that it can be aborted.

        Raises:
            EngineStreamFailed: no connection within ``connect_seconds``.
        """
        request = b"POST %b%b HTTP/1.1\r\n%bcontent-length: %d\r\n\r\n%b" % (
            self._prefix.encode(),
            path.encode(),
            self._headers,
            len(body),
            body,
        )
        connection = None if fresh else self._take()
        if connection is None:
            connection = await self._open()
        else:
            connection.used = True
        connection.send(request, reply)
        return connection

    def rest(self, connection: Connection, rest: Rest) -> None:
        """Have *connection* read on in a moment, together with all others that rest so then."""
        resting = self._resting.get(rest)
        if resting is None:
            seconds = min(rest.each * (len(self._all) - len(self._idle)), rest.most)
            if seconds < LEAST:
                return
            resting = self._resting[rest] = []
            asyncio.get_running_loop().call_later(seconds, self._wake, rest)
        connection.pause()
        resting.append(connection)

    def _wake(self, rest: Rest) -> None:
        for connection in self._resting.pop(rest):
            connection.wake()

    def keep(self, connection: Connection) -> None:
        """Keep a connection whose response is complete for the next request."""
        if len(self._idle) < MAX_IDLE:
            self._idle.append(connection)
        else:
            connection.abort()

    def forget(self, connection: Connection) -> None:
        """Drop a connection that is gone."""
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def close(self) -> None:
        """Abort every connection."""
        for connection in list(self._all):
            connection.abort()

    def _take(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closing:
                return connection
        return None

    async def _open(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await loop.create_connection(
                    lambda: Connection(self), self._host, self._port, ssl=self._context
                )
        except (OSError, TimeoutError) as error:
            reason = str(error) or f"no connection within {self._connect_seconds:g} s"
            raise EngineStreamFailed(StreamFault.CONNECT, reason) from error
        self._all.add(connection)
        return connection
