"""The environment of our own Ollama: what the plan decided, what the version knows, what the hardware needs."""

from dataclasses import replace

import pytest

from launcher.ollama_env import clamp_reason, environment, ollama_variables, read_version
from launcher.plan import plan_elsewhere
from launcher.plan_types import Beside, Plan
from launcher.profiles import nominal_hardware, profile_named
from launcher.types import AgentSpec, Bytes, Cpu, Gpu, Hardware

CPU = Hardware((), Cpu(None, 8, 16), Bytes(32 * 10**9), Bytes(30 * 10**9), None, "linux", "x86_64")
STRIX = Hardware(
    (Gpu("amd", "Radeon 8060S", None, unified=True, compute="gfx1151"),), CPU.cpu, CPU.memory, CPU.available, None,
    "linux", "x86_64",
)  # fmt: skip


def planned(*models: str, slots: int = 12) -> Plan:
    return plan_elsewhere([AgentSpec(f"a{n}", 1, model) for n, model in enumerate(models)], slots=slots, context=8192)


def written(version: str | None, hardware: Hardware, plan: Plan | None = None) -> dict[str, str | None]:
    variables = ollama_variables(version, hardware, plan or planned("qwen3:8b"), address="127.0.0.1:9")
    return {variable.name: variable.value for variable in variables}


@pytest.mark.parametrize("version", ["0.9.0", "0.15.6", "0.24.0", "0.32.14", None])
@pytest.mark.parametrize("profile", ["dgx-spark", "gpu-24", "cpu"])
def test_what_the_plan_decided_is_set_on_every_version_and_box(version: str | None, profile: str) -> None:
    found = written(version, nominal_hardware(profile_named(profile)), planned("qwen3:4b", "qwen3:14b", "qwen3:4b"))
    assert (found["OLLAMA_NUM_PARALLEL"], found["OLLAMA_MAX_LOADED_MODELS"]) == ("12", "2")
    assert (found["OLLAMA_CONTEXT_LENGTH"], found["OLLAMA_KV_CACHE_TYPE"]) == ("8192", "f16")
    assert found["OLLAMA_HOST"] == "127.0.0.1:9"
    assert found["OLLAMA_KEEP_ALIVE"] == "-1"


def test_a_model_held_for_vectors_evicts_none_of_the_agents() -> None:
    plan = replace(planned("qwen3:4b"), beside=(Beside("nomic-embed-text", "", Bytes(1), "cpu"),))
    assert written("0.32.14", CPU, plan)["OLLAMA_MAX_LOADED_MODELS"] == "2"
    same = replace(planned("qwen3:4b"), beside=(Beside("qwen3:4b", "", Bytes(1), "cpu"),))
    assert written("0.32.14", CPU, same)["OLLAMA_MAX_LOADED_MODELS"] == "1"


def test_a_runner_of_llama_server_keeps_no_prompts_outside_the_plan() -> None:
    assert written("0.32.14", CPU)["LLAMA_ARG_CACHE_RAM"] == "0"
    assert "LLAMA_ARG_CACHE_RAM" not in written("0.24.0", CPU)


def test_flash_attention_is_asked_for_where_it_pays_or_is_needed() -> None:
    assert "OLLAMA_FLASH_ATTENTION" not in written("0.32.14", CPU)
    assert written("0.32.14", STRIX)["OLLAMA_FLASH_ATTENTION"] == "1"


def test_strix_halo_runs_without_the_override_that_hides_it() -> None:
    inherited = {"HSA_OVERRIDE_GFX_VERSION": "11.0.0", "HOME": "/home/ada", "OLLAMA_HOST": "0.0.0.0"}
    current = environment(inherited, ollama_variables("0.32.14", STRIX, planned("m"), address="127.0.0.1:9"))
    assert "HSA_OVERRIDE_GFX_VERSION" not in current
    assert (current["OLLAMA_IGPU_ENABLE"], current["HOME"]) == ("1", "/home/ada")
    assert current["OLLAMA_HOST"] == "127.0.0.1:9"
    old = environment(inherited, ollama_variables("0.18.0", STRIX, planned("m"), address="127.0.0.1:9"))
    assert old["HSA_OVERRIDE_GFX_VERSION"] == "11.0.0"
    assert "OLLAMA_IGPU_ENABLE" not in old


def test_an_unknown_version_is_taken_for_a_current_one() -> None:
    assert written("0.0.0", STRIX) == written(None, STRIX) == written("0.32.14", STRIX)


def test_every_variable_says_why() -> None:
    variables = ollama_variables(None, STRIX, planned("m"), address="127.0.0.1:9")
    assert all(variable.why for variable in variables)
    assert len({variable.name for variable in variables}) == len(variables)


@pytest.mark.parametrize(
    ("family", "version", "clamped"),
    [
        ("qwen35", "0.32.14", True),
        ("qwen35moe", None, True),
        ("mllama", "0.15.4", True),
        ("lfm2", "0.15.4", False),
        ("lfm2", "0.15.6", True),
        ("qwen3", "0.32.14", False),
        ("", "0.32.14", False),
    ],
)
def test_a_family_with_one_slot_is_known_from_its_version_on(family: str, version: str | None, clamped: bool) -> None:
    reason = clamp_reason(family, version)
    assert (reason is not None) == clamped
    assert reason is None or family in reason


@pytest.mark.parametrize(
    ("text", "numbers"), [("v0.33.0-rc2", (0, 33, 0)), ("1.2", (1, 2, 0)), ("", None), ("x", None)]
)
def test_versions_are_read(text: str, numbers: tuple[int, ...] | None) -> None:
    assert read_version(text) == numbers
