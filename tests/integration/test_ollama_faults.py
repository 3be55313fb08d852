"""An Ollama that fails, as the command line tells it: one message, the right exit code, nothing left running."""

import pytest

from launcher.loopback import free_port
from tests.cli import Home
from tests.fake_ollama import FakeOllama, fake_ollama

pytestmark = pytest.mark.timeout(60)

FULL_DISK = [b'{"status":"pulling manifest"}', b'{"error":"write /models/blobs/x: no space left on device"}']
CANNOT_LOAD = {"/api/chat": (500, b'{"error":"model requires more system memory than is available"}')}


@pytest.mark.parametrize(
    ("words", "fake", "reason"),
    [
        (("pull", "tiny"), FakeOllama(pulls=FULL_DISK), "no space left on device"),
        (("up", "--detach", "--engine", "ollama"), FakeOllama(refusals=CANNOT_LOAD), "more system memory"),
        (("up", "--detach", "--engine", "ollama"), FakeOllama(models=[]), "Ollama has no model yet"),
        (("up", "--engine", "ollama"), FakeOllama(models=[], pulls=FULL_DISK), "no space left on device"),
        (("models",), FakeOllama(refusals={"/api/tags": (500, b'{"error":"boom"}')}), "500: boom"),
    ],
    ids=[
        "the disk is full",
        "the model does not load",
        "there is no model",
        "the disk is full at a start",
        "it answers an error",
    ],
)
async def test_a_failure_is_told_once(home: Home, words: tuple[str, ...], fake: FakeOllama, reason: str) -> None:
    async with fake_ollama(fake) as running:
        home.env["OLLAMA_HOST"] = running.url.removeprefix("http://")
        home.env |= {"HARMONIC_ENGINE__MODEL": "tiny", "HARMONIC_ENGINE__PULL": "always"} if fake.pulls else {}
        port = ("--port", str(free_port())) if words[0] == "up" else ()
        ran = await home.run(*words, *port)
    assert ran.code == 1, ran.err
    assert ran.err.count(reason) == 1, ran.err
    assert "Traceback" not in ran.err
    assert home.processes() == []


@pytest.mark.parametrize("choice", ["ollama", "auto"])
async def test_a_model_that_ollama_does_not_have_is_told_with_those_that_it_has(home: Home, choice: str) -> None:
    async with fake_ollama(FakeOllama()) as running:
        home.env |= {"OLLAMA_HOST": running.url.removeprefix("http://"), "HARMONIC_ENGINE__MODEL": "no-such-model"}
        ran = await home.run("up", "--engine", choice, "--port", str(free_port()))
    assert (ran.code, ran.err.count("\n")) == ({"ollama": 1, "auto": 2}[choice], 1), ran.err
    assert "does not have the model 'no-such-model'; it has: tiny:latest" in ran.err
    assert "harmonic-stack pull" in ran.err
    assert home.processes() == []
