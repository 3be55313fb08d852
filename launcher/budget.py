"""What the hardware grants and what a pool costs: the two sides of a plan's sum."""

from dataclasses import dataclass, replace

from launcher.profiles import Profile, cpu_profile, engines_use, gpu_memory, gpu_profile, main_gpu
from launcher.types import Bytes, CacheType, Calibration, Gpu, Hardware, ModelFacts, in_gb

# Resident size of an engine process beside weights and KV cache. GPU: context, libraries and compute buffer on an
# H100 (docs/h100.md). CPU: of a runner of Ollama's; the embedded engine's own are in form.py.
GPU_PROCESS = Bytes(750_000_000)
CPU_PROCESS = Bytes(80_000_000)
# What `ollama serve` takes of the system's memory beside its runners: 35 to 60 MB seen (docs/ollama.md).
OLLAMA_SERVER = Bytes(45_000_000)

# What a GPU in the system's memory leaves to everything else there, whatever the profile: as of the boxes that we know.
UNIFIED_RESERVE = 0.15

# A vocabulary stays in the system's memory. The demonstration model's is part of the figure above; each entry of a
# larger one takes so many bytes more, measured with 32 000 to 262 144 entries (`python -m tests.bench memory`).
USUAL_VOCABULARY = 50_000
VOCABULARY_ENTRY = 170
# And each slot has buffers beside its cache, among them one candidate for each entry when a token is chosen.
SLOT_BUFFERS = 1_500_000
SLOT_ENTRY = 20


@dataclass(frozen=True)
class Device:
    """One memory with a budget of its own: a card, or the system."""

    name: str  # "gpu0", by the GPU's place in Hardware.gpus, or "cpu"
    budget: Bytes
    discrete: bool
    words: str  # why this much
    spare: bool = False  # the system's memory beside cards: for engines without GPU code alone


@dataclass(frozen=True)
class Box:
    """What the hardware grants; *words* say why."""

    profile: Profile
    peak: int
    fixed: int | None  # the user's slots: what every pool asks for
    devices: tuple[Device, ...]  # the largest first
    process: Bytes  # of each engine process
    words: tuple[str, ...]

    @property
    def budget(self) -> Bytes:
        """All devices together; no model is split over them."""
        return Bytes(sum(device.budget for device in self.devices))


@dataclass(frozen=True)
class Cost:
    """What a pool takes of the memory."""

    process: Bytes
    context: int
    cache_type: CacheType

    def of(self, facts: ModelFacts, slots: int, device: Device) -> Bytes:
        """Return the bytes of one engine process with this model and so many slots on *device*."""
        weights = facts.weights - (facts.untied_embedding if device.discrete else 0)
        host = _host_bytes(facts.vocabulary or 0, slots) if device.name == "cpu" else 0
        process = CPU_PROCESS if device.spare else self.process
        return Bytes(weights + slots * self.slot(facts) + process + host)

    def slot(self, facts: ModelFacts) -> Bytes:
        """Return the bytes of one more slot."""
        return facts.slot_bytes(self.context, self.cache_type)


def _host_bytes(entries: int, slots: int) -> int:
    """Return what a vocabulary of so many entries and the slots take beside weights and cache, on a CPU."""
    return max(0, entries - USUAL_VOCABULARY) * VOCABULARY_ENTRY + slots * (SLOT_BUFFERS + entries * SLOT_ENTRY)


def read_box(
    hardware: Hardware,
    profile: Profile,
    calibration: Calibration | None,
    slots: int | None,
    *,
    spare: bool = False,
) -> Box:
    """Return the grant of *hardware* under *profile*; a calibration beats the profile, the user's slots beat both.

    With *spare* the system's memory is a device too, where all others are cards with memory of their own.
    """
    devices = _devices(hardware, profile)
    measured = calibration.peak if calibration else None
    peak = slots or min(profile.peak if measured is None else measured, profile.most)
    words = [device.words for device in devices]
    process = calibration.process_bytes if calibration else None
    if process is None:
        process = CPU_PROCESS if devices[0].name == "cpu" else GPU_PROCESS
    if len(devices) > 1:
        words.append("Each card has a budget of its own; no model is split over cards.")
    words += [_unplanned(gpu) for gpu in hardware.gpus if gpu_profile(gpu, hardware) is None]
    words.append(f"The peak is {peak} slots: {_why_peak(profile, calibration, slots)}.")
    if spare and all(device.discrete for device in devices):
        system = _device("cpu", "The system's memory", hardware.usable_memory, cpu_profile(), discrete=False)
        devices = (*devices, replace(system, spare=True))
        words.append(system.words)
    if calibration is not None and (said := calibration.levers.words()):
        words.append(f"The engine is told what paid here: {said}.")
    return Box(profile, peak, fixed=slots, devices=devices, process=process, words=tuple(words))


def _devices(hardware: Hardware, profile: Profile) -> tuple[Device, ...]:
    """Return the budget of every GPU that has a profile, the largest first; the system's where none has."""
    main = main_gpu(hardware)
    found: list[Device] = []
    for place, gpu in enumerate(hardware.gpus):
        # The profile that was given holds for the largest GPU; every other one has its own.
        own = profile if gpu is main else gpu_profile(gpu, hardware)
        memory = gpu_memory(gpu, hardware)
        if profile.match is not None and own is not None and memory is not None and engines_use(gpu):
            found.append(_device(f"gpu{place}", gpu.name, memory, own, discrete=not gpu.unified))
    if not found:
        found = [_device("cpu", "This box", hardware.usable_memory, profile, discrete=False)]
    return tuple(sorted(found, key=lambda device: -device.budget))


def _device(name: str, who: str, memory: Bytes, profile: Profile, *, discrete: bool) -> Device:
    reserve = profile.reserve if discrete else max(profile.reserve, UNIFIED_RESERVE)
    budget = Bytes(int(memory * (1 - reserve)))
    free = f"{reserve * 100:.0f} % stay free"
    words = f"{who} is planned as {profile.name}: {in_gb(budget)} of {in_gb(memory)} may be used ({free})."
    return Device(name, budget, discrete, words)


def _unplanned(gpu: Gpu) -> str:
    if not engines_use(gpu):
        return f"{gpu.name} is not planned: no engine of ours uses it."
    return f"{gpu.name} is not planned: its memory is unknown or too small."


def _why_peak(profile: Profile, calibration: Calibration | None, slots: int | None) -> str:
    if slots:
        return f"set by you, above the {profile.most} we tested" if slots > profile.most else "set by you"
    if calibration is not None and calibration.peak is not None:
        return calibration.words
    return f"from the profile ({profile.source})"
