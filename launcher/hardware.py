"""What this box is: every probe asked once, put together."""

import platform
from collections.abc import Callable, Sequence
from pathlib import Path

from launcher import probe_nvidia
from launcher.probe_host import read_cpu, read_memory, read_memory_limit
from launcher.types import Hardware


def detect_hardware(
    root: Path = Path("/"), *, ask_nvidia: Callable[[], Sequence[probe_nvidia.Card]] = probe_nvidia.ask
) -> Hardware:
    """Return the hardware of this box; kernel files are read below *root*. It never raises for what is not there."""
    memory, available = read_memory()
    return Hardware(
        gpus=probe_nvidia.parse(ask_nvidia()),
        cpu=read_cpu(root),
        memory=memory,
        available=available,
        memory_limit=read_memory_limit(root),
        os=platform.system().lower(),
        arch=platform.machine(),
    )
