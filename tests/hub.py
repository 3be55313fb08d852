"""A hub of models on loopback, for the library's own client: the calls that it makes, over real HTTP, and its faults.

As the real one does, it hands a large file out by redirecting to another host name, whose server knows byte ranges.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.helpers import close_server

COMMIT = hashlib.sha1(b"the only commit").hexdigest()
PIECE = 1 << 16


@dataclass
class Hub:
    """A running hub; ``ranges`` are the first bytes of the answers, ``paths`` what was asked."""

    repo: str
    files: Mapping[str, bytes]
    revisions: tuple[str, ...] = ("main",)
    break_at: int | None = None  # close the connection after so many bytes of a file, once
    claimed: str | None = None  # a sha256 told in place of the true one
    told_size: int | None = None  # of each file, in place of the true one
    gate: asyncio.Event | None = None  # once *hold_at* bytes of a file are sent, wait for it
    hold_at: int = 0
    port: int = 0
    sent: int = 0
    ranges: list[int] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What HF_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close the connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, path, _ = head.split(" ", 2)
            self.paths.append(path)
            await self._answer(writer, method, path.partition("?")[0], head)
            await writer.drain()
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, method: str, path: str, head: str) -> None:
        api = re.fullmatch(r"/api/models/([\w.-]+/[\w.-]+)(?:/revision/([\w.%-]+))?", path)
        if api and api[1] != self.repo:
            return _write(writer, 401, b'{"error":"Repository not found"}', "X-Error-Code: RepoNotFound\r\n")
        if api and (api[2] or "main") not in (*self.revisions, COMMIT):
            return _write(writer, 404, b'{"error":"Invalid rev id"}', "X-Error-Code: RevisionNotFound\r\n")
        if api:
            return _write(writer, 200, json.dumps(self._info()).encode(), "content-type: application/json\r\n")
        asked = re.fullmatch(rf"/{self.repo}/resolve/{COMMIT}/(.+)", path)
        if asked and asked[1] in self.files:
            location = f"location: http://localhost:{self.port}/store/{asked[1]}\r\nX-Repo-Commit: {COMMIT}\r\n"
            return _write(writer, 302, b"", location)
        stored = re.fullmatch(r"/store/(.+)", path)
        if stored and method == "GET":
            return await self._send(writer, self.files[stored[1]], head)
        return _write(writer, 404, b'{"error":"Entry not found"}', "X-Error-Code: EntryNotFound\r\n")

    def _info(self) -> dict[str, object]:
        siblings = [
            {
                "rfilename": name,
                "size": self.told_size or len(content),
                "blobId": hashlib.sha1(content).hexdigest(),
                "lfs": {
                    "sha256": self.claimed or hashlib.sha256(content).hexdigest(),
                    "size": self.told_size or len(content),
                    "pointerSize": 134,
                },
            }
            for name, content in self.files.items()
        ]
        return {"_id": "1", "id": self.repo, "modelId": self.repo, "sha": COMMIT, "siblings": siblings}

    async def _send(self, writer: asyncio.StreamWriter, content: bytes, head: str) -> None:
        asked = re.search(r"(?im)^range: bytes=(\d+)-", head)
        first = int(asked[1]) if asked else 0
        self.ranges.append(first)
        extent = f"content-range: bytes {first}-{len(content) - 1}/{len(content)}\r\n" if asked else ""
        _write(writer, 206 if asked else 200, b"", extent, length=len(content) - first)
        for start in range(first, len(content), PIECE):
            if self.break_at is not None and start >= self.break_at:
                self.break_at = None
                writer.transport.abort()
                return
            if self.gate is not None and self.sent >= self.hold_at:
                await self.gate.wait()
            writer.write(content[start : start + PIECE])
            await writer.drain()
            self.sent += PIECE


@asynccontextmanager
async def hub(running: Hub) -> AsyncIterator[Hub]:
    """Serve a hub on a free port of loopback."""
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        if running.gate is not None:
            running.gate.set()
        await close_server(server)


def _write(
    writer: asyncio.StreamWriter, status: int, body: bytes, headers: str = "", *, length: int | None = None
) -> None:
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status} X\r\n{headers}content-length: {size}\r\nconnection: close\r\n\r\n"
    writer.write(head.encode() + body)
