"""An Ollama that does what a test asks, over real HTTP: it breaks off, refuses, lies about its slots or loses a runner.

It stands in only for faults that a real one does not have on request; everything else is tested on a real Ollama.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.helpers import close_server

TOKEN_SECONDS = 0.005
GGUF = {"format": "gguf", "family": "llama"}


@dataclass(frozen=True)
class Play:
    """What one chat is answered with."""

    words: Sequence[str] = ("one", " two")
    thoughts: Sequence[str] = ()
    delay: float = 0.0  # seconds before each line
    error: str | None = None  # the last line, instead of the end
    status: int = 200
    reason: str = "stop"
    raw: bytes | None = None  # instead of lines of our own
    content_type: str = "application/x-ndjson"


@dataclass
class FakeOllama:
    """A running fake; ``asked`` holds path and body of every request."""

    version: str = "0.32.14"
    models: list[dict[str, Any]] = field(default_factory=lambda: [listed("tiny:latest")])
    slots: int = 64
    play: Callable[[dict[str, Any]], Play] = field(default=lambda body: Play())
    embed: Callable[[dict[str, Any]], dict[str, Any]] = field(default=lambda body: {"embeddings": []})
    pulls: Sequence[bytes] = ()
    refusals: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # by path
    loaded: set[str] = field(default_factory=set)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.slots)

    def chats(self) -> list[dict[str, Any]]:
        """The bodies of the requests for text: those that load or unload a model are left out."""
        return [body for path, body in self.asked if path == "/api/chat" and body["messages"]]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close the connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next((int(line[15:]) for line in head.lower().split("\r\n") if line[:15] == "content-length:"), 0)
            body = json.loads(await reader.readexactly(length)) if length else {}
            path = head.split(" ", 2)[1]
            self.asked.append((path, body))
            await self._answer(writer, path, body)
            await writer.drain()
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, path: str, body: dict[str, Any]) -> None:
        if path in self.refusals:
            status, text = self.refusals[path]
            return _whole(writer, status, text)
        if path == "/api/chat":
            return await self._chat(writer, body)
        if path == "/api/pull":
            _head(writer, 200, "application/x-ndjson")
            writer.write(b"".join(line + b"\n" for line in self.pulls))
            if any(b'"success"' in line for line in self.pulls):
                self.models.append(listed(body["model"]))
            return None
        if path == "/api/embed":
            return _whole(writer, 200, json.dumps(self.embed(body)).encode())
        running = [{"name": name, "context_length": 2048, "size": 1, "size_vram": 1} for name in sorted(self.loaded)]
        known: dict[str, Any] = {
            "/api/version": {"version": self.version},
            "/api/tags": {"models": self.models},
            "/api/ps": {"models": running},
            "/api/show": {"modelfile": "# FROM nothing\nFROM /models/blobs/sha256-0\n"},
        }
        return _whole(writer, 200, json.dumps(known[path]).encode())

    async def _chat(self, writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
        if not body["messages"]:
            (self.loaded.discard if body["keep_alive"] == 0 else self.loaded.add)(body["model"])
            return _whole(writer, 200, b'{"done":true}')
        play = self.play(body)
        if play.status != 200:
            return _whole(writer, play.status, json.dumps({"error": play.error}).encode())
        async with self._free:
            _head(writer, 200, play.content_type)
            for line in _lines(play):
                await asyncio.sleep(play.delay)
                writer.write(line)
                await writer.drain()
        return None


@asynccontextmanager
async def fake_ollama(fake: FakeOllama | None = None) -> AsyncIterator[FakeOllama]:
    """Serve a fake on a free port of loopback."""
    running = fake or FakeOllama()
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield running
    finally:
        await close_server(server)


def listed(name: str, *, family: str = "llama", can: Sequence[str] = ("completion",), age: int = 0) -> dict[str, Any]:
    """An entry of `/api/tags`; *age* in days."""
    modified = f"2026-11-{20 - age:02}T12:00:00.0Z"
    details = {**GGUF, "family": family}
    return {"name": name, "size": 1000, "modified_at": modified, "details": details, "capabilities": list(can)}


def count_to(tokens: int) -> Play:
    """An answer of so many tokens, slow enough for answers to overlap."""
    return Play(words=["x"] * tokens, delay=TOKEN_SECONDS)


def _lines(play: Play) -> list[bytes]:
    if play.raw is not None:
        return [play.raw]
    lines = [_line(message={"role": "assistant", "content": "", "thinking": text}) for text in play.thoughts]
    lines += [_line(message={"role": "assistant", "content": text}) for text in play.words]
    if play.error is not None:
        return [*lines, json.dumps({"error": play.error}).encode() + b"\n"]
    counts = {"prompt_eval_count": 10, "eval_count": len(play.words)}
    end = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": play.reason, **counts}
    return [*lines, json.dumps({"model": "tiny", **end}).encode() + b"\n"]


def _line(**more: Any) -> bytes:
    return json.dumps({"model": "tiny", "created_at": "2026-11-22T12:00:00Z", "done": False, **more}).encode() + b"\n"


def _head(writer: asyncio.StreamWriter, status: int, kind: str) -> None:
    writer.write(f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n".encode())


def _whole(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    writer.write(head.encode() + b"connection: close\r\n\r\n" + body)
