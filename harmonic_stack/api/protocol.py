"""One HTTP connection: uvicorn's own parser and cycle, with the limits that uvicorn does not have.

Everything here happens before the application sees a request, or when it has nothing more to say: heads that do not
end, bodies of framing without content, requests behind requests, clients that do not read. Whoever breaks a limit gets
an answer in OpenAI's shape where one can still be sent; then the connection ends.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from harmonic_stack.api.exchange import Exchange
from harmonic_stack.api.lane import Lane
from harmonic_stack.api.last_answer import last_answer
from harmonic_stack.api.upgrade_offer import without_offer
from harmonic_stack.config import Server as Limits
from harmonic_stack.errors import BadRequest, HarmonicError, HeadTooLarge, RequestTimedOut, TargetTooLong, TooBusy
from harmonic_stack.problems import error_body, problem_of, retry_after

MAX_HEADERS = 100
MAX_HEAD_BYTES = 32_768
MAX_TARGET_BYTES = 8_192
# Requests that a client may send ahead while an earlier one of the same connection is answered.
MAX_AHEAD = 8
# Bytes of chunk sizes, extensions and trailers: so many, and so many for each byte of content (one-byte chunks have 5).
MAX_FRAMING, FRAMING_PER_BYTE = 65_536, 8
# After an early answer, how long and how much of the rest of a request is thrown away: closing at once would take the
# answer back (the system resets a connection that is closed with unread bytes).
LINGER_SECONDS, LINGER_BYTES = 2.0, 16_777_216
# Two of these could be read in two ways by two programs.
ONCE = frozenset(
    b"host content-length transfer-encoding content-type content-encoding authorization x-api-key origin "
    b"x-session-id".split()
)

log = logging.getLogger(__name__)


class _Refused(Exception):
    """Stops the parser; what is wrong stands in the protocol's ``_refusal``."""


class HardenedProtocol(HttpToolsProtocol):
    """A connection whose every wait has an end and whose every buffer has a bound."""

    limits: Limits
    lane: Lane | None = None  # where whole requests may be answered without ASGI

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Begin to wait for a request; beyond the most connections, the longest idle one goes."""
        super().connection_made(transport)
        self._running: Exchange | None = None
        self._held: Exchange | None = None  # waits for its body, as far as that came with its head
        self._refusal: HarmonicError | None = None
        self._refused = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._head_open, self._begun = True, False  # waiting for or in a head; a request line has begun
        self._offered = False  # the head that was just read offers to speak another protocol
        self._last = False  # the connection ends with the answer to the request that runs
        self._completed = False  # a request became whole in the bytes that are being read
        self._content_bytes = self._raw_bytes = self._discarded = 0
        self.idle_since = self.loop.time()
        if len(self.connections) > self.limits.max_connections and not self._make_room():
            self._answer_refusal(TooBusy(1.0))
            return
        self._start("head", self.limits.header_seconds, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that is being answered; uvicorn tells only the newest one."""
        for name in list(self._timers):
            self._stop(name)
        self.pipeline.clear()
        super().connection_lost(exc)
        if self._running is not None and not self._running.response_complete:
            self._left(self._running)

    def data_received(self, data: bytes) -> None:
        """Parse what came, within the bounds."""
        if self._refused:
            self._discard(len(data))
            return
        self._completed = False
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            if self._offered:
                self._read_again(data[offer.args[0] :])
                return
        except httptools.HttpParserError:
            self.send_400_response("")
        if self._held is not None:  # the rest of it is still under way
            self._take_long_way(self._held)
        self._account(len(data))

    def _read_again(self, rest: bytes) -> None:
        """Read the same request as if it offered no other protocol: behind an offer the parser finds no body."""
        head = without_offer(self.parser.get_method(), self.url, self.parser.get_http_version(), self.headers)
        self.parser, self._offered = httptools.HttpRequestParser(self), False
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self.data_received(head + rest)

    # What the parser finds.

    def on_message_begin(self) -> None:
        """A request line begins."""
        super().on_message_begin()
        self._begun, self._content_bytes, self._raw_bytes = True, 0, 0

    def on_headers_complete(self) -> None:
        """A head is whole: the request begins, or waits for the one before it."""
        self._check_head()
        self._offered = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._offered:
            return
        self._head_open = False
        self._stop("head")
        self._begin_exchange()
        self.headers = []  # the request keeps its own list; what comes now are trailers, which nobody here asks for
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False  # CONNECT is refused, and the parser reads nothing after it

    def on_body(self, body: bytes) -> None:
        """A piece of content."""
        self._content_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole; the next may come."""
        if self._offered:
            return
        super().on_message_complete()
        self._head_open, self._begun, self._completed = True, False, True
        self._raw_bytes = 0
        self._stop("linger")
        if self._held is not None:
            held, self._held = self._held, None
            if self.lane is None or not self.lane.take(held):
                self._take_long_way(held)
        if self._last and self.cycle.response_complete:
            self.transport.close()  # the parser reads nothing behind it

    def _check_head(self) -> None:
        """Look at a whole head once: nothing is done per header, which would cost more than all the rest."""
        if not self.url.startswith(b"/"):
            self._refuse(BadRequest("the request's target must be a path"))
        if len(self.url) > MAX_TARGET_BYTES:
            self._refuse(TargetTooLong(MAX_TARGET_BYTES))
        if (version := self.parser.get_http_version()) not in ("1.1", "1.0"):
            self._refuse(BadRequest("HTTP/1.1 and HTTP/1.0 are spoken here"))
        headers = self.headers
        if len(headers) > MAX_HEADERS or sum([len(name) + len(value) + 4 for name, value in headers]) > MAX_HEAD_BYTES:
            self._refuse(HeadTooLarge(MAX_HEADERS, MAX_HEAD_BYTES))
        names = dict(headers)
        if len(names) < len(headers):
            self._check_once([name for name, _ in headers])
        if (coding := names.get(b"transfer-encoding")) is not None:
            if b"content-length" in names:
                self._refuse(BadRequest("a body has a length or comes in chunks, not both"))
            if version == "1.0":
                self._refuse(BadRequest("HTTP/1.0 knows no transfer coding"))
            if coding.lower() != b"chunked":
                self._refuse(BadRequest("a body is sent plain or chunked, in no other transfer coding"))
        if version == "1.0":
            self.expect_100_continue = False  # it knows no interim answer either
        if len(self.pipeline) >= MAX_AHEAD:
            self._refuse(BadRequest(f"at most {MAX_AHEAD} requests may be sent ahead"))

    def _check_once(self, names: list[bytes]) -> None:
        for name in ONCE:
            if names.count(name) > 1:
                self._refuse(BadRequest(f"the header {name.decode()} may be there once"))

    def _refuse(self, error: HarmonicError) -> None:
        """Stop the parser; ``data_received`` comes back through ``send_400_response``."""
        self._refusal = error
        raise _Refused

    # What the application does.

    def _begin_exchange(self) -> None:
        """Begin to answer the request whose head is whole, or line it up behind the one that is answered."""
        version, target = self.parser.get_http_version(), httptools.parse_url(self.url)
        path = target.path.decode("ascii")
        scope = self.scope
        scope["method"], scope["http_version"] = self.parser.get_method().decode("ascii"), version
        scope["path"], scope["raw_path"] = unquote(path) if "%" in path else path, target.path
        scope["query_string"] = target.query or b""
        before = self.cycle
        exchange = self.cycle = Exchange(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        exchange.tasks = self.tasks
        if before is not None and not before.response_complete:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))
            return
        self._running, self._last = exchange, not exchange.keep_alive
        if not self._last and self.lane is not None and self.lane.may_take(scope["method"], scope["path"]):
            self._held = exchange
        else:
            self._take_long_way(exchange)

    def _start_asgi_task(self, cycle: Exchange, app: Any) -> None:  # type: ignore[override]  # noqa: ARG002 as called
        """Begin to answer a request that waited behind another; uvicorn calls this."""
        self._running, self._last = cycle, not cycle.keep_alive
        self._take_long_way(cycle)

    def _take_long_way(self, exchange: Exchange) -> None:
        self._held = None
        super()._start_asgi_task(exchange, last_answer(self.app, exchange) if self._last else self.app)

    @staticmethod
    def _left(exchange: Exchange) -> None:
        """Tell the answer that its client is gone."""
        exchange.disconnected = True
        exchange.message_event.set()
        if exchange.gone is not None:
            exchange.gone()

    def on_response_complete(self) -> None:
        """An answer is written: the rest of its request is thrown away, and the next may begin."""
        super().on_response_complete()
        self.idle_since = self.loop.time()
        if self.transport.get_write_buffer_size():
            self._start("write", self.limits.write_seconds, self._not_read)
        if not self._head_open and not self.transport.is_closing() and self.cycle.response_complete:
            self._discarded = 0
            self._start("linger", LINGER_SECONDS, self.transport.close)
            if self._last and self.transport.can_write_eof():
                self.transport.write_eof()

    def pause_writing(self) -> None:
        """The client reads slower than we write."""
        super().pause_writing()
        self._start("write", self.limits.write_seconds, self._not_read)

    def resume_writing(self) -> None:
        """The client caught up."""
        super().resume_writing()
        self._stop("write")
        if self._running is not None and self._running.drained is not None:
            self._running.drained()

    # What goes wrong.

    @property
    def idle(self) -> bool:
        """Whether nothing of this connection is being answered."""
        return (self._running is None or self._running.response_complete) and not self.pipeline

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - as uvicorn calls it
        """Answer what the parser, or a check of ours, refused."""
        self._answer_refusal(self._refusal or BadRequest("this is no HTTP request that could be read"))

    def _answer_refusal(self, error: HarmonicError) -> None:
        """Send *error* if the client still waits for an answer's first byte, then end the connection."""
        self._refused = True
        for name in list(self._timers):
            self._stop(name)
        running = self._running
        if running is not None and running.response_complete and (self._last or not self._head_open):
            self.transport.close()  # what is wrong belongs to a request that has had its answer
            return
        if running is not None and not running.response_complete:
            if running.response_started or running is not self.cycle or self._head_open:
                self.transport.abort()  # bytes of another answer are under way: nothing can be put between them
                return
            self._left(running)
        self.transport.write(_response(error))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._start("linger", LINGER_SECONDS, self.transport.abort)

    def _make_room(self) -> bool:
        """End the connection that has been idle longest; False where all are busy."""
        others = [each for each in self.connections if isinstance(each, HardenedProtocol) and each is not self]
        idle = [each for each in others if each.idle and not each.transport.is_closing()]
        if not idle:
            return False
        min(idle, key=lambda each: each.idle_since).transport.abort()
        return True

    def _head_is_late(self) -> None:
        if self.flow.read_paused:  # it is we who do not read
            self._start("head", self.limits.header_seconds, self._head_is_late)
        elif self._begun:
            self._answer_refusal(RequestTimedOut(self.limits.header_seconds, "head"))
        else:
            self.transport.close()

    def _not_read(self) -> None:
        if self.transport.get_write_buffer_size():
            log.info("a client that does not read was cut off", extra={"seconds": self.limits.write_seconds})
            self.transport.abort()

    def _account(self, size: int) -> None:
        """Count what was just parsed towards the bound of the part of a request that is still open."""
        if self._refused:
            return
        if self._head_open:
            if self._begun or not self._completed:
                self._count_head(0 if self._completed else size)
            elif self.idle and self.timeout_keep_alive_task is None:  # answered before it was whole
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )
        elif self.cycle.response_complete:
            self._discard(size)
        else:
            self._count_framing(size)

    def _count_head(self, size: int) -> None:
        """Count bytes after which a head is still open: also those of a header that never ends, or of empty lines."""
        self._raw_bytes += size
        if self._begun and len(self.url) > MAX_TARGET_BYTES:
            self._answer_refusal(TargetTooLong(MAX_TARGET_BYTES))
        elif self._raw_bytes > 2 * MAX_HEAD_BYTES:
            self._answer_refusal(HeadTooLarge(MAX_HEADERS, MAX_HEAD_BYTES))
        else:
            self._start("head", self.limits.header_seconds, self._head_is_late)

    def _count_framing(self, size: int) -> None:
        self._raw_bytes += size
        if self._raw_bytes > 2 * MAX_HEAD_BYTES + MAX_FRAMING + (1 + FRAMING_PER_BYTE) * self._content_bytes:
            self._answer_refusal(BadRequest("the body is more framing than content"))

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > LINGER_BYTES:
            self.flow.pause_reading()  # until the end: ending it now would take the answer back

    def _start(self, name: str, seconds: float, then: Callable[[], None]) -> None:
        """Call *then* in so many seconds; a timer that runs already goes on."""
        if name not in self._timers:
            self._timers[name] = self.loop.call_later(seconds, self._fire, name, then)

    def _fire(self, name: str, then: Callable[[], None]) -> None:
        self._timers.pop(name, None)
        then()

    def _stop(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()


def _response(error: HarmonicError) -> bytes:
    """A whole response that ends its connection."""
    status = HTTPStatus(problem_of(error).status)
    body = msgspec.json.encode(error_body(error))
    after = retry_after(error)
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        f"x-request-id: req-{secrets.token_hex(8)}",
        *([f"retry-after: {after}"] if after is not None else []),
        "connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
