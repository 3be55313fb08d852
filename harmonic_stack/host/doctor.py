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

GB = 1_000_000_000
# A model of 14 billion parameters takes about 9 GB.
LOW_DISK = 10 * GB
# CVE-2026-7482: a GGUF with false tensor sizes made older ones give out their memory's contents.
SAFE_OLLAMA = (0, 17, 1)
STRIX_HALO = "gfx1151"


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
    model_problem: str | None
    data_folder: Path


def examine(box: Box) -> list[Finding]:
    """Every finding, in the order of the checks."""
    return [finding for check in CHECKS for finding in check(box)]


def check_settings(box: Box) -> Iterator[Finding]:
    """The settings and the crew can be read."""
    if box.settings_problem is None:
        yield Finding(Level.FINE, "the settings and the crew file have no mistakes")
    else:
        yield Finding(Level.WRONG, box.settings_problem, "harmonic-stack config check tells each mistake")


def check_model(box: Box) -> Iterator[Finding]:
    """The embedded engine has a model that it can load."""
    if box.model_problem is None:
        yield Finding(Level.FINE, "the engine's model is there and its header is whole")
    else:
        yield Finding(Level.WRONG, box.model_problem, "set engine.model to a whole GGUF file")


def check_gpus(box: Box) -> Iterator[Finding]:
    """GPUs that the driver shows, and whether the engine that runs can use them."""
    if box.hardware is None:
        yield Finding(Level.UNKNOWN, "the hardware could not be read", "harmonic-stack hardware tells why")
        return
    for gpu in box.hardware.gpus:
        yield Finding(Level.FINE, f"the driver shows {gpu.name}: {_memory_of(gpu)}")
        if _embedded(box):
            yield Finding(
                Level.WRONG,
                f"the embedded engine has no code for {gpu.name} and computes on the CPU",
                "run Ollama, or a llama-server built for this GPU, and name it in engine.url",
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
        numbers = tuple(int(part) for part in version.split("-")[0].split(".") if part.isdigit())
        if numbers < SAFE_OLLAMA:
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


def check_disk(box: Box) -> Iterator[Finding]:
    """There is room for a model."""
    if box.free_disk is None:
        yield Finding(Level.UNKNOWN, f"the free space of {box.data_folder} could not be read")
    elif box.free_disk < LOW_DISK:
        free = in_gb(box.free_disk)
        yield Finding(Level.HINT, f"{free} are free for models in {box.data_folder}", "make room before a larger model")
    else:
        yield Finding(Level.FINE, f"{in_gb(box.free_disk)} are free in {box.data_folder}")


def check_daemon(box: Box) -> Iterator[Finding]:
    """What the running stack says of itself."""
    if box.status is None:
        yield Finding(Level.HINT, "the stack is not running", "harmonic-stack up")
        return
    engine, slots, spine = box.status["engine"], box.status["slots"], box.status["spine"]
    if engine["healthy"]:
        yield Finding(Level.FINE, f"the engine answers: {', '.join(engine['models'])}")
    else:
        yield Finding(Level.WRONG, f"the engine does not answer ({engine['state']})", "harmonic-stack logs engine")
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


def _embedded(box: Box) -> bool:
    return box.status is not None and box.status["engine"]["name"] == "embedded"


def _memory_of(gpu: Gpu) -> str:
    memory = "memory unknown" if gpu.memory is None else in_gb(gpu.memory)
    return f"{memory}, shared with the system" if gpu.unified else memory


CHECKS: tuple[Callable[[Box], Iterator[Finding]], ...] = (
    check_settings,
    check_model,
    check_gpus,
    check_rocm_override,
    check_render_nodes,
    check_port,
    check_ollama,
    check_disk,
    check_daemon,
)
