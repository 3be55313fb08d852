"""Profiles of known boxes, as data: profiles.toml read, and the one that fits this hardware."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from launcher.errors import UnknownProfile
from launcher.types import Bytes, Cpu, Gpu, Hardware, ModelFacts

ROLES = {1: "executive", 2: "director", 3: "specialist", 4: "heavy"}  # what a tier is called in profiles.toml

# Integrated AMD GPUs that engines use: Ollama leaves every other one to the CPU since 0.30.
AMD_INTEGRATED = {"gfx1151"}


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
    models: Mapping[str, str] = field(default_factory=dict, hash=False)  # role, or an agent's name -> model

    def model_for(self, agent: str, tier: int) -> str:
        """Return the model for *agent*: the one of its own name, else of its tier's role."""
        return self.models.get(agent) or self.models[ROLES[tier]]


@cache
def profiles() -> tuple[Profile, ...]:
    """Return all profiles, in the order in which they are tried."""
    return tuple(_profile(row) for row in _tables()["profile"])


def profile_named(name: str) -> Profile:
    """Return the profile called *name*; raise UnknownProfile."""
    for profile in profiles():
        if profile.name == name:
            return profile
    raise UnknownProfile(name, tuple(profile.name for profile in profiles()))


@cache
def nominal_models() -> Mapping[str, ModelFacts]:
    """Return the models that the profiles name, with the figures of profiles.toml: for a box that lacks their files."""
    return {row["name"]: _model(row) for row in _tables()["model"]}


def choose_profile(hardware: Hardware) -> Profile:
    """Return the profile of this hardware: the first whose figures hold for its largest GPU, else the CPU's."""
    gpu = main_gpu(hardware)
    return cpu_profile() if gpu is None else gpu_profile(gpu, hardware) or cpu_profile()


def gpu_profile(gpu: Gpu, hardware: Hardware) -> Profile | None:
    """Return the profile of one GPU; None for one too small, of unknown memory, or that no engine of ours uses."""
    memory = gpu_memory(gpu, hardware)
    if memory is None or not engines_use(gpu):
        return None
    return next((p for p in profiles() if p.match is not None and _holds(p.match, gpu, memory)), None)


def main_gpu(hardware: Hardware) -> Gpu | None:
    """Return the GPU with the most memory of those that engines use, or None where no GPU's memory is known."""
    known = [gpu for gpu in hardware.gpus if engines_use(gpu) and gpu_memory(gpu, hardware) is not None]
    return max(known, key=lambda gpu: gpu_memory(gpu, hardware) or 0, default=None)


def engines_use(gpu: Gpu) -> bool:
    """Return whether we plan for this GPU: every NVIDIA one, and the AMD ones that ROCm's engines take.

    Intel's and Apple's are reported and not planned: we have measured nothing on them.
    """
    if gpu.vendor == "amd":
        return not gpu.unified or gpu.compute in AMD_INTEGRATED
    return gpu.vendor == "nvidia"


def gpu_memory(gpu: Gpu, hardware: Hardware) -> Bytes | None:
    """Return the memory that this GPU can use: its own, else the system's where it shares that, else unknown."""
    if gpu.memory is None:
        return hardware.usable_memory if gpu.unified else None
    # What firmware carved out is the GPU's alone; of the rest it cannot have more than there is.
    return Bytes(min(gpu.memory, hardware.usable_memory + (gpu.carve_out or 0))) if gpu.unified else gpu.memory


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


def cpu_profile() -> Profile:
    """Return the profile of a box without a GPU that we can use."""
    return next(profile for profile in profiles() if profile.match is None)


def _tables() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("profiles.toml").read_text("utf-8"))


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
        models=row["models"],
    )


def _model(row: dict[str, Any]) -> ModelFacts:
    f16 = 2  # bytes
    return ModelFacts(
        name=row["name"],
        weights=Bytes(round(row["weights_gb"] * 1e9)),
        kv_per_token=Bytes(row["layers"] * row["kv_heads"] * 2 * row["head_length"] * f16),
        train_context=row["context"],
        untied_embedding=Bytes(round(row["embedding_gb"] * 1e9)),
        vocabulary=row["vocabulary"],
    )
