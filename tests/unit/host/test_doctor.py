"""Each trap is found and named with its remedy; a probe that failed is never healthy."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harmonic_stack.host.doctor import Box, Level, examine
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
    model_problem=None,
    data_folder=Path("/data"),
)


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
    "a broken model": (replace(WELL, model_problem="m.gguf is cut off"), "m.gguf is cut off"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_comes_with_a_remedy(name: str) -> None:
    box, words = FAULTS[name]
    found = [finding for finding in examine(box) if finding.level is Level.WRONG and words in finding.what]
    assert len(found) == 1
    assert found[0].remedy


@pytest.mark.parametrize("missing", ["hardware", "listeners", "free_disk"])
def test_what_could_not_be_found_out_is_unknown(missing: str) -> None:
    box = replace(WELL, **{missing: None})
    assert any(finding.level is Level.UNKNOWN for finding in examine(box))


def test_low_disk_is_a_hint_and_a_newer_ollama_is_fine() -> None:
    box = replace(WELL, free_disk=1_000_000_000, ollama_version="0.32.14")
    assert {finding.level for finding in examine(box)} == {Level.FINE, Level.HINT}
