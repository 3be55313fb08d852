"""What the launcher's parts say to each other: bytes, hardware, agents and model facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NewType

from launcher.levers import STOCK, Levers

Bytes = NewType("Bytes", int)

CacheType = Literal["f16", "q8_0", "q4_0"]

#: Bytes that one element of the KV cache takes: the quantized types store 32 elements with one scale of 2 bytes.
CACHE_BYTES: Mapping[CacheType, float] = {"f16": 2.0, "q8_0": 1.0625, "q4_0": 0.5625}


def in_gb(size: int) -> str:
    """Return *size* in bytes as people read it.

    >>> in_gb(2_500_000_000), in_gb(96_600_000)
    ('2.5 GB', '97 MB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


@dataclass(frozen=True)
class Gpu:
    """One graphics processor; what its driver would not tell is None."""

    vendor: Literal["nvidia", "amd", "apple", "intel"]
    name: str
    memory: Bytes | None  # its own memory; None where it has none or the driver does not tell
    unified: bool  # it works in the system's memory
    compute: str | None = None  # compute capability ("9.0") or gfx target ("gfx1151")
    driver: str | None = None
    carve_out: Bytes | None = None  # the part of a unified *memory* that firmware took: no part of Hardware.memory


@dataclass(frozen=True)
class Cpu:
    """The processor."""

    model: str | None
    physical_cores: int | None
    logical_cores: int
    flags: frozenset[str] = frozenset()  # instruction sets as the kernel spells them, such as "avx512f"
    quota: float | None = None  # cores that a cgroup allows; None: no limit


@dataclass(frozen=True)
class Hardware:
    """This box, as far as it tells: the input of a plan."""

    gpus: tuple[Gpu, ...]
    cpu: Cpu
    memory: Bytes
    available: Bytes  # free at the moment of asking
    memory_limit: Bytes | None  # the tightest cgroup limit; None: no limit
    os: str
    arch: str

    @property
    def usable_memory(self) -> Bytes:
        """The system memory that this process may use: all of it, or the cgroup's limit."""
        return self.memory if self.memory_limit is None else min(self.memory, self.memory_limit)

    def cpu_only(self) -> "Hardware":
        """Return this box as an engine without GPU code sees it."""
        return replace(self, gpus=())


@dataclass(frozen=True)
class AgentSpec:
    """One agent that wants slots: tier 1 is the executive, 4 the heavy models."""

    name: str
    tier: int
    model: str
    engine: str = ""  # the engine that serves it, where a crew has several; "" is the main one

    def __post_init__(self) -> None:
        if not 1 <= self.tier <= 4:
            raise ValueError(f"agent {self.name}: tier must be 1 to 4, got {self.tier}")


@dataclass(frozen=True)
class ModelFacts:
    """What a plan needs to know of one model, read from its file's header."""

    name: str
    weights: Bytes
    kv_per_token: Bytes  # of the f16 cache, the layers that keep the whole context; other cache types scale it
    train_context: int  # tokens
    path: Path | None = None
    architecture: str | None = None
    untied_embedding: Bytes = Bytes(0)  # a token embedding that stays in host memory on a discrete card
    approximate: tuple[str, ...] = field(default=())  # header keys whose effect these figures guess or leave out
    window_kv_per_token: Bytes = Bytes(0)  # of the f16 cache, the layers that keep a sliding window
    window: int = 0  # tokens that those keep at most
    vocabulary: int | None = None  # entries
    state: Bytes = Bytes(0)  # of a slot's recurrent layers, whatever its context and the cache type

    def slot_bytes(self, context: int, cache_type: CacheType) -> Bytes:
        """Return the cache of one slot of *context* tokens in bytes."""
        f16 = self.kv_per_token * context + self.window_kv_per_token * min(context, self.window)
        return Bytes(int(f16 * CACHE_BYTES[cache_type] / CACHE_BYTES["f16"]) + self.state)


@dataclass(frozen=True)
class Calibration:
    """What was measured on this very box; it beats the profile."""

    peak: int | None  # slots at the knee of the throughput curve; None: not measured
    process_bytes: Bytes | None = None  # resident size of an engine process beside weights and KV cache
    words: str = "measured on this box"  # where the peak comes from, for the plan's decisions
    levers: Levers = STOCK  # what paid when it was measured
