"""What a person at a terminal is asked before a model is fetched, and what they see of it: over a real terminal."""

import asyncio
import tempfile
from pathlib import Path

import pytest

from launcher import demo_model
from launcher.loopback import free_port
from tests.cli import Home
from tests.fake_ollama import FakeOllama, count_to, fake_ollama
from tests.ollama import Installed, ollama_program
from tests.ollama_registry import Published, registry
from tests.terminal import terminal

pytestmark = pytest.mark.timeout(120)

DONE = [b'{"status":"pulling manifest"}', b'{"status":"success"}']


@pytest.mark.engine
async def test_a_yes_fetches_with_a_bar_and_the_start_goes_on(home: Home, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="hs-ollama-") as folder:
        installed = Installed(ollama_program(), Path(folder))
        async with registry({"tiny": Published(demo_model())}) as running:
            running.gate, running.hold_at = asyncio.Event(), 50_000_000  # a fast disk has all before Ollama tells any
            installed.settle(home, f"http://{running.name('tiny')}")
            async with terminal(home, "up", "--engine", "ollama", "--port", str(free_port())) as person:
                await person.sees(f"Ollama does not have http://{running.name('tiny')}. Fetch it (98 MB)? [Y/n]:")
                assert running.sent == 0
                person.types("y\n")
                await person.sees("of 98 MB")
                running.gate.set()
                await person.sees("Harmonic Stack is ready after")
            assert b"[#" in person.shown
            assert b"pulled http://" in person.shown
            assert person.process.returncode == 0
    assert home.processes() == []


async def test_a_no_fetches_nothing_and_names_the_command(home: Home) -> None:
    async with fake_ollama(FakeOllama(models=[])) as fake:
        home.env["OLLAMA_HOST"] = fake.url.removeprefix("http://")
        async with terminal(home, "up", "--engine", "ollama", "--port", str(free_port())) as person:
            await person.sees("Ollama has no model yet; for this box: ")
            person.types("n\n")
            await person.sees("harmonic-stack pull ")
            assert await person.ends() == 1
        assert "/api/pull" not in [path for path, _ in fake.asked]
    assert home.processes() == []


async def test_the_profiles_models_are_fetched_for_an_empty_ollama_and_serve_their_roles(home: Home) -> None:
    fake = FakeOllama(models=[], pulls=DONE, play=lambda body: count_to(body["options"].get("num_predict", 8)))
    async with fake_ollama(fake):
        home.env |= {"OLLAMA_HOST": fake.url.removeprefix("http://"), "HARMONIC_ENGINE__PULL": "always"}
        ran = await home.run("up", "--detach", "--engine", "ollama", "--port", str(free_port()))
        assert ran.code == 0, ran.err
        pulled = [body["model"] for path, body in fake.asked if path == "/api/pull"]
        models = {agent["model"] for agent in (await home.json("agents"))["agents"]}
        assert (await home.run("down")).code == 0
    assert pulled
    assert models == set(pulled)


async def test_off_a_terminal_nothing_is_asked_and_the_models_are_named(home: Home) -> None:
    async with fake_ollama(FakeOllama(models=[])) as fake:
        home.env["OLLAMA_HOST"] = fake.url.removeprefix("http://")
        ran = await home.run("up", "--detach", "--engine", "ollama", "--port", str(free_port()))
    assert (ran.code, ran.err.count("\n")) == (1, 1), ran.err
    assert "for this box: harmonic-stack pull qwen3" in ran.err
    assert home.processes() == []
