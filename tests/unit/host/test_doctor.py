"""Each trap is found and named with its remedy; a probe that failed is never healthy."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harmonic_stack.host.doctor import Box, Level, OllamaFacts, examine
from harmonic_stack.host.ports import Listener
from launcher import Bytes, Cpu, Gpu, Hardware

CPU = Hardware((), Cpu("A CPU", 8, 16), Bytes(32_000_000_000), Bytes(20_000_000_000), None, "linux", "x86_64")
STRIX = Gpu("amd", "Radeon 8060S", Bytes(96_000_000_000), unified=True, compute="gfx1151")
STATUS: dict[str, Any] = {
    "engine": {"name": "embedded", "healthy": True, "state": "ready", "models": ["tiny"]},
    "slots": {"promised": 4, "achieved": 4, "reason": None},
    "spine": {"state": "ok", "reason": ""},
}
WELL = Box(
    hardware=CPU,
    environment={},
    port=8420,
    listeners=[],
    free_disk=500_000_000_000,
    render_nodes={},
    ollama_version=None,
    status=STATUS,
    settings_problem=None,
    planned="tiny, 341 MB of 19.0 GB",
    data_folder=Path("/data"),
)


CARD = Gpu("nvidia", "NVIDIA L4", Bytes(24_000_000_000), unified=False)


def placed(*, gpu: int, layers: list[list[int]]) -> Box:
    """A box on which an Ollama runs that logged this of its weights."""
    placement = {"gpu": gpu, "cpu": 1_000_000_000, "layers": layers}
    engine = {**STATUS["engine"], "name": "ollama", "placement": placement}
    return replace(WELL, status={**STATUS, "engine": engine, "engines": [engine]})


def _worst(box: Box) -> set[str]:
    return {finding.what for finding in examine(box) if finding.level is Level.WRONG}


def test_a_box_without_a_fault_has_no_finding_that_is_wrong() -> None:
    assert _worst(WELL) == set()


FAULTS: dict[str, tuple[Box, str]] = {
    "a GPU that the engine cannot use": (replace(WELL, hardware=replace(CPU, gpus=(STRIX,))), "has no code for"),
    "the old override": (
        replace(WELL, hardware=replace(CPU, gpus=(STRIX,)), environment={"HSA_OVERRIDE_GFX_VERSION": "11.0.0"}),
        "HSA_OVERRIDE_GFX_VERSION=11.0.0",
    ),
    "a render node of others": (replace(WELL, render_nodes={"/dev/dri/renderD128": False}), "/dev/dri/renderD128"),
    "a taken port": (
        replace(WELL, status=None, listeners=[Listener("127.0.0.1", 8420, "nginx (process 7)")]),
        "port 8420 is taken by nginx (process 7)",
    ),
    "an open Ollama": (replace(WELL, listeners=[Listener("0.0.0.0", 11434, "ollama (process 9)")]), "0.0.0.0:11434"),
    "an old Ollama": (replace(WELL, ollama_version="0.15.2"), "Ollama 0.15.2"),
    "a large carve-out": (
        replace(WELL, hardware=replace(CPU, gpus=(replace(STRIX, carve_out=Bytes(64_000_000_000)),))),
        "firmware keeps 64.0 GB",
    ),
    "too little lent to the GPU": (
        replace(
            WELL,
            hardware=replace(
                CPU,
                memory=Bytes(128_000_000_000),
                gpus=(replace(STRIX, memory=Bytes(64_500_000_000), carve_out=Bytes(500_000_000)),),
            ),
        ),
        "may use 64.5 GB of the system's 128.0 GB",
    ),
    "a model split between GPU and CPU": (placed(gpu=3_000_000_000, layers=[[20, 37]]), "20 of 37 layers"),
    "a GPU that the engine did not find": (
        replace(placed(gpu=0, layers=[]), hardware=replace(CPU, gpus=(CARD,))),
        "the driver shows NVIDIA L4, but ollama has put all weights into the system's memory",
    ),
    "one of two engines is silent": (
        replace(
            WELL,
            status={
                **STATUS,
                "engines": [STATUS["engine"], {**STATUS["engine"], "healthy": False, "state": "restarting"}],
            },
        ),
        "the engine does not answer (restarting)",
    ),
    "a clamped engine": (
        replace(WELL, status={**STATUS, "slots": {"promised": 4, "achieved": 1, "reason": "queued"}}),
        "4 slots are promised, 1 were achieved: queued",
    ),
    "a silent engine": (
        replace(WELL, status={**STATUS, "engine": {**STATUS["engine"], "healthy": False, "state": "failed"}}),
        "the engine does not answer (failed)",
    ),
    "a degraded spine": (
        replace(WELL, status={**STATUS, "spine": {"state": "degraded", "reason": "gone"}}),
        "the spine is degraded: gone",
    ),
    "a broken setting": (replace(WELL, settings_problem="h.toml:2:1 server.prot: unknown"), "server.prot"),
    "no plan": (
        replace(WELL, planned=None, plan_problem="m.gguf is cut off", plan_remedy="set engine.model"),
        "m.gguf is cut off",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_comes_with_a_remedy(name: str) -> None:
    box, words = FAULTS[name]
    found = [finding for finding in examine(box) if finding.level is Level.WRONG and words in finding.what]
    assert len(found) == 1
    assert found[0].remedy


def levels_of(box: Box, words: str) -> list[Level]:
    return [finding.level for finding in examine(box) if words in finding.what]


def test_agents_that_the_plan_leaves_out_are_a_hint() -> None:
    assert levels_of(replace(WELL, left_out=["Left out coder: 14b needs 9.9 GB"]), "coder") == [Level.HINT]


def test_what_an_ollama_beside_us_does_otherwise_is_a_hint() -> None:
    facts = OllamaFacts({"qwen3:4b": 262_144, "small": 2048}, ("Ollama gives models of the family qwen35 one slot",))
    box = replace(WELL, ollama_version="0.32.14", ollama=facts)
    assert levels_of(box, "262144 tokens a slot") == [Level.HINT]
    assert levels_of(box, "small") == []
    assert levels_of(box, "qwen35") == [Level.HINT]


def test_a_full_disk_of_ollamas_is_named() -> None:
    box = replace(WELL, models_folder=Path("/models"), models_disk=1_000_000_000)
    assert levels_of(box, "1.0 GB are free for Ollama's models in /models") == [Level.HINT]


def test_an_ollama_that_does_not_answer_this_or_tells_no_version_is_unknown_not_healthy() -> None:
    assert levels_of(replace(WELL, ollama_problem="500: boom"), "500: boom") == [Level.UNKNOWN]
    assert levels_of(replace(WELL, ollama_version="0.0.0"), "0.0.0") == [Level.UNKNOWN]
    silent = replace(WELL, hardware=replace(CPU, gpus=(replace(STRIX, memory=None),)))
    assert levels_of(silent, "does not tell its memory") == [Level.UNKNOWN]


def test_weights_that_all_lie_on_the_gpu_are_fine() -> None:
    assert levels_of(placed(gpu=3_000_000_000, layers=[[37, 37]]), "3.0 GB of weights") == [Level.FINE]


@pytest.mark.parametrize("missing", ["hardware", "listeners", "free_disk", "planned"])
def test_what_could_not_be_found_out_is_unknown(missing: str) -> None:
    box = replace(WELL, **{missing: None})
    assert any(finding.level is Level.UNKNOWN for finding in examine(box))


def test_low_disk_is_a_hint_and_a_newer_ollama_is_fine() -> None:
    box = replace(WELL, free_disk=1_000_000_000, ollama_version="0.32.14")
    assert {finding.level for finding in examine(box)} == {Level.FINE, Level.HINT}


def test_an_embedded_engine_that_computes_on_the_card_is_no_fault_and_its_levers_are_told() -> None:
    engine = {**STATUS["engine"], "pools": [{"device": "gpu0"}], "levers": "backend sampling"}
    box = replace(WELL, hardware=replace(CPU, gpus=(CARD,)), status={**STATUS, "engine": engine})
    assert _worst(box) == set()
    assert any("backend sampling" in finding.what for finding in examine(box))


DECLARED = {"model": "nomic", "state": "ready", "reason": None, "remedy": None}


def encoding(tag: str, **more: object) -> Box:
    """A box whose settings declare an encoder that is so."""
    return replace(WELL, encoder={"tag": tag, "declared": {**DECLARED, **more}})


def test_a_declared_encoder_is_told_with_its_name_its_width_and_whether_company_changes_a_vector() -> None:
    box = encoding("nomic#0a109f422b47@384", width=384, told_apart=0.9712, steady=0.99993)
    assert levels_of(box, "nomic#0a109f422b47@384, 384 numbers a text") == [Level.FINE]
    assert levels_of(box, "an AUC of 0.97, and a text beside others") == [Level.FINE]
    assert levels_of(box, "(cosine 1.000)") == [Level.FINE]


def test_a_declared_encoder_that_does_not_serve_is_wrong_and_one_not_looked_at_is_unknown() -> None:
    failed = encoding("", state="failed", reason="the encoder nomic cannot be used: no", remedy="Check it.")
    (finding,) = [finding for finding in examine(failed) if "cannot be used: no" in finding.what]
    assert (finding.level, finding.remedy) == (Level.WRONG, "Check it.")
    assert levels_of(encoding("hash512-2", state="starting"), "is being measured") == [Level.UNKNOWN]
    assert levels_of(replace(WELL, encoder_problem="no port"), "not looked at: no port") == [Level.UNKNOWN]
    assert not any("encoder" in finding.what for finding in examine(WELL))
    assert not any(
        "encoder" in finding.what for finding in examine(replace(WELL, encoder={"tag": "x", "declared": None}))
    )
