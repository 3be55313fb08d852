"""The environment of our own `ollama serve`: version, hardware and plan in; variables and their reasons out. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launcher.plan_types import Plan
from launcher.types import Hardware

#: From here on a llama-server does the work, which reads LLAMA_ARG_* from the environment (Ollama 0.30.0, 2026-06-01).
LLAMA_SERVER = (0, 30)
#: From here on a model has one slot unless told otherwise; before, Ollama chose by free memory (0.10.0, 2025-07-08).
ONE_SLOT = (0, 10)
STRIX_HALO = "gfx1151"

#: Families that Ollama gives one slot whatever it is told, from the first version with that rule (server/sched.go of
#: its releases). Only a line in its log says so, and the list moves: the proof decides, this names the reason.
CLAMPED_SINCE: Mapping[str, tuple[int, ...]] = {
    "mllama": (0, 4),
    "qwen3vl": (0, 13),
    "qwen3vlmoe": (0, 13),
    "qwen3next": (0, 15, 6),
    "lfm2": (0, 15, 6),
    "lfm2moe": (0, 15, 6),
    "qwen35": (0, 17),
    "qwen35moe": (0, 17),
    "nemotron_h": (0, 17),
    "nemotron_h_moe": (0, 17),
    "nemotron_h_omni": (0, 17),
}


@dataclass(frozen=True)
class Variable:
    """One variable of the environment and why it is as it is; *value* None: it is taken out."""

    name: str
    value: str | None
    why: str


def read_version(text: str | None) -> tuple[int, ...] | None:
    """Return a version's numbers; None for one that tells nothing (a build of one's own says 0.0.0).

    >>> read_version("0.32.14"), read_version("0.33.0-rc2"), read_version("0.0.0")
    ((0, 32, 14), (0, 33, 0), None)
    """
    found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text or "")
    numbers = tuple(int(part or 0) for part in found.groups()) if found else (0,)
    return numbers if any(numbers) else None


def ollama_variables(version: str | None, hardware: Hardware, plan: Plan, *, address: str) -> tuple[Variable, ...]:
    """Return what `ollama serve` at *address* needs to keep *plan*; an unknown version is taken for a current one.

    1. What the plan decides: slots, models, context, cache type.
    2. What keeps it so: models stay loaded, downloads are kept, nothing runs elsewhere.
    3. What this version needs on this hardware.
    """
    numbers = read_version(version)
    current = numbers is None or numbers >= LLAMA_SERVER
    slots = max(pool.slots for pool in plan.pools)
    quantized = plan.cache_type != "f16"
    models = len({pool.model for pool in plan.pools} | {each.model for each in plan.beside})
    found = [
        Variable("OLLAMA_HOST", address, "a private port on loopback"),
        Variable("OLLAMA_NUM_PARALLEL", str(slots), _slots_why(numbers)),
        Variable("OLLAMA_MAX_LOADED_MODELS", str(models), "the planned models together, and never one more"),
        Variable("OLLAMA_CONTEXT_LENGTH", str(plan.context), "tokens of one slot; unset, up to 262144 by GPU memory"),
        Variable("OLLAMA_KV_CACHE_TYPE", plan.cache_type, "the plan counted this cache"),
        Variable("OLLAMA_KEEP_ALIVE", "-1", "planned models stay loaded"),
        Variable("OLLAMA_NOPRUNE", "1", "an interrupted pull goes on where it ended, also of another Ollama here"),
        Variable("OLLAMA_NO_CLOUD", "1", "every model runs on this box"),
    ]
    if hardware.gpus or quantized:
        found.append(Variable("OLLAMA_FLASH_ATTENTION", "1", "needed by a quantized cache, and faster on a GPU"))
    found += only_card(hardware, plan.pools[0].device)
    if current:
        found.append(Variable("LLAMA_ARG_CACHE_RAM", "0", "the runner's 8 GiB of saved prompts stand in no plan"))
    if _has_strix_halo(hardware) and current:
        found += [
            Variable("OLLAMA_IGPU_ENABLE", "1", "else an integrated GPU may be left out, and the CPU does the work"),
            Variable("HSA_OVERRIDE_GFX_VERSION", None, "it hides gfx1151, which this Ollama knows, behind gfx1100"),
        ]
    return tuple(found)


def environment(inherited: Mapping[str, str], variables: Sequence[Variable]) -> dict[str, str]:
    """Return *inherited* with *variables* set, or taken out."""
    named = {variable.name for variable in variables}
    kept = {name: value for name, value in inherited.items() if name not in named}
    return kept | {variable.name: variable.value for variable in variables if variable.value is not None}


def clamp_reason(family: str, version: str | None) -> str | None:
    """Return why a model of this family gets one slot from Ollama; None where it is not known to be so.

    >>> clamp_reason("qwen35", "0.32.14")
    'Ollama 0.32.14 gives models of the family qwen35 one slot each, whatever it is told'
    >>> clamp_reason("qwen3", "0.32.14") is None
    True
    """
    since = CLAMPED_SINCE.get(family)
    numbers = read_version(version)
    if since is None or (numbers is not None and numbers < since):
        return None
    return f"Ollama {version or ''} gives models of the family {family} one slot each, whatever it is told".replace(
        "  ", " "
    )


def _slots_why(numbers: tuple[int, ...] | None) -> str:
    unset = "as free memory allows" if numbers is not None and numbers < ONE_SLOT else "1"
    return f"the planned slots of each model; unset it is {unset}"


def only_card(hardware: Hardware, device: str) -> list[Variable]:
    """Keep a server on the card that its pools were planned for; it would spread a model over all that it sees."""
    places = {f"gpu{place}": place for place in range(len(hardware.gpus))}
    if len(places) < 2 or device not in places:
        return []
    mine = hardware.gpus[places[device]]
    # A vendor's driver counts its own cards alone.
    number = str(sum(gpu.vendor == mine.vendor for gpu in hardware.gpus[: places[device]]))
    why = f"the models of this server were planned for {device}"
    if mine.vendor == "nvidia":
        order = Variable("CUDA_DEVICE_ORDER", "PCI_BUS_ID", "the cards are numbered as the plan numbers them")
        return [order, Variable("CUDA_VISIBLE_DEVICES", number, why), Variable("ROCR_VISIBLE_DEVICES", "-1", why)]
    return [Variable("ROCR_VISIBLE_DEVICES", number, why), Variable("CUDA_VISIBLE_DEVICES", "-1", why)]


def _has_strix_halo(hardware: Hardware) -> bool:
    return any(gpu.vendor == "amd" and gpu.compute == STRIX_HALO for gpu in hardware.gpus)
