"""Every setting of the daemon: one frozen model that knows each key, its default, its bounds and its meaning.

Precedence: command line > environment (``HARMONIC_SECTION__KEY``) > file > default. How values are read and mistakes
are told: ``config_source.py`` and ``config_check.py``.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from harmonic_stack.config.base import Conflict, Conflicts, Section, Side, dotted, keys_of
from harmonic_stack.config.check import check
from harmonic_stack.config.forms import (
    FORMAT_VERSION,
    EngineUrl,
    FormatVersion,
    KeyPrefix,
    Names,
    Origins,
    Seconds,
    SecondsOrZero,
    SpineUrl,
    VariableName,
    is_loopback,
)
from harmonic_stack.config.source import read_environment, read_file, read_flags
from harmonic_stack.config.text import example
from harmonic_stack.config.toml_index import KeyPath
from harmonic_stack.host.paths import config_file


class Server(Section):
    """The HTTP server."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Address that the API listens on.")
    port: int = Field(default=8420, ge=0, le=65_535, description="Its port; 0 takes a free one.")
    auth: bool = Field(default=True, description="Whether every caller needs a key; false only on a loopback address.")
    allowed_hosts: Names = Field(
        default=(),
        description="Names of this box, besides the loopback ones and the host above, that a Host header may hold.",
        json_schema_extra={"allowed": 'a list of host names without scheme or port, such as ["box.lan"]'},
    )
    allowed_origins: Origins = Field(
        default=(),
        description="Origins of web pages that may call the API.",
        json_schema_extra={"allowed": 'a list of origins such as ["http://box.lan:3000"], no wildcards'},
    )
    max_body_bytes: int = Field(
        default=4_194_304, ge=1_024, le=1_073_741_824, description="Longest request body, in bytes."
    )
    max_messages: int = Field(default=1_000, ge=1, le=100_000, description="Most messages in one request.")
    header_seconds: Seconds = Field(default=10.0, description="How long a client may take to send its headers.")
    body_seconds: Seconds = Field(default=30.0, description="How long a client may take to send its body.")
    idle_seconds: Seconds = Field(default=75.0, description="How long an idle connection is kept.")
    max_connections: int = Field(default=1_024, ge=1, le=65_535, description="Most connections at a time.")
    max_in_flight: int = Field(
        default=64, ge=1, le=65_535, description="Most requests of one key at once; beyond it, 429."
    )
    drain_seconds: SecondsOrZero = Field(default=30.0, description="How long a stop waits for requests under way.")
    ping_seconds: Seconds = Field(default=15.0, description="Silence in a stream after which a comment is sent.")


class Queue(Section):
    """The admission gate: how many queries run at once, and who may wait."""

    running: int = Field(
        default=0, ge=0, le=65_535, description="Most queries at once; 0 is as many as there are slots."
    )
    depth: int = Field(default=64, ge=0, le=65_535, description="Most queries that wait; beyond it, 503.")
    seconds: Seconds = Field(default=120.0, description="Longest wait of a query; beyond it, 503.")


class Engine(Section):
    """What runs the models."""

    name: Literal["auto", "embedded", "openai", "ollama"] = Field(
        default="auto",
        description='Which engine; "auto" is "openai" where a URL is given, "ollama" where one is here with a model, '
        'else "embedded".',
    )
    url: EngineUrl = Field(
        default="", description="Base URL of an OpenAI-compatible engine, or an Ollama, that runs already."
    )
    api_key_env: VariableName = Field(
        default="", description="Name of the environment variable that holds that engine's key; never the key itself."
    )
    model: str = Field(
        default="",
        description='Path of a GGUF file, or a model\'s name at the URL or in Ollama; "" is the demonstration model, '
        "the first that the URL lists, or Ollama's newest.",
    )
    pull: Literal["ask", "always", "never"] = Field(
        default="ask",
        description="Whether a model that Ollama lacks is fetched at the start; asked on a terminal alone.",
    )
    clamped: Literal["keep", "embedded"] = Field(
        default="keep",
        description="What becomes of a model that Ollama gives one slot whatever it is told: it keeps that one, or the "
        "embedded engine serves it from Ollama's file.",
    )
    slots: int = Field(
        default=0,
        ge=0,
        le=512,
        description="Sequences that the engine decodes at a time; 0: as planned here, 4 at a URL.",
    )
    context: int = Field(default=2_048, ge=256, le=1_048_576, description="Tokens of context in each slot.")
    cache_type: Literal["f16", "q8_0", "q4_0"] = Field(default="f16", description="Number format of the KV cache.")
    threads: int = Field(default=0, ge=0, le=1_024, description="CPU threads of the engine; 0 is chosen for this box.")
    form: Literal["auto", "llama-server", "xllamacpp"] = Field(
        default="auto",
        description='Program of the embedded engine; "auto" is llama-server where one is here that generates a token.',
    )
    start_seconds: Seconds = Field(default=90.0, description="How long the engine may take until it is ready.")
    connect_seconds: Seconds = Field(default=2.0, description="How long a connection to the engine may take.")
    first_token_seconds: Seconds = Field(default=120.0, description="How long the engine may take to its first token.")
    token_seconds: Seconds = Field(default=60.0, description="How long it may take from one token to the next.")
    prove: bool = Field(default=True, description="Whether the promised slots are measured at the start.")
    warm: bool = Field(
        default=True,
        description="Whether agents' prompts are computed once after the start, where there is a slot for each.",
    )


class CrewSource(Section):
    """Who drafts."""

    file: str = Field(
        default="", description='The crew file; a relative path starts at this file\'s folder; "" is the crew shipped.'
    )


class Route(Section):
    """Which agents are asked, and how a question is taken."""

    crew: int = Field(default=3, ge=1, le=64, description="Routed agents that join the executive, in harmonic-full.")
    closed: Literal["auto", "always", "never"] = Field(
        default="auto", description="Whether a question is taken to have one short, checkable answer."
    )


class Draft(Section):
    """What each agent is asked for."""

    max_tokens: int = Field(default=400, ge=1, le=1_048_576, description="Longest draft, in tokens.")
    temperature: float = Field(default=0.7, ge=0, le=2, description="Sampling temperature of all drafts but the first.")
    min_p: float = Field(
        default=0.05, ge=0, le=1, description="Least probability of a token, as a share of the likeliest."
    )
    deadline_seconds: SecondsOrZero = Field(
        default=0.0, description="When the merge goes on with what is there; 0 is 60 on a GPU and 120 on a CPU."
    )
    quorum: int = Field(default=2, ge=1, le=64, description='Drafts below which an answer says "1 of m".')
    stream: Literal["sentences", "tokens", "off"] = Field(
        default="sentences", description="How drafts are shown while the merge is pending."
    )
    flush_seconds: Seconds = Field(default=0.4, description="Longest time for which a piece of a draft is held back.")


class Merge(Section):
    """How drafts become one answer."""

    lead: int = Field(default=2, ge=1, le=64, description="Votes by which an answer must lead, in harmonic.")
    most: int = Field(default=5, ge=1, le=64, description="Most drafts, in harmonic.")
    full_lead: int = Field(default=3, ge=1, le=64, description="Votes by which an answer must lead, in harmonic-full.")
    full_most: int = Field(default=9, ge=1, le=64, description="Most drafts, in harmonic-full.")
    open: Literal["aggregate", "append"] = Field(
        default="aggregate",
        description="Open questions to harmonic-full: a model writes the merge, or the executive's draft stands.",
    )
    minority: Literal["append", "report", "off"] = Field(
        default="append", description="Points that few agents made: appended to the answer, only reported, or neither."
    )
    points: int = Field(default=5, ge=0, le=64, description="Most points appended.")
    judge: bool = Field(
        default=True,
        description="Whether a tie is settled by one yes or no on each tied answer, where the engine tells how likely "
        "its words are.",
    )
    outcomes: int = Field(
        default=20,
        ge=1,
        le=1_000_000,
        description="Outcomes posted of like votes, or of a model's drafts, before this box's own figures count.",
    )
    guard: bool = Field(default=False, description="Whether the first draft stands unless a rival leads by two votes.")


class Grid(Section):
    """Grid puzzles in a question."""

    seconds: SecondsOrZero = Field(default=2.0, description="Longest search for a program; 0 looks for none.")


class Limits(Section):
    """The most that a request may ask for itself."""

    most: int = Field(default=9, ge=1, le=64, description="Most drafts.")
    draft_tokens: int = Field(default=4_096, ge=1, le=1_048_576, description="Longest draft, in tokens.")
    deadline_seconds: Seconds = Field(default=600.0, description="Longest deadline.")


class Recall(Section):
    """What an agent is reminded of."""

    turns: int = Field(default=6, ge=0, le=1_000, description="Most turns of this session.")
    tokens: int = Field(default=512, ge=0, le=1_048_576, description="Most tokens of recalled text, for each agent.")
    memories: int = Field(default=4, ge=0, le=1_000, description="Most lasting memories (channel 2) that bear on it.")
    points: int = Field(default=4, ge=0, le=64, description="Most points that peers made earlier in the session.")
    briefing: bool = Field(
        default=True,
        description="Whether peers are told, as a suggestion, what went wrong before.",
    )
    keep: Literal["asked", "off"] = Field(
        default="asked",
        description="What is kept in lasting memory by itself: what a message asks to be remembered, or nothing.",
    )


class Gate(Section):
    """Which sentences of drafts all agents are told in the next turn."""

    budget: float = Field(
        default=0.25, ge=0, le=1, description="Share of sentences that is broadcast, the most salient; 0 is none."
    )


class Knowledge(Section):
    """What agents know for themselves: files named by `knowledge` in the crew file."""

    tokens: int = Field(default=512, ge=0, le=1_048_576, description="Most tokens of it in one agent's prompt.")
    chunks: int = Field(default=6, ge=1, le=1_000, description="Most passages in one agent's prompt.")
    file_bytes: int = Field(default=1_048_576, ge=1, le=1_073_741_824, description="Largest file, in bytes.")
    total_bytes: int = Field(
        default=8_388_608, ge=1, le=1_073_741_824, description="Most bytes in all files of one agent."
    )
    files: int = Field(default=256, ge=1, le=65_536, description="Most files of one agent.")


class Deep(Section):
    """The two waves of harmonic-deep."""

    facts: int = Field(default=12, ge=1, le=256, description="Most facts taken from one agent's list.")
    tokens: int = Field(default=400, ge=16, le=1_048_576, description="Most tokens of peers' facts in one prompt.")
    list_tokens: int = Field(default=256, ge=16, le=1_048_576, description="Longest list of facts, in tokens.")
    most: int = Field(
        default=9,
        ge=1,
        le=64,
        description="Drafts of a vote in harmonic-deep, all of which count; at most limits.most.",
    )


class Spine(Section):
    """The six-channel bus."""

    enabled: bool = Field(default=True, description="Whether queries recall from the spine and write to it.")
    url: SpineUrl = Field(
        default="embedded", description="The bus: our own store, your Redis or Valkey, or plain memory."
    )
    prefix: KeyPrefix = Field(
        default="", description="What every key begins with, so that two stacks can share one server."
    )
    session_days: int = Field(default=7, ge=1, le=3_650, description="Days after which an idle session is forgotten.")
    task_hours: int = Field(
        default=24, ge=1, le=87_600, description="Hours for which the signals of one query are kept."
    )
    max_sessions: int = Field(default=1_000, ge=1, le=1_000_000, description="Most sessions kept.")
    entries: int = Field(default=10_000, ge=16, le=10_000_000, description="Most entries in one stream.")


class Log(Section):
    """The daemon's own log."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe message written."
    )
    format: Literal["auto", "text", "json"] = Field(
        default="auto", description='Lines of text or of JSON; "auto" is text on a terminal.'
    )


class Config(Section):
    """Every setting, checked one by one and against each other."""

    version: FormatVersion = Field(default=FORMAT_VERSION, description="Version of this file's format.")
    server: Server = Server()
    queue: Queue = Queue()
    engine: Engine = Engine()
    crew: CrewSource = CrewSource()
    route: Route = Route()
    draft: Draft = Draft()
    merge: Merge = Merge()
    limits: Limits = Limits()
    recall: Recall = Recall()
    knowledge: Knowledge = Knowledge()
    deep: Deep = Deep()
    gate: Gate = Gate()
    grid: Grid = Grid()
    spine: Spine = Spine()
    log: Log = Log()

    @model_validator(mode="after")
    def _check_agreement(self) -> "Config":
        if conflicts := list(_disagreements(self)):
            raise Conflicts(conflicts)
        return self

    def value(self, path: KeyPath) -> Any:
        """The value at a path such as ``("server", "port")``."""
        section, key = path
        return getattr(getattr(self, str(section)), str(key))

    @classmethod
    def load(
        cls,
        path: Path | None = None,
        *,
        env: Mapping[str, str] = os.environ,
        flags: Mapping[str, object] | None = None,
    ) -> "Loaded":
        """Read the settings; *flags* are those of the command line by dotted key, None being "not given".

        Without *path* the user's own file is read, where there is one.

        Raises:
            ConfigError: every mistake found in any source, each on one line.
        """
        if path is None and config_file(env).exists():
            path = config_file(env)
        layers = [read_environment(cls, env), read_flags(cls, flags or {})]
        if path is not None:
            layers.insert(0, read_file(path))
        config = check(cls, layers)
        origins = {
            dotted(key): next((layer.origin(key) for layer in reversed(layers) if layer.has(key)), "default")
            for key, _ in keys_of(cls)
        }
        return Loaded(config, origins, path)


@dataclass(frozen=True)
class Loaded:
    """The settings, and where each came from by dotted key: "flag", "env", "FILE:LINE" or "default"."""

    config: Config
    origins: Mapping[str, str]
    path: Path | None = None

    def path_of(self, section: str, key: str) -> Path | None:
        """The path that a key holds, None where it is empty. In a file it is relative to that file's folder."""
        text = self.config.value((section, key))
        if not text:
            return None
        written_in_file = self.origins[f"{section}.{key}"] not in ("flag", "env", "default")
        folder = self.path.parent if self.path is not None and written_in_file else Path()
        return folder / Path(text).expanduser()


def example_toml() -> str:
    """The example file: every key at its default, below what it means and allows."""
    return example(Config)


# The first may not exceed the second.
BOUNDED: tuple[tuple[KeyPath, KeyPath], ...] = (
    (("merge", "lead"), ("merge", "most")),
    (("merge", "full_lead"), ("merge", "full_most")),
    (("merge", "most"), ("limits", "most")),
    (("merge", "full_most"), ("limits", "most")),
    (("draft", "max_tokens"), ("limits", "draft_tokens")),
    (("draft", "deadline_seconds"), ("limits", "deadline_seconds")),
)


def _disagreements(config: Config) -> Iterator[Conflict]:
    """Settings that are each allowed, but not together."""
    server, engine = config.server, config.engine
    if not server.auth and not is_loopback(server.host):
        yield (
            Side(("server", "auth"), f"is off while others can reach {server.host}", "true, or a loopback server.host"),
            Side(("server", "host"), "can be reached by others while server.auth is off", "a loopback address"),
        )
    if engine.name == "openai" and not engine.url:
        yield (Side(("engine", "name"), "needs an engine.url", '"auto" or "embedded", or an engine.url beside it'),)
    if engine.name == "embedded" and engine.url:
        yield (
            Side(("engine", "name"), "leaves engine.url without use", '"auto", "openai" or "ollama", or no engine.url'),
        )
    for low, high in BOUNDED:
        least, most = config.value(low), config.value(high)
        if least > most:
            yield (
                Side(low, f"exceeds {dotted(high)}", f"at most {most:g}"),
                Side(high, f"is below {dotted(low)}", f"at least {least:g}"),
            )
