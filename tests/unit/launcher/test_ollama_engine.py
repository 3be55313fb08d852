"""An Ollama that runs already: used as it is, asked the same way each time, left as it was found."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from launcher.engine import Engine, EngineSettings
from launcher.errors import ModelMissing, ModelNotLoaded
from launcher.plan import plan_elsewhere
from launcher.prove import prove_slots
from launcher.running import running_engine
from launcher.types import AgentSpec
from tests.fake_ollama import FakeOllama, Play, count_to, fake_ollama, listed

TWO = [listed("tiny:latest"), listed("other:latest", family="qwen35")]


@asynccontextmanager
async def adopted(fake: FakeOllama, folder: Path, *models: str, slots: int = 4) -> AsyncIterator[Engine]:
    crew = [AgentSpec(f"agent-{model}", 1, model) for model in models or ("tiny",)]
    planned = plan_elsewhere(crew, slots=slots, context=1024)
    settings = EngineSettings(kind="ollama", url=fake.url, threads=2, start_timeout=5)
    async with running_engine(settings, planned, run_dir=folder, log_dir=folder, report=lambda _: None) as engine:
        yield engine


async def test_every_request_carries_the_same_load_options(tmp_path: Path) -> None:
    async with fake_ollama(FakeOllama(play=lambda body: count_to(8))) as fake, adopted(fake, tmp_path) as engine:
        assert (engine.name, engine.dialect, engine.base_url) == ("ollama", "ollama", fake.url)
        proof = await prove_slots(engine, "tiny", 4)
        asked = [body for path, body in fake.asked if path == "/api/chat"]
    assert (proof.promised, proof.achieved, proof.reason) == (4, 4, None)
    load = {"num_ctx": 1024, "num_thread": 2}
    assert all(load.items() <= body["options"].items() for body in asked)
    assert {(body["shift"], body["think"], body["truncate"], body["keep_alive"]) for body in asked} == {
        (False, False, False, "30m")
    }


async def test_fewer_slots_than_asked_are_told_with_the_remedy(tmp_path: Path) -> None:
    fake = FakeOllama(slots=1, play=lambda body: count_to(body["options"]["num_predict"]))
    async with fake_ollama(fake), adopted(fake, tmp_path) as engine:
        proof = await prove_slots(engine, "tiny", 4)
    assert (proof.promised, proof.achieved) == (4, 1)
    assert proof.reason is not None
    assert "OLLAMA_NUM_PARALLEL=4" in proof.reason


async def test_a_clamped_family_is_the_reason_before_any_other(tmp_path: Path) -> None:
    async with fake_ollama(FakeOllama(models=TWO)) as fake, adopted(fake, tmp_path, "tiny", "other") as engine:
        assert "qwen35" in (engine.shortfall("other") or "")
        assert "qwen35" not in (engine.shortfall("tiny") or "")


async def test_an_error_in_the_stream_is_the_proofs_reason(tmp_path: Path) -> None:
    fake = FakeOllama(play=lambda body: Play(words=(), error="the runner has gone"))
    async with fake_ollama(fake), adopted(fake, tmp_path) as engine:
        proof = await prove_slots(engine, "tiny", 2)
    assert proof.achieved == 0
    assert "the runner has gone" in (proof.reason or "")


async def test_what_was_loaded_for_us_is_freed_and_what_was_there_stays(tmp_path: Path) -> None:
    fake = FakeOllama(models=TWO, loaded={"other:latest"})
    async with fake_ollama(fake), adopted(fake, tmp_path, "tiny", "other") as engine:
        assert {"tiny", "other"} <= fake.loaded
        assert await engine.health()
        assert (engine.pids(), engine.log) == ([], None)
    assert "tiny" not in fake.loaded
    assert "other:latest" in fake.loaded


async def test_a_model_that_fails_to_load_stops_the_start(tmp_path: Path) -> None:
    refusals = {"/api/chat": (500, b'{"error":"llama runner process has terminated"}')}
    async with fake_ollama(FakeOllama(refusals=refusals)) as fake:
        with pytest.raises(ModelNotLoaded, match="terminated"):
            async with adopted(fake, tmp_path):
                pass


async def test_a_model_that_it_lacks_stops_the_start(tmp_path: Path) -> None:
    async with fake_ollama(FakeOllama()) as fake:
        with pytest.raises(ModelMissing) as missing:
            async with adopted(fake, tmp_path, "huge"):
                pass
    assert (missing.value.name, missing.value.known) == ("huge", ("tiny:latest",))
