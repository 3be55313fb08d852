"""Profiles of known boxes, as data: profiles.toml read, and the one that fits this hardware."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from launcher.errors import UnknownProfile
from launcher.types import Bytes, Cpu, Gpu, Hardware


@dataclass(frozen=True)
class Match:
    """What a GPU must show for a profile to hold; None asks nothing."""

    vendor: str | None = None
    unified: bool | None = None
    compute: str | None = None
    least_gb: float | None = None


@dataclass(frozen=True)
class Profile:
    """The figures of one kind of box; profiles.toml says what each means and where it comes from."""

    name: str
    peak: int
    most: int
    floor: int
    reserve: float
    nominal: Bytes
    source: str
    match: Match | None  # None: a box without a GPU that we can use


@cache
def profiles() -> tuple[Profile, ...]:
    """Return all profiles, in the order in which they are tried."""
    rows = tomllib.loads(Path(__file__).with_name("profiles.toml").read_text("utf-8"))["profile"]
    return tuple(_profile(row) for row in rows)


def profile_named(name: str) -> Profile:
    """Return the profile called *name*; raise UnknownProfile."""
    for profile in profiles():
        if profile.name == name:
            return profile
    raise UnknownProfile(name, tuple(profile.name for profile in profiles()))


def choose_profile(hardware: Hardware) -> Profile:
    """Return the profile of this hardware: the first whose figures hold for its largest GPU, else the CPU's."""
    gpu = main_gpu(hardware)
    for profile in profiles():
        if profile.match is None or (gpu is not None and _holds(profile.match, gpu, gpu_memory(gpu, hardware))):
            return profile
    raise AssertionError("the last profile matches every box")


def main_gpu(hardware: Hardware) -> Gpu | None:
    """Return the GPU with the most memory, or None where no GPU's memory is known."""
    known = [gpu for gpu in hardware.gpus if gpu_memory(gpu, hardware) is not None]
    return max(known, key=lambda gpu: gpu_memory(gpu, hardware) or 0, default=None)


def gpu_memory(gpu: Gpu, hardware: Hardware) -> Bytes | None:
    """Return the memory that this GPU can use: its own, else the system's where it shares that, else unknown."""
    if gpu.memory is None:
        return hardware.usable_memory if gpu.unified else None
    return min(gpu.memory, hardware.usable_memory) if gpu.unified else gpu.memory


def nominal_hardware(profile: Profile) -> Hardware:
    """Return a box as *profile* describes it, to plan for one that is not here; its CPU is unknown."""
    gpus: tuple[Gpu, ...] = ()
    if profile.match is not None:
        unified = bool(profile.match.unified)
        gpu = Gpu(
            vendor="amd" if profile.match.vendor == "amd" else "nvidia",
            name=profile.name,
            memory=None if unified else profile.nominal,
            unified=unified,
            compute=profile.match.compute,
        )
        gpus = (gpu,)
    cpu = Cpu(model=None, physical_cores=None, logical_cores=1)
    return Hardware(gpus, cpu, profile.nominal, profile.nominal, memory_limit=None, os="unknown", arch="unknown")


def _holds(match: Match, gpu: Gpu, memory: Bytes | None) -> bool:
    return (
        match.vendor in (None, gpu.vendor)
        and match.unified in (None, gpu.unified)
        and match.compute in (None, gpu.compute)
        and (match.least_gb is None or (memory is not None and memory >= match.least_gb * 1e9))
    )


def _profile(row: dict[str, Any]) -> Profile:
    match = row.get("match")
    return Profile(
        name=row["name"],
        peak=row["peak"],
        most=row["most"],
        floor=row["floor"],
        reserve=row["reserve"],
        nominal=Bytes(int(row["nominal_gb"] * 1e9)),
        source=row["source"],
        match=None if match is None else Match(**match),
    )
