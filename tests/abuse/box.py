"""A box to be abused: the stack in a process of its own before a fake engine, raw sockets, and what it held before."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fake_engine import FakeEngine, Play, fake_engine
from tests.helpers import until
from tests.stack import asking

ROOT = Path(__file__).parents[2]
# Short limits: the tests wait for them. The others are the defaults.
SETTINGS: dict[str, object] = {
    "engine.slots": 8,
    "queue.depth": 32,
    "server.header_seconds": 1.0,
    "server.body_seconds": 1.5,
    "server.write_seconds": 1.0,
    "server.max_body_bytes": 1_048_576,
    "engine.first_token_seconds": 20.0,
    # Few enough that the spine is full before the figures are taken: what it keeps is no leak.
    "spine.entries": 64,
    "spine.max_sessions": 8,
}


@dataclass(frozen=True)
class Reply:
    """What came back: ``status`` 0 where the connection ended without an answer."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def code(self) -> str | None:
        """The error's code."""
        found = json.loads(self.body)["error"]
        assert set(found) == {"message", "type", "param", "code"}
        return str(found["code"])


@dataclass
class Box:
    """The running stack, its engine, and the way to ask both."""

    port: int
    key: str
    admin: str
    folder: Path
    engine: FakeEngine
    process: asyncio.subprocess.Process
    before: dict[str, int] = field(default_factory=dict)

    @property
    def auth(self) -> bytes:
        """The header that lets one in."""
        return f"Authorization: Bearer {self.key}\r\n".encode()

    def head(self, path: str = "/v1/chat/completions", method: str = "POST", *more: bytes) -> bytes:
        """A good head up to its last line, without the empty one."""
        start = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n".encode()
        return start + self.auth + b"".join(line + b"\r\n" for line in more)

    def post(self, body: bytes | dict[str, Any], path: str = "/v1/chat/completions", *more: bytes) -> bytes:
        """A whole request."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.head(path, "POST", b"Content-Length: %d" % len(raw), *more) + b"\r\n" + raw

    async def open(self, limit: int = 2**20) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection."""
        return await asyncio.open_connection("127.0.0.1", self.port, limit=limit)

    async def send(self, *parts: bytes, pause: float = 0.0, half_close: bool = False, seconds: float = 10.0) -> Reply:
        """Send *parts*, *pause* seconds apart, and read one reply."""
        reader, writer = await self.open()
        try:
            async with asyncio.timeout(seconds):
                sending = asyncio.create_task(_send(writer, parts, pause, half_close))
                try:
                    return await read_reply(reader, head_only=bool(parts) and parts[0].startswith(b"HEAD"))
                finally:
                    sending.cancel()
                    with suppress(asyncio.CancelledError, ConnectionError):
                        await sending
        finally:
            writer.transport.abort()

    async def look(self) -> dict[str, int]:
        """The figures of the stack's process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        found: dict[str, int] = json.loads(await self.process.stdout.readline())
        return found

    async def quiet(self) -> dict[str, int]:
        """The figures, once nothing is under way any more and what belongs to connections is gone."""
        held = ("tasks", "descriptors", "running", "waiting", "busy")
        found: dict[str, int] = {}

        async def back() -> bool:
            found.update(await self.look())
            return all(found[name] <= self.before.get(name, 0) for name in held)

        try:
            await until(back, "all is given back", timeout=10)
        except AssertionError:
            raise AssertionError(f"held before: {self.before}, now: {found}") from None
        return found

    def log(self) -> str:
        """All that the stack has logged."""
        return "".join(file.read_text("utf-8") for file in (self.folder / "state/logs").glob("daemon.log*"))


async def read_reply(reader: asyncio.StreamReader, *, head_only: bool = False) -> Reply:
    """One reply, whole; status 0 where the connection ends first."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        while head.startswith("HTTP/1.1 100 "):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return Reply(0)
    first, *lines = head.rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = b""
    if not head_only:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            if headers.get("transfer-encoding") == "chunked":
                while size := int(await reader.readuntil(b"\r\n"), 16):
                    body += (await reader.readexactly(size + 2))[:-2]
                await reader.readexactly(2)  # no trailers: the connection may go on
            else:
                body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Reply(int(first.split(" ")[1]), headers, body)


async def _send(writer: asyncio.StreamWriter, parts: Sequence[bytes], pause: float, half_close: bool) -> None:
    with suppress(ConnectionError):
        for place, part in enumerate(parts):
            if place and pause:
                await asyncio.sleep(pause)
            writer.write(part)
            await writer.drain()
        if half_close:
            writer.write_eof()


@asynccontextmanager
async def running_box(
    play: Play | None = None,
    settings: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Box]:
    """A box that runs, with a fake engine that answers by *play*."""
    with tempfile.TemporaryDirectory(prefix="hs-") as folder:
        async with fake_engine(play) as engine:
            asked = json.dumps({"engine.url": engine.url, **SETTINGS, **(settings or {})})
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.abuse.serve", folder, asked),
                cwd=ROOT,
                env={**os.environ, **(environment or {})},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            assert process.stdout is not None
            assert process.stdin is not None
            try:
                told = json.loads(await process.stdout.readline())
                port = int(told["url"].rpartition(":")[2])
                yield Box(port, told["key"], told["admin"], Path(folder), engine, process)
                process.stdin.close()
                async with asyncio.timeout(20):
                    assert await process.wait() == 0
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()


async def warm_up(box: Box, rounds: int) -> None:
    """Ask ordinary questions, so that caches, pools and kept connections stand where they will stay."""
    for _ in range(rounds):
        bodies = [{**asking("What is 2 + 2?"), "stream": number % 2 == 0} for number in range(8)]
        replies = await asyncio.gather(*(box.send(box.post(body)) for body in bodies))
        assert {reply.status for reply in replies} == {200}
    for path in ("/health", "/ready", "/v1/models", "/metrics", "/openapi.json", "/nothing"):
        await box.send(box.head(path, "GET") + b"\r\n")
    box.before = await box.look()
