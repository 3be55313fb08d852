"""What is wrong with this box, one finding a line with its remedy: pure checks on what was asked beforehand.

A probe that failed is a finding of its own: "unknown" is never "healthy".
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from harmonic_stack.host.ports import Listener
from launcher import Gpu, Hardware, in_gb
from launcher.ollama_env import read_version
from launcher.profiles import engines_use

GB = 1_000_000_000
# A model of 14 billion parameters takes about 9 GB.
LOW_DISK = 10 * GB
# CVE-2026-7482: a GGUF with false tensor sizes made older ones give out their memory's contents.
SAFE_OLLAMA = (0, 17, 1)
STRIX_HALO = "gfx1151"
# Above this the carve-out is more than firmware's own need; ROCm's "available" leaves it out (docs/ollama.md).
LARGE_CARVE_OUT = 4 * GB
# The kernel lends half of the memory unless told otherwise; models may have three quarters of a box of this kind.
LEAST_LENT = 0.7
PAGE = 4096


class Level(StrEnum):
    """How bad a finding is."""

    FINE = "ok"
    HINT = "hint"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``remedy`` is what to do, "" where nothing is to be done."""

    level: Level
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class OllamaFacts:
    """What an Ollama that answers says of itself: the context of each loaded model, and why models get one slot."""

    loaded: Mapping[str, int]
    clamped: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """What the checks are given; None is "could not be found out"."""

    hardware: Hardware | None
    environment: Mapping[str, str]
    port: int
    listeners: Sequence[Listener] | None
    free_disk: int | None
    render_nodes: Mapping[str, bool]  # path -> whether we may open it
    ollama_version: str | None
    status: Mapping[str, Any] | None  # of the running daemon
    settings_problem: str | None
    planned: str | None  # what the plan takes, in words
    data_folder: Path
    plan_problem: str | None = None  # why there is no plan
    plan_remedy: str = ""
    left_out: Sequence[str] = ()  # of the plan: each in a sentence
    ollama: OllamaFacts | None = None  # None: none answers
    ollama_problem: str | None = None  # it answers, but not this
    context: int = 2048  # tokens of a slot, as the settings say
    models_folder: Path | None = None  # Ollama's, where it is on this box
    models_disk: int | None = None  # bytes free there
    encoder: Mapping[str, Any] | None = None  # as `status` tells it; None where none is declared
    encoder_problem: str | None = None  # why it could not be looked at


def examine(box: Box) -> list[Finding]:
    """Every finding, in the order of the checks."""
    return [finding for check in CHECKS for finding in check(box)]


def check_settings(box: Box) -> Iterator[Finding]:
    """The settings and the crew can be read."""
    if box.settings_problem is None:
        yield Finding(Level.FINE, "the settings and the crew file have no mistakes")
    else:
        yield Finding(Level.WRONG, box.settings_problem, "harmonic-stack config check tells each mistake")


def check_plan(box: Box) -> Iterator[Finding]:
    """The engine and its models are there, whole, and fit the memory."""
    if box.plan_problem is not None:
        yield Finding(Level.WRONG, box.plan_problem, box.plan_remedy)
    elif box.planned is None:
        yield Finding(Level.UNKNOWN, "whether the models are there and fit was not found out: see the other lines")
    else:
        yield Finding(Level.FINE, f"the engine's models are there and fit: {box.planned}")
    for words in box.left_out:
        yield Finding(Level.HINT, words, "harmonic-stack plan --explain tells each decision")


def check_gpus(box: Box) -> Iterator[Finding]:
    """GPUs that the driver shows, and whether the engine that runs can use them."""
    if box.hardware is None:
        yield Finding(Level.UNKNOWN, "the hardware could not be read", "harmonic-stack hardware tells why")
        return
    for gpu in box.hardware.gpus:
        yield Finding(Level.FINE, f"the driver shows {gpu.name}: {_memory_of(gpu)}")
        if _on_the_cpu(box):
            yield Finding(
                Level.WRONG,
                f"the embedded engine has no code for {gpu.name} and computes on the CPU",
                "run requirements/card.sh .venv/bin/python, put a llama-server built for this GPU on PATH, or use "
                "Ollama; harmonic-stack plan --explain tells what was found",
            )
    if not box.hardware.gpus:
        yield Finding(Level.HINT, "no GPU was found; the engine computes on the CPU")


def check_rocm_override(box: Box) -> Iterator[Finding]:
    """On Strix Halo the override that older advice names hides the GPU from Ollama 0.30 on."""
    override = box.environment.get("HSA_OVERRIDE_GFX_VERSION")
    gpus = box.hardware.gpus if box.hardware is not None else ()
    if override and any(gpu.compute == STRIX_HALO for gpu in gpus):
        yield Finding(
            Level.WRONG,
            f"HSA_OVERRIDE_GFX_VERSION={override} makes Ollama 0.30 and later drop this GPU",
            "unset HSA_OVERRIDE_GFX_VERSION",
        )


def check_render_nodes(box: Box) -> Iterator[Finding]:
    """The devices through which programs reach an AMD or Intel GPU can be opened."""
    for path, ours in box.render_nodes.items():
        if not ours:
            yield Finding(
                Level.WRONG, f"{path} may not be opened by this user", "add the user to the groups render and video"
            )


def check_port(box: Box) -> Iterator[Finding]:
    """Nobody else has our port."""
    if box.listeners is None:
        yield Finding(Level.UNKNOWN, "the system does not show who listens on which port")
        return
    ours = box.status is not None
    for listener in box.listeners:
        if listener.port == box.port and not ours:
            yield Finding(
                Level.WRONG,
                f"port {box.port} is taken by {listener.program or 'another program'}",
                "set server.port, or stop that program",
            )


def check_ollama(box: Box) -> Iterator[Finding]:
    """An Ollama beside us is recent, and only this box can reach it."""
    version = box.ollama_version
    if version is not None:
        numbers = read_version(version)
        if numbers is None:
            yield Finding(Level.UNKNOWN, f"an Ollama answers and calls its version {version}", "use a released one")
        elif numbers < SAFE_OLLAMA:
            yield Finding(
                Level.WRONG,
                f"Ollama {version} can leak memory contents to whoever reaches it",
                "update it",
            )
        else:
            yield Finding(Level.FINE, f"Ollama {version} answers")
    for listener in box.listeners or ():
        if "ollama" in (listener.program or "") and listener.host in ("0.0.0.0", "::"):  # noqa: S104 - looked for, not bound
            yield Finding(
                Level.WRONG,
                f"Ollama listens on {listener.host}:{listener.port}: everybody on the network may use it",
                "set OLLAMA_HOST=127.0.0.1 for it",
            )


def check_ollamas_models(box: Box) -> Iterator[Finding]:
    """What an Ollama that answers does with its models is what the plan would do."""
    if box.ollama_problem is not None:
        yield Finding(Level.UNKNOWN, f"Ollama does not tell its models: {box.ollama_problem}", "look into its log")
    if box.ollama is None:
        return
    for name, context in box.ollama.loaded.items():
        if context > box.context:
            yield Finding(
                Level.HINT,
                f"Ollama has loaded {name} with {context} tokens a slot, {box.context} are set here: "
                "each slot takes the memory of its whole context",
                f"set OLLAMA_CONTEXT_LENGTH={box.context} for it",
            )
    for reason in box.ollama.clamped:
        yield Finding(Level.HINT, reason, 'set engine.clamped = "embedded", or choose a model of another family')


def check_unified_memory(box: Box) -> Iterator[Finding]:
    """On Strix Halo the memory of the GPU lies where the engines look for it."""
    for gpu in box.hardware.gpus if box.hardware is not None else ():
        if gpu.compute != STRIX_HALO:
            continue
        if gpu.memory is None or gpu.carve_out is None:
            yield Finding(Level.UNKNOWN, f"{gpu.name} does not tell its memory", "check the amdgpu driver")
            continue
        system = box.hardware.memory if box.hardware is not None else 0
        if gpu.carve_out > LARGE_CARVE_OUT:
            yield Finding(
                Level.WRONG,
                f"firmware keeps {in_gb(gpu.carve_out)} for {gpu.name}: Ollama 0.30 and later count it as taken, "
                "and split models between GPU and CPU",
                "set the smallest carve-out (512 MB) in the firmware and give the GPU its memory with ttm.pages_limit",
            )
        elif gpu.memory - gpu.carve_out < LEAST_LENT * system:
            yield Finding(
                Level.WRONG,
                f"{gpu.name} may use {in_gb(gpu.memory)} of the system's {in_gb(system)}",
                f"raise the kernel's ttm.pages_limit, as far as {int(LEAST_LENT * system) // PAGE}",
            )


def check_placement(box: Box) -> Iterator[Finding]:
    """A GPU that the driver shows is the one that computes."""
    for engine in box.status.get("engines", ()) if box.status is not None else ():
        placement = engine.get("placement")
        if placement is None:
            continue
        layers = ", ".join(f"{on} of {everything}" for on, everything in placement["layers"])
        usable = [gpu.name for gpu in (box.hardware.gpus if box.hardware is not None else ()) if engines_use(gpu)]
        if placement["gpu"] and any(on < everything for on, everything in placement["layers"]):
            yield Finding(
                Level.WRONG,
                f"{layers} layers of {', '.join(engine['models'])} are on the GPU, the CPU computes the others",
                "choose a smaller model or engine.context, or engine.cache_type q8_0",
            )
        elif placement["gpu"]:
            yield Finding(Level.FINE, f"{in_gb(placement['gpu'])} of weights are on the GPU")
        elif usable:
            yield Finding(
                Level.WRONG,
                f"the driver shows {', '.join(usable)}, but {engine['name']} has put all weights into the system's "
                "memory",
                "harmonic-stack logs engine tells which GPUs it found; check its driver libraries and permissions",
            )


def check_encoder(box: Box) -> Iterator[Finding]:
    """The embedding model that the settings declare serves, and gives a text the same vector in any company."""
    if box.encoder_problem is not None:
        yield Finding(Level.UNKNOWN, f"the declared encoder was not looked at: {box.encoder_problem}")
    declared = None if box.encoder is None else box.encoder["declared"]
    if box.encoder is None or declared is None:
        return
    if declared["state"] == "ready":
        yield Finding(
            Level.FINE,
            f"the declared encoder answers: {box.encoder['tag']}, {declared['width']} numbers a text; it tells the "
            f"shipped pairs apart with an AUC of {declared['told_apart']:.2f}, and a text beside others has the vector "
            f"that it has alone (cosine {declared['steady']:.3f})",
        )
    elif declared["state"] == "failed":
        yield Finding(
            Level.WRONG, f"{declared['reason']}; the installed encoder serves in its place", declared["remedy"]
        )
    else:
        yield Finding(Level.UNKNOWN, f"the declared encoder {declared['model']} is being measured", "ask again")


def check_disk(box: Box) -> Iterator[Finding]:
    """There is room for a model."""
    if box.free_disk is None:
        yield Finding(Level.UNKNOWN, f"the free space of {box.data_folder} could not be read")
    elif box.free_disk < LOW_DISK:
        free = in_gb(box.free_disk)
        yield Finding(Level.HINT, f"{free} are free for models in {box.data_folder}", "make room before a larger model")
    else:
        yield Finding(Level.FINE, f"{in_gb(box.free_disk)} are free in {box.data_folder}")
    if box.models_folder is not None and box.models_disk is not None and box.models_disk < LOW_DISK:
        free = in_gb(box.models_disk)
        yield Finding(
            Level.HINT, f"{free} are free for Ollama's models in {box.models_folder}", "make room, or set OLLAMA_MODELS"
        )


def check_daemon(box: Box) -> Iterator[Finding]:
    """What the running stack says of itself."""
    if box.status is None:
        yield Finding(Level.HINT, "the stack is not running", "harmonic-stack up")
        return
    slots, spine = box.status["slots"], box.status["spine"]
    for engine in box.status.get("engines") or [box.status["engine"]]:
        if engine["healthy"]:
            told = f"; it is told what paid here: {engine['levers']}" if engine.get("levers") else ""
            yield Finding(Level.FINE, f"the engine answers: {', '.join(engine['models'])}{told}")
        else:
            yield Finding(Level.WRONG, f"the engine does not answer ({engine['state']})", "harmonic-stack logs engine")
    for absent in box.status.get("absent", ()):
        yield Finding(
            Level.WRONG,
            f"{', '.join(absent['agents'])} left out at the start: {absent['reason']}",
            "start that engine, then the stack anew",
        )
    yield _slots(slots)
    if spine["state"] != "ok":
        yield Finding(Level.WRONG, f"the spine is degraded: {spine['reason']}", "harmonic-stack logs store")


def _slots(slots: Mapping[str, Any]) -> Finding:
    promised, achieved = slots["promised"], slots["achieved"]
    if achieved is None:
        return Finding(Level.UNKNOWN, f"{promised} slots are promised and were not measured", "set engine.prove = true")
    if achieved < promised:
        return Finding(
            Level.WRONG, f"{promised} slots are promised, {achieved} were achieved: {slots['reason']}", "plan --explain"
        )
    return Finding(Level.FINE, f"{achieved} of {promised} slots were achieved")


def _on_the_cpu(box: Box) -> bool:
    """True where the embedded engine serves, and no pool of it is on a card."""
    if box.status is None or box.status["engine"]["name"] != "embedded":
        return False
    return all(pool["device"] == "cpu" for pool in box.status["engine"].get("pools", ()))


def _memory_of(gpu: Gpu) -> str:
    memory = "memory unknown" if gpu.memory is None else in_gb(gpu.memory)
    return f"{memory}, shared with the system" if gpu.unified else memory


CHECKS: tuple[Callable[[Box], Iterator[Finding]], ...] = (
    check_settings,
    check_plan,
    check_gpus,
    check_rocm_override,
    check_unified_memory,
    check_placement,
    check_render_nodes,
    check_port,
    check_ollama,
    check_ollamas_models,
    check_encoder,
    check_disk,
    check_daemon,
)
