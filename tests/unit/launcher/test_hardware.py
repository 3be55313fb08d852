"""Detection puts the probes together; what a driver would not tell stays unknown."""

import threading
from pathlib import Path

import psutil
import pytest

from launcher import probe_nvidia
from launcher.hardware import detect_hardware
from launcher.probe_nvidia import Card, parse


def test_gb10_has_unknown_memory_of_its_own_and_shares_the_systems() -> None:
    (gpu,) = parse([Card("NVIDIA GB10", "Not Supported", (12, 1), "580.95.05")])
    assert (gpu.memory, gpu.unified, gpu.compute) == (None, True, "12.1")


def test_a_card_is_read_as_it_says() -> None:
    (gpu,) = parse([Card("NVIDIA GeForce RTX 4090", 25_757_220_864, (8, 9), "580.95.05")])
    assert (gpu.memory, gpu.unified, gpu.compute, gpu.driver) == (25_757_220_864, False, "8.9", "580.95.05")


@pytest.mark.parametrize("memory", [None, 0, -1, 2**64 - 1, (1 << 40) + 1])
def test_memory_that_no_card_has_is_unknown_and_not_unified(memory: int | None) -> None:
    (gpu,) = parse([Card("odd", memory)])
    assert (gpu.memory, gpu.unified) == (None, False)


def test_a_gb10_whose_driver_answers_with_the_systems_memory_is_unified_all_the_same() -> None:
    (gpu,) = parse([Card("NVIDIA GB10", 128_501_256_192, (12, 1))])
    assert (gpu.memory, gpu.unified) == (128_501_256_192, True)


def test_a_driver_that_hangs_is_left_alone_after_the_limit(tmp_path: Path) -> None:
    released = threading.Event()

    def hang() -> list[Card]:
        released.wait(30)
        return [Card("late", 1)]

    assert probe_nvidia.ask(0.05, hang) == ()
    released.set()


def test_this_box_is_detected(tmp_path: Path) -> None:
    found = detect_hardware(ask_nvidia=tuple)
    assert all(gpu.compute is None for gpu in found.gpus if gpu.vendor == "nvidia")
    assert found.memory == psutil.virtual_memory().total
    assert 0 < found.available <= found.memory
    assert found.cpu.logical_cores >= 1
    assert found.usable_memory <= found.memory


def test_a_containers_limit_bounds_the_usable_memory(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/\n")
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("1073741824\n")
    found = detect_hardware(tmp_path, ask_nvidia=tuple)
    assert found.memory_limit == found.usable_memory == 1 << 30


def test_an_apple_processor_is_known_by_the_platforms_words(tmp_path: Path) -> None:
    (gpu,) = detect_hardware(tmp_path, ask_nvidia=tuple, system="Darwin", machine="arm64").gpus
    assert (gpu.vendor, gpu.memory, gpu.unified) == ("apple", None, True)
    assert detect_hardware(tmp_path, ask_nvidia=tuple, system="Darwin", machine="x86_64").gpus == ()


def test_asking_without_a_driver_finds_no_card_and_raises_nothing() -> None:
    assert isinstance(parse(probe_nvidia.ask()), tuple)
