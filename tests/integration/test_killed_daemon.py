"""The daemon killed at random moments while it writes: what it acknowledged is there, and nobody is left behind."""

import asyncio
import json
import os
import random
import signal

import httpx
import pytest

from launcher.loopback import free_port
from tests.cli import Home
from tests.fake_engine import Act, fake_engine
from tests.helpers import until
from tests.stack import asking

WRITERS = 4


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(3, marks=pytest.mark.timeout(200)),
        pytest.param(20, marks=[pytest.mark.long, pytest.mark.timeout(900)]),
    ],
)
async def test_no_acknowledged_memory_is_lost_and_no_process_is_left(home: Home, kills: int) -> None:
    chance, port = random.Random(kills), str(free_port())
    acknowledged: set[str] = set()
    async with fake_engine(lambda _: Act("word " * 100, delay=0.01)) as engine:
        up = ("up", "--detach", "--port", port, "--engine", engine.url)
        home.env["HARMONIC_ENGINE__PROVE"] = "false"
        for _ in range(kills):
            ran = await home.run(*up)
            assert ran.code == 0, ran.err
            daemon = next(process for process in home.processes() if "up" in process.cmdline())
            writers = [asyncio.create_task(_write(home, port, n, acknowledged)) for n in range(WRITERS)]
            before = len(acknowledged)
            await until(lambda: len(acknowledged) > before, "memories are acknowledged", timeout=20)  # noqa: B023
            await asyncio.sleep(chance.uniform(0, 0.5))
            os.kill(daemon.pid, signal.SIGKILL)
            await asyncio.gather(*writers)
            await until(lambda: home.processes() == [], "store and guards are gone", timeout=5)
            await until(lambda: engine.streaming == 0, "the engine is let go")
        assert (await home.run(*up)).code == 0
        kept = await _kept(home, port)
        assert (await home.run("down")).code == 0
    assert acknowledged <= kept, f"{len(acknowledged - kept)} of {len(acknowledged)} are lost"


def _client(home: Home, port: str) -> httpx.AsyncClient:
    keys = json.loads((home.path / ".local/state/harmonic-stack/keys/keys.json").read_text())["keys"]
    key = next(each["key"] for each in keys if each["scope"] == "admin")
    headers = {"authorization": f"Bearer {key}"}
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=10)


async def _write(home: Home, port: str, number: int, acknowledged: set[str]) -> None:
    """Remember one text after the other, and keep the ids of those that were acknowledged, until nobody answers."""
    async with _client(home, port) as client:
        try:
            if number == 0:  # and one who is answered meanwhile
                await client.post("/v1/chat/completions", json=asking("Remember that the key is blue."))
            while True:
                reply = await client.post("/admin/spine/channels/2/signals", json={"text": f"memory of {number}"})
                assert reply.status_code == 201
                acknowledged.add(reply.json()["id"])
        except httpx.TransportError:
            return


async def _kept(home: Home, port: str) -> set[str]:
    """The ids of all that is on channel 2."""
    found: set[str] = set()
    async with _client(home, port) as client:
        after = ""
        while True:
            page = (await client.get("/admin/spine/channels/2/signals", params={"after": after, "limit": 1000})).json()
            found |= {signal["id"] for signal in page["signals"]}
            after = page["next"]
            if not after:
                return found
