"""What an Ollama holds in memory, from where it shows: its runners' log, and the resident size of its processes.

`/api/ps` is no source: without a GPU it reports all of a model as GPU memory, and never the cache.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import psutil

from launcher.types import Bytes

MIB = 1 << 20
_BUFFER = re.compile(r"load_tensors:\s+(\S+) model buffer size =\s*([\d.]+) MiB")
_LAYERS = re.compile(r"load_tensors: offloaded (\d+)/(\d+) layers to GPU")


@dataclass(frozen=True)
class Placement:
    """Where the weights of the loaded models lie, in bytes; *layers* is (on the GPU, all) of each that says so."""

    gpu: Bytes
    cpu: Bytes
    layers: tuple[tuple[int, int], ...]

    @property
    def split(self) -> bool:
        """True where a model lies in part on a GPU and is computed in part by the CPU."""
        return self.gpu > 0 and any(on < everything for on, everything in self.layers)


def read_placement(log: str) -> Placement | None:
    """Return what the runners logged of their weights; None where they logged nothing of it.

    A runner without any GPU says "offloaded 31/31 layers to GPU" too: the name of the buffer tells.

    >>> read_placement("load_tensors:  CPU model buffer size =  92.00 MiB")
    Placement(gpu=0, cpu=96468992, layers=())
    """
    sizes = {True: 0.0, False: 0.0}
    for device, size in _BUFFER.findall(log):
        # CPU, CPU_Mapped, CPU_REPACK, CUDA_Host: all of it the system's memory.
        sizes[not device.startswith("CPU") and not device.endswith("_Host")] += float(size) * MIB
    if not any(sizes.values()):
        return None
    layers = tuple((int(on), int(everything)) for on, everything in _LAYERS.findall(log)) if sizes[True] else ()
    return Placement(Bytes(int(sizes[True])), Bytes(int(sizes[False])), layers)


def log_since(log: Path, start: int) -> str:
    """Return what was written to *log* after its first *start* bytes; all of it where it was moved aside meanwhile."""
    try:
        with log.open("rb") as file:
            file.seek(start if log.stat().st_size >= start else 0)
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


def resident_at(port: int) -> Bytes | None:
    """Return the resident size of the program that listens on *port* and of all that it started; None where unseen."""
    try:
        owners = [each.pid for each in psutil.net_connections(kind="tcp") if each.pid and _listens(each, port)]
        if not owners:
            return None
        family = [psutil.Process(owners[0]), *psutil.Process(owners[0]).children(recursive=True)]
        return Bytes(sum(process.memory_info().rss for process in family))
    except psutil.Error:
        return None


def _listens(connection: object, port: int) -> bool:
    place = getattr(getattr(connection, "laddr", None), "port", None)
    return getattr(connection, "status", "") == psutil.CONN_LISTEN and place == port
