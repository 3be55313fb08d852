"""Stopping while people are answered: what runs is finished whole, nothing new gets in, and no process is left."""

import asyncio
import json
import signal
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
async def running(home: Home, **settings: str) -> AsyncIterator[Daemon]:
    """Start one with *settings* of the environment, wait until it is ready; the test stops it."""
    port = free_port()
    async with fake_engine(lambda _: Act(" ".join(["word"] * WORDS), delay=0.05)) as engine:
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            *("up", "--port", str(port), "--engine", engine.url),
            stderr=asyncio.subprocess.PIPE,
            env=home.environment | {"HARMONIC_ENGINE__PROVE": "false", "HARMONIC_ENGINE__SLOTS": "8"} | settings,
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
        await until(lambda: _new(daemon, "/ready", 503), "a new caller is told that this stack is not ready")
        assert await _new(daemon, "/health", 200), "the process itself is well"
        refused = await daemon.client.post("/v1/chat/completions", json=asking("Me too?", "harmonic-fast"))
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "shutting_down")
        assert int(refused.headers["retry-after"]) >= 1
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
        await until(lambda: _new(daemon, "/ready", 503), "it is stopping")
        daemon.process.send_signal(signal.SIGTERM)
        ended = await asyncio.gather(*streams, return_exceptions=True)
        async with asyncio.timeout(20):
            assert await daemon.process.wait() == 0
        assert all(isinstance(each, httpx.TransportError) or each[-1:] != ["[DONE]"] for each in ended)
        await until(lambda: daemon.engine.streaming == 0, "the engine is let go")
    assert home.processes() == []


async def test_what_takes_longer_than_the_time_to_drain_is_cut_off_without_an_end_mark(home: Home) -> None:
    async with running(home, HARMONIC_SERVER__DRAIN_SECONDS="0.5") as daemon:
        streaming = asyncio.create_task(stream(daemon))
        await until(lambda: daemon.engine.streaming == 1, "one is answered", timeout=20)
        daemon.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await daemon.process.wait() == 0
        [ended] = await asyncio.gather(streaming, return_exceptions=True)
        assert isinstance(ended, httpx.TransportError) or ended[-1:] != ["[DONE]"]
        assert daemon.engine.closed == 1
    assert home.processes() == []


async def test_a_proxy_has_time_to_see_that_the_stack_stops_though_nothing_runs(home: Home) -> None:
    async with running(home, HARMONIC_SERVER__LAME_DUCK_SECONDS="5", HARMONIC_SERVER__DRAIN_SECONDS="5") as daemon:
        begun = time.monotonic()
        daemon.process.send_signal(signal.SIGTERM)
        await until(lambda: _new(daemon, "/ready", 503), "a new caller is told that this stack is not ready")
        refused = await daemon.client.post("/v1/chat/completions", json=asking("Me too?", "harmonic-fast"))
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "shutting_down")
        assert await _new(daemon, "/ready", 503), "it still listens, and says so"
        async with asyncio.timeout(20):
            assert await daemon.process.wait() == 0
        assert time.monotonic() - begun >= 5
        assert daemon.engine.requests == []
    assert home.processes() == []


async def test_a_second_signal_does_not_wait_for_a_proxy_either(home: Home) -> None:
    async with running(
        home, HARMONIC_SERVER__LAME_DUCK_SECONDS="3600", HARMONIC_SERVER__DRAIN_SECONDS="3600"
    ) as daemon:
        daemon.process.send_signal(signal.SIGTERM)
        await until(lambda: _new(daemon, "/ready", 503), "it is stopping")
        daemon.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await daemon.process.wait() == 0
    assert home.processes() == []


async def test_somebody_who_listens_to_the_spine_does_not_hold_up_a_stop(home: Home) -> None:
    async with running(home, HARMONIC_SERVER__DRAIN_SECONDS="3600") as daemon:
        admin = (await home.run("key", "show", "--admin")).out.strip()
        key = {"authorization": f"Bearer {admin}"}
        async with daemon.client.stream("GET", "/admin/spine/tail", headers=key) as answer:
            lines = answer.aiter_lines()
            assert await anext(lines) == ": listening"
            daemon.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(20):
                assert [line async for line in lines if line] == []  # it ends as a stream ends: not cut off
                assert await daemon.process.wait() == 0
    assert home.processes() == []


async def _new(daemon: Daemon, path: str, status: int) -> bool:
    """Whether a caller on a connection of its own is answered with *status*."""
    async with httpx.AsyncClient(base_url=daemon.client.base_url) as client:
        return (await client.get(path)).status_code == status


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
