"""What the hardware grants and what a pool costs: the two sides of a plan's sum."""

from dataclasses import dataclass

from launcher.profiles import Profile, gpu_memory, main_gpu
from launcher.types import Bytes, CacheType, Calibration, Hardware, ModelFacts, in_gb

# Resident size of an engine process beside weights and KV cache. GPU: context, libraries and compute buffer on an
# H100. CPU: measured with the embedded engine and the demonstration model (docs/launcher.md).
GPU_PROCESS = Bytes(750_000_000)
CPU_PROCESS = Bytes(80_000_000)


@dataclass(frozen=True)
class Box:
    """What the hardware grants; *words* say why."""

    profile: Profile
    peak: int
    fixed: int | None  # the user's slots: what every pool asks for
    budget: Bytes
    process: Bytes
    discrete: bool
    words: tuple[str, ...]


@dataclass(frozen=True)
class Cost:
    """What a pool takes of the memory."""

    box: Box
    context: int
    cache_type: CacheType

    def of(self, facts: ModelFacts, slots: int) -> Bytes:
        """Return the bytes of one engine process with this model and so many slots."""
        weights = facts.weights - (facts.untied_embedding if self.box.discrete else 0)
        return Bytes(weights + slots * self.slot(facts) + self.box.process)

    def slot(self, facts: ModelFacts) -> Bytes:
        """Return the bytes of one more slot."""
        return facts.slot_bytes(self.context, self.cache_type)


def read_box(hardware: Hardware, profile: Profile, calibration: Calibration | None, slots: int | None) -> Box:
    """Return the grant of *hardware* under *profile*; a calibration beats the profile, the user's slots beat both."""
    gpu = main_gpu(hardware) if profile.match is not None else None
    memory = (gpu_memory(gpu, hardware) if gpu else None) or hardware.usable_memory
    budget = Bytes(int(memory * (1 - profile.reserve)))
    peak = slots or min(calibration.peak if calibration else profile.peak, profile.most)
    words = [
        f"{gpu.name if gpu else 'This box'} is planned as {profile.name}: {in_gb(budget)} of {in_gb(memory)} "
        f"may be used ({profile.reserve:.0%} stay free).",
        f"The peak is {peak} slots: {_why_peak(profile, calibration, slots)}.",
    ]
    if gpu and len(hardware.gpus) > 1:
        words.append(f"Of {len(hardware.gpus)} GPUs only {gpu.name} is used; no model is split over cards.")
    process = calibration.process_bytes if calibration else None
    return Box(
        profile,
        peak,
        fixed=slots,
        budget=budget,
        process=process or (GPU_PROCESS if gpu else CPU_PROCESS),
        discrete=gpu is not None and not gpu.unified,
        words=tuple(words),
    )


def _why_peak(profile: Profile, calibration: Calibration | None, slots: int | None) -> str:
    if slots:
        return f"set by you, above the {profile.most} we tested" if slots > profile.most else "set by you"
    return "measured on this box" if calibration else f"from the profile ({profile.source})"
