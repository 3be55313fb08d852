"""A server over real HTTP that is clamped to so many slots, or answers its model list oddly."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.helpers import close_server

TOKEN_SECONDS = 0.005


@dataclass
class Stub:
    """What to answer; *seen* holds the heads of the requests that came."""

    slots: int = 64
    prefix: str = "/v1"
    listing: tuple[int, str, bytes] = (200, "", b'{"data": [{"id": "tiny"}]}')  # status, extra header lines, body
    stream_status: int = 200
    props: tuple[int, str, bytes] = (404, "", b"{}")
    silent: bool = False
    seen: list[str] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.slots)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.seen.append(head)
            path = head.split(" ", 2)[1]
            if path == f"{self.prefix}/models":
                self._write(writer, *self.listing)
            elif path == "/props":
                self._write(writer, *self.props)
            elif path == f"{self.prefix}/chat/completions":
                length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
                await self._chat(writer, json.loads(await reader.readexactly(length)))
            else:
                self._write(writer, 404, "", b"{}")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _chat(self, writer: asyncio.StreamWriter, body: dict[str, int]) -> None:
        if self.stream_status != 200:
            return self._write(writer, self.stream_status, "", b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        async with self._free:
            for _ in range(0 if self.silent else body["max_tokens"]):
                writer.write(b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n')
                await writer.drain()
                await asyncio.sleep(TOKEN_SECONDS)
        writer.write(b"data: [DONE]\n\n")
        return None

    @staticmethod
    def _write(writer: asyncio.StreamWriter, status: int, headers: str, body: bytes) -> None:
        writer.write(f"HTTP/1.1 {status} X\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body)


@asynccontextmanager
async def serving(stub: Stub) -> AsyncIterator[Stub]:
    """Serve *stub* on a free port of loopback; its `url` has no prefix."""
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0)
    stub.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield stub
    finally:
        await close_server(server)
