"""`llama-server` as the embedded engine: what is its own; what both forms share stands in test_embedded_engine.py."""

from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from launcher.demo_model import local_model
from launcher.embedded_engine import EmbeddedEngine
from launcher.engine import Engine, EngineSettings
from launcher.errors import EngineFailed, EngineNotReady
from launcher.form import EmbeddedSettings
from launcher.hardware import detect_hardware
from launcher.llama_server import package_program
from launcher.plan import plan
from launcher.prove import prove_slots
from launcher.types import AgentSpec
from tests.integration.forms import needs_llama_server
from tests.integration.test_embedded_engine import SLOTS, started
from tests.unit.launcher.gguf_builder import llama_keys, write_gguf

pytestmark = [pytest.mark.engine, needs_llama_server]

OURS = EmbeddedSettings(start_timeout=60, form="llama-server")


def form_of(engine: Engine) -> str:
    assert isinstance(engine, EmbeddedEngine)
    return engine.form


def program(folder: Path, text: str) -> Path:
    """A llama-server of a user's own, as a shell script."""
    path = folder / "llama-server"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


async def test_left_to_us_it_is_taken_and_its_slots_are_proven(tmp_path: Path) -> None:
    async with started(tmp_path, settings=EngineSettings(start_timeout=60)) as engine:
        assert form_of(engine) == "llama-server"
        proof = await prove_slots(engine, engine.models[0], SLOTS)
    assert (proof.achieved, proof.reason) == (SLOTS, None)


async def test_the_key_can_be_read_in_no_file_of_the_run_and_nowhere_in_proc(tmp_path: Path) -> None:
    async with started(tmp_path, settings=OURS) as engine:
        (pid,) = engine.pids()
        assert engine.key is not None
        texts = [
            (Path("/proc") / str(number) / name).read_bytes()
            for number in (pid, psutil.Process(pid).ppid())  # the program, and its guard
            for name in ("cmdline", "environ")
        ]
        texts += [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert len(texts) > 4
    assert not [text for text in texts if engine.key.encode() in text]


async def test_a_model_that_it_cannot_load_is_tried_with_the_other_form(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "odd.gguf", llama_keys() | {"general.architecture": "llama"})
    facts = local_model(path)
    planned = plan(detect_hardware().cpu_only(), [AgentSpec("x", 1, facts.name)], {facts.name: facts}, context=512)
    with pytest.raises(EngineFailed) as failure:
        async with started(tmp_path, planned, EngineSettings(model=path)):
            pass
    assert failure.value.exit_code == 65  # embedded.py's
    with pytest.raises(EngineFailed) as failure:
        async with started(tmp_path, planned, EmbeddedSettings(model=path, form="llama-server")):
            pass
    assert failure.value.exit_code == 1
    assert "failed to load model" in failure.value.log_tail


@pytest.mark.parametrize("end", ["kill -ILL $$", "exit 1"], ids=["by a signal, as on another CPU", "with an error"])
async def test_where_it_ends_at_its_start_the_other_form_serves(tmp_path: Path, end: str) -> None:
    own = program(tmp_path, f'[ "$1" = --help ] && exit 0\n{end}')
    async with started(tmp_path, settings=EmbeddedSettings(start_timeout=60, program=own)) as engine:
        assert form_of(engine) == "xllamacpp"
        assert await engine.health()
    assert not (tmp_path / "run" / "engine.json").exists()


async def test_where_it_is_insisted_on_its_end_is_the_failure(tmp_path: Path) -> None:
    own = program(tmp_path, '[ "$1" = --help ] && exit 0\nkill -ILL $$')
    with pytest.raises(EngineFailed) as failure:
        async with started(tmp_path, settings=EmbeddedSettings(program=own, form="llama-server")):
            pass
    assert failure.value.exit_code == -4


async def test_one_that_never_serves_is_stopped(tmp_path: Path) -> None:
    own = program(tmp_path, '[ "$1" = --help ] && exit 0\nexec sleep 600')
    with pytest.raises(EngineNotReady):
        async with started(tmp_path, settings=EmbeddedSettings(program=own, start_timeout=0.5)):
            pass
    assert not (tmp_path / "run" / "engine.json").exists()


async def test_a_users_own_build_is_told_only_what_it_knows(tmp_path: Path) -> None:
    real = package_program()
    assert real is not None
    # An older build: it knows neither of these two options, and ends where it is told one.
    old = program(
        tmp_path,
        f"""
if [ "$1" = --help ]; then {real.path} --help | sed -e 's/--no-slots//' -e 's/--cors-[a-z]*//'; exit; fi
case "$*" in *--cors-*|*--no-slots*) exit 1;; esac
exec {real.path} "$@"
""",
    )
    async with started(tmp_path, settings=EmbeddedSettings(program=old, form="llama-server")) as engine:
        proof = await prove_slots(engine, engine.models[0], SLOTS)
    assert proof.achieved == SLOTS


async def test_what_it_is_told_for_a_card_this_build_knows(tmp_path: Path) -> None:
    facts = local_model(None)
    planned = plan(
        detect_hardware().cpu_only(), [AgentSpec("one", 1, facts.name)], {facts.name: facts}, context=256, slots=1
    )
    carded = replace(planned, pools=tuple(replace(pool, device="gpu0") for pool in planned.pools))
    async with started(tmp_path, carded, OURS) as engine:  # without a card it computes on the CPU all the same
        assert form_of(engine) == "llama-server"
        assert await engine.health()
