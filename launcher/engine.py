"""The seam: what the daemon knows of an engine, whichever it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from launcher.ollama_site import OllamaSite
from launcher.types import CacheType

Dialect = Literal["openai", "ollama"]
Report = Callable[[str], None]


@dataclass(frozen=True)
class EngineSettings:
    """How to get an engine; *slots* and *threads* None: decided here."""

    kind: Literal["auto", "embedded", "openai", "ollama"] = "auto"
    url: str | None = None  # of a server that runs already
    api_key: str | None = field(default=None, repr=False)  # of that server
    model: Path | str | None = None  # a GGUF file for the embedded engine; None: the demonstration model
    slots: int | None = None
    context: int = 2048  # tokens per slot
    threads: int | None = None
    cache_type: CacheType = "f16"
    start_timeout: float = 120.0  # seconds from the start until it must serve
    alias: str | None = None  # the name that an embedded model is served under; None: its file's
    ollama: OllamaSite | None = None  # what a look at Ollama found; None: it is looked at when it is started


class Engine(Protocol):
    """A running engine."""

    @property
    def name(self) -> str:
        """Its kind: "embedded", "openai" or "ollama"."""

    @property
    def base_url(self) -> str:
        """Where it serves, without a slash at the end; in the OpenAI dialect `/chat/completions` follows directly."""

    @property
    def key(self) -> str | None:
        """The bearer token that every request carries."""

    @property
    def dialect(self) -> Dialect:
        """The protocol that it speaks."""

    @property
    def slots(self) -> int:
        """How many requests it was promised to serve at a time for each model."""

    @property
    def models(self) -> tuple[str, ...]:
        """The models that it serves, by the names that requests use."""

    @property
    def note(self) -> str | None:
        """What people must know of it, in one sentence."""

    @property
    def request(self) -> Mapping[str, Any]:
        """Fields that every chat request carries, the same on each: Ollama's load options."""

    @property
    def state(self) -> str:
        """Its state: "starting", "ready", "restarting", "failed" or "stopped"."""

    @property
    def log(self) -> Path | None:
        """Its log file, where it is a child of ours."""

    def shortfall(self, model: str, /) -> str | None:
        """Return why it may serve fewer requests of *model* at a time than promised, where it knows."""

    def pids(self) -> list[int]:
        """Return its processes, where it is a child of ours."""

    async def health(self) -> bool:
        """Ask it now whether it serves."""
