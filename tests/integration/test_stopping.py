"""Stopping while people are answered: what runs is finished whole, nothing new gets in, and no process is left."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest

from launcher.loopback import free_port
from tests.cli import COMMAND, Home
from tests.fake_engine import Act, FakeEngine, fake_engine
from tests.helpers import until
from tests.stack import asking

pytestmark = pytest.mark.timeout(120)
STREAMS, WORDS = 8, 60


@dataclass(frozen=True)
class Daemon:
    """A daemon in the foreground before a fake engine."""

    home: Home
    process: asyncio.subprocess.Process
    port: int
    engine: FakeEngine
    client: httpx.AsyncClient


@asynccontextmanager
async def running(home: Home) -> AsyncIterator[Daemon]:
    """Start one, wait until it is ready; the test stops it."""
    port = free_port()
    async with fake_engine(lambda _: Act(" ".join(["word"] * WORDS), delay=0.05)) as engine:
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            *("up", "--port", str(port), "--engine", engine.url),
            stderr=asyncio.subprocess.PIPE,
            env=home.environment | {"HARMONIC_ENGINE__PROVE": "false", "HARMONIC_ENGINE__SLOTS": "8"},
        )
        assert process.stderr is not None
        try:
            async with asyncio.timeout(60):
                while b"Harmonic Stack is ready" not in await process.stderr.readline():
                    pass
            key = (await home.run("key", "show")).out.strip()
            headers = {"authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
                yield Daemon(home, process, port, engine, client)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def stream(daemon: Daemon) -> list[str]:
    """The events of one streamed answer."""
    body = {**asking("Tell me.", "harmonic-fast"), "stream": True}
    async with daemon.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        return [line[6:] async for line in answer.aiter_lines() if line.startswith("data: ")]


async def test_eight_streams_are_finished_whole_after_the_signal(home: Home) -> None:
    async with running(home) as daemon:
        streams = [asyncio.create_task(stream(daemon)) for _ in range(STREAMS)]
        await until(lambda: daemon.engine.streaming == STREAMS, "eight are answered", timeout=20)
        daemon.process.send_signal(signal.SIGTERM)
        await until(lambda: not _listens(daemon.port), "nobody new gets in")
        assert daemon.engine.streaming == STREAMS, "those under way go on"
        for events in await asyncio.gather(*streams):
            texts = [json.loads(event)["choices"][0]["delta"].get("content", "") for event in events[:-1]]
            assert ("".join(texts), events[-1]) == (" ".join(["word"] * WORDS), "[DONE]")
        async with asyncio.timeout(20):
            assert await daemon.process.wait() == 0
    assert home.processes() == []


async def test_a_second_signal_does_not_wait(home: Home) -> None:
    async with running(home) as daemon:
        streams = [asyncio.create_task(stream(daemon)) for _ in range(STREAMS)]
        await until(lambda: daemon.engine.streaming == STREAMS, "eight are answered", timeout=20)
        daemon.process.send_signal(signal.SIGTERM)
        await until(lambda: not _listens(daemon.port), "it is stopping")
        daemon.process.send_signal(signal.SIGTERM)
        ended = await asyncio.gather(*streams, return_exceptions=True)
        async with asyncio.timeout(20):
            assert await daemon.process.wait() == 0
        assert all(isinstance(each, httpx.TransportError) or each[-1:] != ["[DONE]"] for each in ended)
        await until(lambda: daemon.engine.streaming == 0, "the engine is let go")
    assert home.processes() == []


def _listens(port: int) -> bool:
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) == 0


async def test_an_address_that_others_reach_needs_a_key_and_is_refused_at_once(home: Home) -> None:
    begun = time.monotonic()
    refused = await home.run("up", "--host", "0.0.0.0", "--no-auth", "--port", str(free_port()))
    assert refused.code == 2
    assert "server.auth" in refused.err
    print(f"refused after {time.monotonic() - begun:.2f} s")  # noqa: T201 - for -s
    assert home.processes() == []


async def test_an_address_that_others_reach_needs_a_strong_key(home: Home) -> None:
    folder = home.path / ".local/state/harmonic-stack/keys"
    folder.mkdir(parents=True, mode=0o700)
    for part in (folder.parent, folder):
        part.chmod(0o700)
    keys = [{"scope": scope, "key": "hs-weak"} for scope in ("inference", "admin")]
    (folder / "keys.json").write_text(json.dumps({"version": 1, "keys": keys}))
    (folder / "keys.json").chmod(0o600)
    refused = await home.run("up", "--host", "0.0.0.0", "--port", str(free_port()))
    assert refused.code == 2
    assert "128 bits" in refused.err
    assert home.processes() == []
