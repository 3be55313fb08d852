"""Whether the embedded engine computes on a card is asked of the program that will start, and the plan says which."""

from dataclasses import replace
from pathlib import Path

import pytest

from harmonic_stack.config import Config
from harmonic_stack.crew import load_crew
from harmonic_stack.host.engines import needed_engines
from harmonic_stack.host.planning import plan_for
from launcher.embedded_devices import usable_by_embedded, with_card
from launcher.form import EmbeddedSettings
from launcher.probe_host import read_cpu
from launcher.types import Bytes, Gpu, Hardware
from tests.integration.forms import needs_llama_server

CARD = Gpu("nvidia", "NVIDIA L4", Bytes(24_000_000_000), unified=False, compute="8.9")
SMALL = Gpu("nvidia", "NVIDIA T4", Bytes(16_000_000_000), unified=False, compute="7.5")
GB64 = Bytes(64_000_000_000)


def box(*gpus: Gpu) -> Hardware:
    return Hardware(gpus, read_cpu(), GB64, GB64, memory_limit=None, os="linux", arch="x86_64")


def listing(folder: Path, *devices: str) -> Path:
    """A llama-server that answers --list-devices alone, and notes that it was asked."""
    path = folder / "llama-server"
    lines = "".join(f"  {name}: A card (24000 MiB, 23000 MiB free)\\n" for name in devices)
    path.write_text(
        f"#!/bin/sh\n[ \"$1\" = --list-devices ] || exit 1\ntouch '{folder}/asked'\n"
        f"printf 'Available devices:\\n{lines}'\n"
    )
    path.chmod(0o755)
    return path


def settings(program: Path) -> EmbeddedSettings:
    return EmbeddedSettings(kind="embedded", program=program, form="llama-server")


async def test_a_card_that_the_program_lists_is_planned_for(tmp_path: Path) -> None:
    found = await usable_by_embedded(settings(listing(tmp_path, "CUDA0")), box(CARD))
    assert found.hardware == box(CARD)
    assert "on the GPU" in found.words
    assert "lists CUDA0" in found.words


async def test_a_card_that_the_program_does_not_list_is_not(tmp_path: Path) -> None:
    found = await usable_by_embedded(settings(listing(tmp_path)), box(CARD))
    assert not found.gpu
    assert "on the CPU" in found.words
    assert "lists no device, although the driver shows NVIDIA L4" in found.words


async def test_a_box_without_a_card_asks_no_program(tmp_path: Path) -> None:
    found = await usable_by_embedded(settings(listing(tmp_path, "CUDA0")), box())
    assert not found.gpu
    assert not (tmp_path / "asked").exists()


async def test_the_form_without_gpu_code_is_not_asked_either(tmp_path: Path) -> None:
    own = replace(settings(listing(tmp_path, "CUDA0")), form="xllamacpp")
    found = await usable_by_embedded(own, box(CARD))
    assert "xllamacpp has no code for NVIDIA L4" in found.words
    assert not (tmp_path / "asked").exists()


async def test_a_program_that_cannot_be_run_is_no_card_and_no_error(tmp_path: Path) -> None:
    program = listing(tmp_path, "CUDA0")
    program.write_bytes(b"\x7fELF of another machine")
    found = await usable_by_embedded(settings(program), box(CARD))
    assert not found.gpu
    assert "on the CPU" in found.words


@pytest.mark.parametrize(("device", "cards"), [("CUDA", (CARD, SMALL)), ("Vulkan", (CARD,))])
async def test_of_several_cards_a_build_that_cannot_be_shown_one_gets_the_largest(
    tmp_path: Path, device: str, cards: tuple[Gpu, ...]
) -> None:
    program = listing(tmp_path, f"{device}0", f"{device}1")
    assert (await usable_by_embedded(settings(program), box(CARD, SMALL))).hardware.gpus == cards


@pytest.mark.parametrize(("devices", "profile", "device"), [(("CUDA0",), "gpu-24", "gpu0"), ((), "cpu", "cpu")])
async def test_the_plan_of_up_takes_the_card_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, devices: tuple[str, ...], profile: str, device: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    loaded = Config.load(None, env={"HOME": str(tmp_path)})
    crew, hardware = load_crew(), box(CARD)
    needed = await needed_engines(settings(listing(tmp_path, *devices)), loaded, crew, hardware)
    found = await plan_for(hardware, crew, needed)
    assert (found.profile, found.pools[0].device) == (profile, device)
    assert found.decisions[0].startswith(f"The embedded engine computes on the {'GPU' if devices else 'CPU'}: ")


async def test_a_program_on_the_path_that_lists_a_card_comes_before_one_of_ours_that_lists_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    listing(tmp_path, "CUDA0")
    ours = tmp_path / "ours"
    ours.mkdir()
    loaded, hardware = Config.load(None, env={"HOME": str(tmp_path)}), box(CARD)
    auto = EmbeddedSettings(kind="embedded")
    needed = await needed_engines(auto, loaded, load_crew(), hardware)
    assert (await usable_by_embedded(needed.main, hardware)).gpu
    assert await with_card(auto, box()) == auto
    insisted = settings(listing(ours))
    assert await with_card(insisted, hardware) == insisted


@needs_llama_server
async def test_the_real_program_lists_what_this_box_has() -> None:
    found = await usable_by_embedded(EmbeddedSettings(kind="embedded", form="llama-server"), box(CARD))
    assert "lists" in found.words  # a device, or none: it answered
