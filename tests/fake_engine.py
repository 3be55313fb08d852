"""An engine that does what a test asks, over real HTTP: it can be slow, die in mid-stream, refuse or lie.

It stands in only where a fault or an exact text is needed; everything else is tested on the real engine.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.helpers import close_server


@dataclass(frozen=True)
class Act:
    """What one request is answered with."""

    text: str = "A word. Answer: 4"
    delay: float = 0.0  # seconds before each piece
    die_after: int | None = None  # close the connection after so many pieces
    status: int = 200
    body: bytes = b""  # of a status other than 200
    whole: bytes | None = None  # a body of status 200 that is no stream
    raw: Iterable[bytes] | None = None  # instead of a stream of our own: these bytes as the body
    head: bytes | None = None  # instead of a head of our own; the body then goes out as it is, and the connection ends
    content_type: str = "text/event-stream"
    finish: str = "stop"
    usage: bool = True
    hold: asyncio.Event | None = None  # wait for it before the first piece
    done_mark: bool = True
    drop_kept: bool = False  # close the connection after this answer, without saying so


Play = Callable[[dict[str, Any]], Act]


@dataclass
class FakeEngine:
    """A running fake; ``requests`` are the bodies that it got, ``closed`` counts streams that the caller broke off."""

    play: Play = field(default=lambda body: Act())
    models: tuple[str, ...] = ("fake",)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    connections: int = 0
    streaming: int = 0
    most_streaming: int = 0
    closed: int = 0
    url: str = ""
    open: dict["asyncio.Task[None]", asyncio.StreamWriter] = field(default_factory=dict)
    ended: bool = False

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; it is known from its first moment, so that none is left open at the end."""
        if self.ended:
            writer.transport.abort()
            return
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self.open[task] = writer
        task.add_done_callback(self.open.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line.split(":")[1]) for line in head.lower().split("\r\n") if "content-length:" in line), 0)
        body = await reader.readexactly(length)
        if head.startswith("GET"):
            listed = {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}
            return await _whole(writer, 200, json.dumps(listed).encode())
        asked = json.loads(body)
        self.headers.append(head)
        self.requests.append(asked)
        act = self.play(asked)
        if act.status != 200 or act.whole is not None:
            return await _whole(writer, act.status, act.body if act.whole is None else act.whole)
        self.streaming += 1
        self.most_streaming = max(self.most_streaming, self.streaming)
        try:
            return await self._stream(reader, writer, act)
        except ConnectionError:
            self.closed += 1
            raise
        finally:
            self.streaming -= 1

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, act: Act) -> bool:
        if act.head is not None:
            writer.write(act.head)
            for piece in act.raw or ():
                if act.delay:
                    await _until(asyncio.Event(), reader, writer, act.delay)
                writer.write(piece)
                await writer.drain()
            return False
        writer.write(
            f"HTTP/1.1 200 OK\r\ncontent-type: {act.content_type}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
        )
        await writer.drain()
        if act.hold is not None:
            await _until(act.hold, reader, writer)
        for number, piece in enumerate(_pieces(act)):
            if act.die_after is not None and number >= act.die_after:
                return False
            if act.delay:
                await _until(asyncio.Event(), reader, writer, act.delay)
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        if act.die_after is not None:
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return not act.drop_kept


@asynccontextmanager
async def fake_engine(
    play: Play | None = None, models: Sequence[str] = ("fake",), *, port: int = 0
) -> AsyncIterator[FakeEngine]:
    """A fake engine on a port of loopback; 0 is a free one."""
    engine = FakeEngine(models=tuple(models))
    if play is not None:
        engine.play = play
    server = await asyncio.start_server(engine.connected, "127.0.0.1", port)
    engine.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield engine
    finally:
        engine.ended = True
        await close_server(server)
        for writer in engine.open.values():
            writer.close()
        if engine.open:
            await asyncio.wait(list(engine.open), timeout=5)


async def _until(
    event: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float | None = None
) -> None:
    """Wait for *event*, at most *seconds*, but notice a caller that leaves."""
    end = None if seconds is None else asyncio.get_running_loop().time() + seconds
    while not event.is_set() and (end is None or asyncio.get_running_loop().time() < end):
        if reader.at_eof() or writer.transport.is_closing():
            raise ConnectionResetError
        await asyncio.sleep(0.005)


def role_of(body: dict[str, Any]) -> str:
    """The system prompt of a request, "" without one."""
    return next((m["content"] for m in body["messages"] if m["role"] == "system"), "")


def last_user(body: dict[str, Any]) -> str:
    """The newest user message of a request."""
    return next(m["content"] for m in reversed(body["messages"]) if m["role"] == "user")


def _pieces(act: Act) -> Iterable[bytes]:
    if act.raw is not None:
        return act.raw
    words = act.text.split(" ")
    texts = [word if place == 0 else f" {word}" for place, word in enumerate(words)] if act.text else []
    pieces = [_event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}) for text in texts]
    pieces.append(_event({"choices": [{"index": 0, "delta": {}, "finish_reason": act.finish}]}))
    if act.usage:
        tokens = {"prompt_tokens": 10, "completion_tokens": len(texts), "total_tokens": 10 + len(texts)}
        pieces.append(_event({"choices": [], "usage": tokens}))
    if act.done_mark:
        pieces.append(b"data: [DONE]\n\n")
    return pieces


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(content).encode() + b"\n\n"


async def _whole(writer: asyncio.StreamWriter, status: int, body: bytes) -> bool:
    writer.write(
        b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)
    )
    await writer.drain()
    return True
