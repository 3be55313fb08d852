"""Detection puts the probes together; what a driver would not tell stays unknown."""

import threading
from pathlib import Path

import psutil

from launcher import probe_nvidia
from launcher.hardware import detect_hardware
from launcher.probe_nvidia import Card, parse


def test_gb10_has_unknown_memory_of_its_own_and_shares_the_systems() -> None:
    (gpu,) = parse([Card("NVIDIA GB10", "Not Supported", (12, 1), "580.95.05")])
    assert (gpu.memory, gpu.unified, gpu.compute) == (None, True, "12.1")


def test_a_card_is_read_as_it_says() -> None:
    (gpu,) = parse([Card("NVIDIA GeForce RTX 4090", 25_757_220_864, (8, 9), "580.95.05")])
    assert (gpu.memory, gpu.unified, gpu.compute, gpu.driver) == (25_757_220_864, False, "8.9", "580.95.05")


def test_a_memory_error_or_zero_is_unknown_but_not_unified() -> None:
    for memory in (None, 0, -1):
        (gpu,) = parse([Card("odd", memory)])
        assert (gpu.memory, gpu.unified) == (None, False)


def test_a_driver_that_hangs_is_left_alone_after_the_limit(tmp_path: Path) -> None:
    released = threading.Event()

    def hang() -> list[Card]:
        released.wait(30)
        return [Card("late", 1)]

    assert probe_nvidia.ask(0.05, hang) == ()
    released.set()


def test_this_box_is_detected(tmp_path: Path) -> None:
    found = detect_hardware(ask_nvidia=tuple)
    assert found.gpus == ()
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


def test_asking_without_a_driver_finds_no_card_and_raises_nothing() -> None:
    assert isinstance(parse(probe_nvidia.ask()), tuple)
