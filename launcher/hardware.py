"""What this box is: every probe asked once, put together."""

import platform
from collections.abc import Callable, Sequence
from pathlib import Path

from launcher import probe_nvidia
from launcher.probe_amd import read_amd
from launcher.probe_drm import read_cards, read_intel, read_silent_nvidia
from launcher.probe_host import HERE, read_apple, read_cpu, read_memory, read_memory_limit
from launcher.types import Hardware


def detect_hardware(
    root: Path = HERE,
    *,
    ask_nvidia: Callable[[], Sequence[probe_nvidia.Card]] = probe_nvidia.ask,
    system: str | None = None,
    machine: str | None = None,
) -> Hardware:
    """Return the hardware of this box; it never raises for what is not there.

    Kernel files are read below *root*; *system* ("Linux") and *machine* ("aarch64") are this box's unless given.
    """
    system, machine = system or platform.system(), machine or platform.machine()
    cards = read_cards(root)
    nvidia = probe_nvidia.parse(ask_nvidia()) or read_silent_nvidia(cards)
    memory, available = read_memory(root)
    return Hardware(
        gpus=(*nvidia, *read_amd(root, cards), *read_intel(cards), *read_apple(system, machine)),
        cpu=read_cpu(root),
        memory=memory,
        available=available,
        memory_limit=read_memory_limit(root),
        os=system.lower(),
        arch=machine,
    )
