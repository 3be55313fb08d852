"""The embedded engine on the real model, in both forms: private, exact in its slots and memory, gone when stopped."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest
import pytest_asyncio

from harmonic_stack.problems import problem_of
from launcher.demo_model import DEMO_NOTE, local_model
from launcher.embedded_engine import EmbeddedEngine
from launcher.engine import Engine, EngineSettings
from launcher.errors import EngineFailed, EngineNotLoadable, EngineNotReady, UnknownModel
from launcher.form import PROCESS_BYTES, EmbeddedSettings, Form
from launcher.hardware import detect_hardware
from launcher.http_client import control_client
from launcher.openai_engine import find_engine
from launcher.plan import plan
from launcher.plan_types import Plan
from launcher.prove import prove_slots
from launcher.running import running_engine
from launcher.types import AgentSpec, Calibration
from tests.helpers import until
from tests.integration.forms import FORMS
from tests.unit.launcher.gguf_builder import llama_keys, write_gguf

pytestmark = pytest.mark.engine

CONTEXT = 512
SLOTS = 4


def demo_plan(slots: int = SLOTS, context: int = CONTEXT, form: Form = "xllamacpp") -> Plan:
    facts = local_model(None)
    crew = [AgentSpec("executive", 1, facts.name), AgentSpec("coder", 3, facts.name)]
    known = Calibration(peak=None, process_bytes=PROCESS_BYTES[form])
    here = detect_hardware().cpu_only()
    return plan(here, crew, {facts.name: facts}, context=context, slots=slots, calibration=known)


@asynccontextmanager
async def started(
    folder: Path, planned: Plan | None = None, settings: EngineSettings | None = None
) -> AsyncIterator[Engine]:
    planned = planned or demo_plan()
    settings = settings or EmbeddedSettings(start_timeout=60, form="xllamacpp")
    async with running_engine(
        settings, planned, run_dir=folder / "run", log_dir=folder / "log", report=lambda line: None
    ) as engine:
        yield engine


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=FORMS)
async def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    """One engine of each form for all tests that only ask it."""
    settings = EmbeddedSettings(start_timeout=60, form=request.param)
    async with started(tmp_path_factory.mktemp("engine"), settings=settings) as running:
        yield running


def question(engine: Engine, **more: object) -> dict[str, object]:
    messages = [{"role": "user", "content": "Say hello."}]
    return {"model": engine.models[0], "messages": messages, "max_tokens": 8, "temperature": 0, **more}


@pytest.mark.asyncio(loop_scope="module")
class TestAsked:
    """What a ready engine answers."""

    async def test_it_is_ready_and_says_that_it_is_a_demonstration(self, engine: Engine) -> None:
        assert engine.state == "ready"
        assert await engine.health()
        assert engine.note == DEMO_NOTE
        assert engine.base_url.startswith("http://127.0.0.1:")

    async def test_it_streams_with_the_key(self, engine: Engine) -> None:
        async with (
            control_client(engine.key, 30) as client,
            client.stream("POST", f"{engine.base_url}/chat/completions", json=question(engine, stream=True)) as answer,
        ):
            lines = [line async for line in answer.aiter_lines() if line]
        assert answer.status_code == httpx.codes.OK
        assert sum('"content":"' in line for line in lines) > 2
        assert lines[-1] == "data: [DONE]"

    @pytest.mark.parametrize("key", [None, "wrong"])
    async def test_without_the_key_it_says_nothing(self, engine: Engine, key: str | None) -> None:
        async with control_client(key, 5) as client:
            for answer in (
                await client.post(f"{engine.base_url}/chat/completions", json=question(engine)),
                await client.post(f"{engine.base_url}/embeddings", json={"input": "x"}),
                await client.get(f"{engine.base_url.removesuffix('/v1')}/props"),
            ):
                assert answer.status_code == httpx.codes.UNAUTHORIZED

    async def test_without_a_key_one_form_hides_its_models_and_the_other_cannot(self, engine: Engine) -> None:
        assert isinstance(engine, EmbeddedEngine)
        async with control_client(None, 5) as client:
            answer = await client.get(f"{engine.base_url}/models")
        hidden = engine.form == "xllamacpp"  # llama-server asks for no key here (docs/launcher.md)
        assert answer.status_code == (httpx.codes.UNAUTHORIZED if hidden else httpx.codes.OK)

    async def test_no_other_origin_may_read_it(self, engine: Engine) -> None:
        headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
        async with control_client(engine.key, 5) as client:
            for method in ("GET", "OPTIONS"):
                answer = await client.request(method, f"{engine.base_url}/models", headers=headers)
                allowed = [value for name, value in answer.headers.items() if "access-control-allow" in name]
                assert set(allowed) <= {"", "false"}

    async def test_the_model_goes_by_its_alias_and_not_by_its_path(self, engine: Engine) -> None:
        async with control_client(engine.key, 5) as client:
            listed = (await client.get(f"{engine.base_url}/models")).text
        assert engine.models == ("smollm2-135m-instruct.q4_1",)
        assert engine.models[0] in listed
        assert ".gguf" not in listed

    @pytest.mark.parametrize("path", ["/", "/slots", "/metrics", "/index.html"])
    async def test_there_is_no_web_page_nor_a_look_into_the_slots(self, engine: Engine, path: str) -> None:
        async with control_client(engine.key, 5) as client:
            answer = await client.get(engine.base_url.removesuffix("/v1") + path)
        assert answer.status_code in (404, 501)

    async def test_it_has_exactly_the_planned_slots_and_context(self, engine: Engine) -> None:
        async with control_client(engine.key, 5) as client:
            props = (await client.get(f"{engine.base_url.removesuffix('/v1')}/props")).json()
        assert props["total_slots"] == engine.slots == SLOTS
        stranger = await find_engine(EngineSettings(url=engine.base_url, api_key=engine.key))
        assert (stranger.slots, stranger.told) == (SLOTS, True)
        assert props["default_generation_settings"]["n_ctx"] == CONTEXT

    async def test_the_promised_slots_are_proven(self, engine: Engine) -> None:
        proof = await prove_slots(engine, engine.models[0], SLOTS)
        assert (proof.achieved, proof.reason) == (SLOTS, None)

    async def test_more_than_its_slots_are_not_proven(self, engine: Engine) -> None:
        proof = await prove_slots(engine, engine.models[0], SLOTS + 2)
        assert proof.achieved == SLOTS

    async def test_a_prompt_beyond_the_slot_is_refused(self, engine: Engine) -> None:
        long = question(engine, messages=[{"role": "user", "content": "word " * CONTEXT}])
        async with control_client(engine.key, 30) as client:
            answer = await client.post(f"{engine.base_url}/chat/completions", json=long)
        assert answer.status_code == httpx.codes.BAD_REQUEST
        assert answer.json()["error"]["type"] == "exceed_context_size_error"

    async def test_the_key_stands_neither_in_arguments_nor_environment_nor_log(self, engine: Engine) -> None:
        assert engine.key is not None
        assert engine.log is not None
        for pid in engine.pids():
            process = psutil.Process(pid)
            assert engine.key not in str(process.cmdline()) + str(process.environ())
        assert engine.key not in engine.log.read_text()

    async def test_it_listens_on_loopback_only(self, engine: Engine) -> None:
        (pid,) = engine.pids()
        listening = [c.laddr.ip for c in psutil.Process(pid).net_connections() if c.status == psutil.CONN_LISTEN]
        assert listening == ["127.0.0.1"]


@pytest.mark.parametrize(("slots", "context"), [(1, 2048), (4, 2048), (8, 1024)])
@pytest.mark.parametrize("form", FORMS)
async def test_the_plan_is_within_ten_percent_of_the_resident_size(
    tmp_path: Path, slots: int, context: int, form: Form
) -> None:
    planned = demo_plan(slots, context, form)
    async with started(tmp_path, planned, EmbeddedSettings(start_timeout=60, form=form)) as engine:
        await prove_slots(engine, engine.models[0], slots)
        resident = sum(psutil.Process(pid).memory_info().rss for pid in engine.pids())
    assert planned.shared_bytes == pytest.approx(resident, rel=0.10)


@pytest.mark.parametrize("form", FORMS)
async def test_a_smaller_cache_type_is_served_as_planned(tmp_path: Path, form: Form) -> None:
    planned = replace(demo_plan(), cache_type="q8_0")
    async with started(tmp_path, planned, EmbeddedSettings(start_timeout=60, form=form)) as engine:
        proof = await prove_slots(engine, engine.models[0], SLOTS)
    assert proof.reason is None


@pytest.mark.parametrize("form", FORMS)
async def test_stopping_leaves_no_process_and_no_port(tmp_path: Path, form: Form) -> None:
    async with started(tmp_path, settings=EmbeddedSettings(start_timeout=60, form=form)) as engine:
        pids = engine.pids()
        assert len(pids) == 1
    assert engine.state == "stopped"
    assert not any(map(psutil.pid_exists, pids))
    assert not await engine.health()


@pytest.mark.parametrize("form", FORMS)
async def test_a_killed_engine_comes_back_at_the_same_address(tmp_path: Path, form: Form) -> None:
    async with started(tmp_path, settings=EmbeddedSettings(start_timeout=60, form=form)) as engine:
        (pid,) = engine.pids()
        os.kill(pid, signal.SIGKILL)
        await until(lambda: engine.state == "restarting", "the crash is seen")
        await until(lambda: engine.state == "ready", "it is ready again", timeout=30)
        assert engine.pids() != [pid]
        assert await engine.health()
        assert (await prove_slots(engine, engine.models[0], SLOTS)).achieved == SLOTS


async def test_a_model_that_cannot_be_loaded_fails_at_once_with_the_log(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "odd.gguf", llama_keys() | {"general.architecture": "llama"})
    facts = local_model(path)
    planned = plan(detect_hardware().cpu_only(), [AgentSpec("x", 1, facts.name)], {facts.name: facts}, context=512)
    with pytest.raises(EngineFailed) as failure:
        async with started(tmp_path, planned, EngineSettings(model=path)):
            pass
    assert failure.value.exit_code == 65
    assert '"failed": "model"' in failure.value.log_tail


async def test_a_library_that_the_system_lacks_is_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "modules" / "xllamacpp"
    package.mkdir(parents=True)
    missing = "libgomp.so.1: cannot open shared object file: No such file or directory"
    (package / "__init__.py").write_text(f"raise ImportError({missing!r})\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={package.parent} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(EngineNotLoadable) as failure:
        async with started(tmp_path, settings=EmbeddedSettings(form="xllamacpp")):
            pass
    assert missing in str(failure.value)
    assert failure.value.log_tail.count('"failed": "library"') == 1
    assert "libgomp1" in problem_of(failure.value).remedy


async def test_an_engine_that_is_not_ready_in_time_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(EngineNotReady):
        async with started(tmp_path, settings=EngineSettings(start_timeout=0.05)):
            pass
    assert not (tmp_path / "run" / "engine.json").exists()


async def test_a_cancelled_start_leaves_nothing(tmp_path: Path) -> None:
    async def start() -> None:
        async with started(tmp_path):
            await asyncio.sleep(60)

    record = tmp_path / "run" / "engine.json"
    task = asyncio.create_task(start())
    await until(record.exists, "the engine's process is noted")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not record.exists()


async def test_a_plan_for_another_model_is_refused_with_the_one_there_is(tmp_path: Path) -> None:
    planned = demo_plan()
    other = replace(planned, pools=(replace(planned.pools[0], model="another"),))
    with pytest.raises(UnknownModel) as refusal:
        async with started(tmp_path, other):
            pass
    assert refusal.value.known == ("smollm2-135m-instruct.q4_1",)
