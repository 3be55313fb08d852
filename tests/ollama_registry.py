"""A registry on loopback from which a real Ollama pulls: three routes over real HTTP, and a record of what was asked.

As Ollama's own registry does, it hands a blob out by redirecting to another host name, whose server knows byte ranges.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.helpers import close_server

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
MODEL = "application/vnd.ollama.image.model"
PIECE = 1 << 18  # bytes written at a time


@dataclass(frozen=True)
class Published:
    """A model to hand out: its GGUF file, and the family that its configuration names."""

    file: Path
    family: str = "llama"


@dataclass
class Registry:
    """A running registry; ``ranges`` are the byte ranges asked for, ``sent`` the bytes of models handed out."""

    models: Mapping[str, Published]
    port: int = 0
    gate: asyncio.Event | None = None  # once *hold_at* bytes are sent, wait for it
    hold_at: int = 0
    ranges: list[tuple[int, int]] = field(default_factory=list)
    sent: int = 0
    _blobs: dict[str, Path | bytes] = field(default_factory=dict)
    _manifests: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, model in self.models.items():
            self._publish(name, model)

    def name(self, model: str) -> str:
        """What Ollama calls a model of this registry."""
        return f"127.0.0.1:{self.port}/library/{model}"

    def _publish(self, name: str, model: Published) -> None:
        config = json.dumps(
            {
                "model_format": "gguf",
                "model_family": model.family,
                "model_families": [model.family],
                "model_type": "134.52M",
                "file_type": "Q4_1",
                "architecture": "amd64",
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": []},
            }
        ).encode()
        with model.file.open("rb") as file:
            weights = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        digest = "sha256:" + hashlib.sha256(config).hexdigest()
        self._blobs |= {weights: model.file, digest: config}
        layer = {"mediaType": MODEL, "digest": weights, "size": model.file.stat().st_size}
        head = {"mediaType": CONFIG, "digest": digest, "size": len(config)}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": head, "layers": [layer]}
        self._manifests[name] = json.dumps(manifest).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close the connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, path, _ = head.split(" ", 2)
            await self._answer(writer, method, path, head)
            await writer.drain()
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, method: str, path: str, head: str) -> None:
        if found := re.fullmatch(r"/v2/library/([\w.-]+)/manifests/[\w.-]+", path):
            manifest = self._manifests.get(found[1])
            if manifest is None:
                return _write(writer, 404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
            return _write(writer, 200, manifest if method == "GET" else b"", f"content-type: {MANIFEST}\r\n")
        if found := re.fullmatch(r"/v2/library/[\w.-]+/blobs/(sha256:[0-9a-f]{64})", path):
            blob = self._blobs[found[1]]
            if method == "HEAD":
                return _write(writer, 200, b"", length=_size(blob))
            return _write(writer, 307, b"", f"location: http://localhost:{self.port}/store/{found[1]}\r\n")
        if found := re.fullmatch(r"/store/(sha256:[0-9a-f]{64})", path):
            return await self._send(writer, self._blobs[found[1]], head)
        return _write(writer, 404, b"{}")

    async def _send(self, writer: asyncio.StreamWriter, blob: Path | bytes, head: str) -> None:
        """Hand out the range that is asked for, piece by piece."""
        size = _size(blob)
        asked = re.search(r"(?im)^range: bytes=(\d+)-(\d+)", head)
        first, last = (int(asked[1]), int(asked[2])) if asked else (0, size - 1)
        content = f"content-range: bytes {first}-{last}/{size}\r\n"
        _write(writer, 206 if asked else 200, b"", content, length=last - first + 1)
        if isinstance(blob, bytes):
            writer.write(blob[first : last + 1])
            return
        self.ranges.append((first, last))
        with blob.open("rb") as file:
            file.seek(first)
            left = last - first + 1
            while left > 0:
                if self.gate is not None and self.sent >= self.hold_at:
                    await self.gate.wait()
                piece = file.read(min(PIECE, left))
                writer.write(piece)
                await writer.drain()
                left -= len(piece)
                self.sent += len(piece)


@asynccontextmanager
async def registry(models: Mapping[str, Published]) -> AsyncIterator[Registry]:
    """Serve *models* by name on a free port of loopback."""
    running = Registry(models)
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        if running.gate is not None:
            running.gate.set()
        await close_server(server)


def _size(blob: Path | bytes) -> int:
    return len(blob) if isinstance(blob, bytes) else blob.stat().st_size


def _write(
    writer: asyncio.StreamWriter, status: int, body: bytes, headers: str = "", *, length: int | None = None
) -> None:
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status} X\r\n{headers}content-length: {size}\r\nconnection: close\r\n\r\n"
    writer.write(head.encode() + body)
