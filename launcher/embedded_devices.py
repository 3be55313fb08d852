"""What the embedded engine can use of the hardware: a card counts only where the program that starts lists it."""

import asyncio
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from launcher.embedded_engine import told_by
from launcher.engine import EngineSettings
from launcher.errors import LauncherError
from launcher.form import EmbeddedSettings, choose
from launcher.llama_server import devices_in
from launcher.profiles import choose_profile, main_gpu
from launcher.types import Hardware

# Of builds whose devices are these a server can be shown one card alone (ollama_env.only_card).
NUMBERED = ("CUDA", "ROCm")


@dataclass(frozen=True)
class Usable:
    """The hardware as an engine can use it, and why, in a sentence for the plan's decisions."""

    hardware: Hardware
    words: str

    @property
    def gpu(self) -> bool:
        """Whether that is a card rather than the processor."""
        return bool(self.hardware.gpus)


async def usable_by_embedded(settings: EngineSettings, hardware: Hardware) -> Usable:
    """Return what the embedded engine that would start here can use of *hardware*.

    1. No GPU that we plan for: the CPU, and no program is asked.
    2. The form xllamacpp has no code for a GPU.
    3. The llama-server is asked with `--list-devices`: one that lists none has no code for this GPU, or no driver.
    4. A build that cannot be shown one card alone (Vulkan) is planned for the largest card.
    """
    card = main_gpu(hardware)
    if card is None or choose_profile(hardware).match is None:  # 1
        return _cpu(hardware, "this box has no GPU that we plan for")
    chosen = await asyncio.to_thread(choose, settings, hardware.cpu)
    if chosen.form == "xllamacpp" or chosen.program is None:  # 2
        return _cpu(hardware, f"the form {chosen.form} has no code for {card.name}")
    try:
        devices = devices_in(await told_by(chosen.program.path, "--list-devices"))  # 3
    except LauncherError as error:
        return _cpu(hardware, f"{chosen.program.path} does not tell its devices ({error})")
    if not devices:
        return _cpu(hardware, f"{chosen.program.path} lists no device, although the driver shows {card.name}")
    found = f"The embedded engine computes on the GPU: {chosen.program.path} lists {', '.join(devices)}"
    if len(hardware.gpus) > 1 and not all(name.startswith(NUMBERED) for name in devices):  # 4
        return Usable(replace(hardware, gpus=(card,)), f"{found}, of which one card is planned.")
    return Usable(hardware, f"{found}.")


async def with_card(settings: EngineSettings, hardware: Hardware) -> EngineSettings:
    """Return *settings* with the `llama-server` of PATH, where that one lists a device and our package's lists none."""
    usual = await usable_by_embedded(settings, hardware)
    found = shutil.which("llama-server")
    own = settings if isinstance(settings, EmbeddedSettings) else EmbeddedSettings(**vars(settings))
    if usual.gpu or found is None or own.program is not None or own.form == "xllamacpp":
        return settings
    other = replace(own, program=Path(found))
    return other if (await usable_by_embedded(other, hardware)).gpu else settings


def _cpu(hardware: Hardware, why: str) -> Usable:
    return Usable(hardware.cpu_only(), f"The embedded engine computes on the CPU: {why}.")
