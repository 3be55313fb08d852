"""Where an Ollama's models lie, by its runners' own log and its processes; never by what `/api/ps` says."""

import os
import socket
from pathlib import Path

import psutil

from launcher.ollama_holds import Placement, log_since, read_placement, resident_at

MIB = 1 << 20
CPU_ONLY = """
load_tensors: offloading output layer to GPU
load_tensors: offloaded 31/31 layers to GPU
load_tensors:          CPU model buffer size =    92.00 MiB
"""
SPLIT = """
load_tensors: offloaded 20/37 layers to GPU
load_tensors:   CPU_Mapped model buffer size =  1000.00 MiB
load_tensors:    CUDA_Host model buffer size =   100.00 MiB
load_tensors:        CUDA0 model buffer size =  1500.00 MiB
"""


def test_layers_that_are_said_to_be_offloaded_without_a_gpu_are_the_cpus() -> None:
    assert read_placement(CPU_ONLY) == Placement(gpu=0, cpu=92 * MIB, layers=())


def test_a_model_in_part_on_the_gpu_is_split() -> None:
    found = read_placement(SPLIT)
    assert found == Placement(gpu=1500 * MIB, cpu=1100 * MIB, layers=((20, 37),))
    assert found.split
    whole = read_placement(SPLIT.replace("20/37", "37/37"))
    assert whole is not None
    assert not whole.split


def test_a_log_that_says_nothing_is_unknown() -> None:
    assert read_placement("llama_context: n_ctx = 2048") is None


def test_a_log_is_read_from_where_it_was_and_whole_once_it_has_moved_aside(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("old new")
    assert log_since(file, 4) == "new"
    assert log_since(file, 100) == "old new"
    assert log_since(tmp_path / "absent", 0) == ""


def test_the_resident_size_is_that_of_whoever_listens() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        found = resident_at(listening.getsockname()[1])
        own = psutil.Process(os.getpid()).memory_info().rss
    assert found is not None
    assert found >= own * 0.9
    assert resident_at(1) is None
