"""What `doctor`, `models` and `up` say of a declared encoder, from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from launcher.loopback import free_port
from tests.cli import Home
from tests.fake_embedder import embedded, vectors
from tests.fake_engine import Act, fake_engine
from tests.fake_ollama import FakeOllama, fake_ollama, listed
from tests.terminal import terminal

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]

DONE = [b'{"status":"pulling manifest"}', b'{"status":"success"}']
NOMIC = listed("nomic:latest", can=("embedding",)) | {"digest": "0a109f422b47e3a30ba2b10eca18548e944e8a23073ee3f3e9"}


def declares(home: Home, engine: str, **more: str) -> None:
    """Let the settings of *home* name the model "nomic" at *engine*."""
    home.env |= {"HARMONIC_ENCODER__ENGINE": engine, "HARMONIC_ENCODER__MODEL": "nomic", **more}


async def told(home: Home) -> tuple[str, str]:
    """The level and the words of what `doctor` says of the encoder."""
    ran = await home.run("doctor")
    assert ran.err == ""
    (line,) = [line for line in ran.out.splitlines() if "encoder" in line]
    level, _, words = line.partition(" ")
    return level, words.strip()


async def test_doctor_measures_a_declared_encoder_and_writes_nothing(home: Home) -> None:
    async with fake_engine(embedded) as engine:
        declares(home, engine.url)
        level, words = await told(home)
    assert level == "ok", words
    assert "nomic#" in words
    assert "@512, 512 numbers a text; it tells the shipped pairs apart with an AUC of " in words
    assert words.endswith("(cosine 1.000)")
    assert list(home.path.rglob("encoder.json")) == []


def _mixed_up(body: dict[str, list[str]]) -> Act:
    rows = vectors(body["input"])
    rows[1:] += rows[:-1]
    data = [{"index": at, "embedding": row.tolist()} for at, row in enumerate(rows)]
    return Act(whole=json.dumps({"data": data}).encode())


async def test_doctor_says_why_a_declared_encoder_cannot_serve_and_what_to_do(home: Home) -> None:
    async with fake_engine(_mixed_up) as engine:
        declares(home, engine.url)
        level, words = await told(home)
        assert (level, "beside other texts" in words, "--parallel 1" in words) == ("wrong", True, True), words
    level, words = await told(home)  # it is gone now
    assert (level, "Check [encoder]" in words) == ("wrong", True), words


async def test_a_model_that_ollama_lacks_is_named_by_doctor_and_models_with_the_command(home: Home) -> None:
    async with fake_ollama(FakeOllama()) as ollama:
        declares(home, "ollama", OLLAMA_HOST=ollama.url.removeprefix("http://"))
        level, words = await told(home)
        assert (level, "harmonic-stack pull" in words, "nomic" in words) == ("wrong", True, True), words
        ran = await home.run("models")
        assert "the encoder's model nomic is not here: harmonic-stack pull nomic" in ran.out + ran.err
        assert (await home.json("models"))["encoder"] == {"model": "nomic", "here": False}
        ollama.models.append(NOMIC)
        ollama.embed = lambda body: {"embeddings": np.asarray(vectors(body["input"])).tolist()}
        level, words = await told(home)
        assert (level, "nomic#0a109f422b47@512" in words) == ("ok", True), words
        ran = await home.run("models")
        assert any(line.split()[:2] == ["*", "nomic:latest"] for line in ran.out.splitlines()), ran.out
        assert (await home.json("models"))["encoder"] == {"model": "nomic", "here": True}


@pytest.mark.parametrize(("pull", "fetched"), [("always", ["nomic"]), ("never", []), ("ask", [])])
async def test_a_start_fetches_the_encoders_model_where_the_settings_say_so(
    home: Home, pull: str, fetched: list[str]
) -> None:
    fake = FakeOllama(pulls=DONE, embed=lambda body: {"embeddings": vectors(body["input"]).tolist()})
    async with fake_ollama(fake) as ollama, fake_engine() as engine:
        declares(home, "ollama", OLLAMA_HOST=ollama.url.removeprefix("http://"), HARMONIC_ENGINE__PULL=pull)
        ran = await home.run("up", "--detach", "--engine", engine.url, "--port", str(free_port()))
        assert ran.code == 0, ran.err
        assert [body["model"] for path, body in ollama.asked if path == "/api/pull"] == fetched
        declared = (await home.json("status"))["encoder"]["declared"]
        assert declared["state"] == ("ready" if fetched else "failed")
        level, _ = await told(home)
        assert level == ("ok" if fetched else "wrong")
        assert (await home.run("down")).code == 0


async def test_a_person_is_asked_and_a_no_starts_without_it(home: Home) -> None:
    async with fake_ollama(FakeOllama(pulls=DONE)) as ollama, fake_engine() as engine:
        declares(home, "ollama", OLLAMA_HOST=ollama.url.removeprefix("http://"))
        async with terminal(home, "up", "--engine", engine.url, "--port", str(free_port())) as person:
            await person.sees("Ollama does not have the encoder's model nomic. Fetch it (")
            person.types("n\n")
            await person.sees("Harmonic Stack is ready after")
        assert "/api/pull" not in [path for path, _ in ollama.asked]
    assert home.processes() == []


async def test_a_pull_that_fails_keeps_no_stack_from_starting(home: Home, tmp_path: Path) -> None:
    fake = FakeOllama(refusals={"/api/pull": (500, b'{"error":"pull model manifest: file does not exist"}')})
    async with fake_ollama(fake) as ollama, fake_engine() as engine:
        declares(home, "ollama", OLLAMA_HOST=ollama.url.removeprefix("http://"), HARMONIC_ENGINE__PULL="always")
        ran = await home.run("up", "--detach", "--engine", engine.url, "--port", str(free_port()))
        assert ran.code == 0, ran.err
        assert "the encoder's model nomic was not fetched" in ran.err
        assert (await home.run("down")).code == 0
