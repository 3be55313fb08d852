"""Hardware in words and as JSON."""

from dataclasses import asdict
from typing import Any

from launcher import Gpu, Hardware, in_gb


def hardware_object(hardware: Hardware) -> dict[str, Any]:
    """What was detected, as JSON; null is "the box does not tell"."""
    found = asdict(hardware)
    found["cpu"]["flags"] = sorted(hardware.cpu.flags)
    return found


def hardware_line(hardware: Hardware) -> str:
    """The box in one line."""
    cores = hardware.cpu.physical_cores or hardware.cpu.logical_cores
    gpus = ", ".join(_gpu(gpu) for gpu in hardware.gpus)
    limit = "" if hardware.memory_limit is None else f", limited to {in_gb(hardware.memory_limit)}"
    return (
        f"{gpus or 'no GPU'}; {hardware.cpu.model or 'CPU'}, {cores} cores; {in_gb(hardware.memory)} of memory{limit}; "
        f"{hardware.os} {hardware.arch}"
    )


def _gpu(gpu: Gpu) -> str:
    memory = "memory unknown" if gpu.memory is None else in_gb(gpu.memory)
    return f"{gpu.name} ({memory}{', unified' if gpu.unified else ''})"
