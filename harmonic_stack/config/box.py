"""The settings of the box: its server, its queue, its engine, its bus and its log."""

from typing import Literal

from pydantic import Field

from harmonic_stack.config.base import Section
from harmonic_stack.config.forms import (
    CollectorUrl,
    EncoderEngine,
    EngineUrl,
    KeyPrefix,
    Names,
    Origins,
    Seconds,
    SecondsOrZero,
    SpineUrl,
    VariableName,
)


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
    write_seconds: Seconds = Field(
        default=30.0, description="How long a client may leave unread what was sent, before it is cut off."
    )
    max_connections: int = Field(
        default=1_024, ge=1, le=65_535, description="Most connections at a time; beyond it, the longest idle one ends."
    )
    max_in_flight: int = Field(
        default=64, ge=1, le=65_535, description="Most requests of one key at once; beyond it, 429."
    )
    drain_seconds: SecondsOrZero = Field(default=30.0, description="How long a stop waits for requests under way.")
    lame_duck_seconds: SecondsOrZero = Field(
        default=0.0,
        description="How long a stop goes on to answer /ready with 503 at least, also where nothing is under way: "
        "for a proxy to see it before the port is closed.",
    )
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
        description="Sequences that the engine decodes at a time; 0: as planned here; at a URL as it tells, else 4.",
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


class Encoder(Section):
    """The embedding model that texts are compared by; unset, the best encoder installed here."""

    engine: EncoderEngine = Field(
        default="",
        description="What serves it: an Ollama of this box, or an Ollama or OpenAI-compatible engine by URL.",
    )
    model: str = Field(default="", description="Its name there.")
    api_key_env: VariableName = Field(
        default="", description="Name of the environment variable that holds that engine's key; never the key itself."
    )
    seconds: Seconds = Field(
        default=10.0, description="How long one call may take; then the installed encoder takes over."
    )
    retry_seconds: Seconds = Field(default=30.0, description="After how long an encoder that failed is tried again.")


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
    max_bytes: int = Field(
        default=0,
        ge=0,
        le=2**50,
        description="Most memory for it, in bytes; 0: 3/4 of the store's limit, else 384 MiB, in-process 64 MiB.",
    )


class Log(Section):
    """The daemon's own log."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe message written."
    )
    format: Literal["auto", "text", "json"] = Field(
        default="auto", description='Lines of text or of JSON; "auto" is text on a terminal.'
    )


class Telemetry(Section):
    """Traces for a collector; they hold names and figures alone (docs/tracing.md)."""

    otlp: CollectorUrl = Field(
        default="",
        description="Base URL of a collector that takes OTLP over HTTP; empty: no traces. Needs the extra otel.",
    )
    queue: int = Field(
        default=2_048, ge=64, le=65_536, description="Most spans that wait for the collector; beyond it, new ones drop."
    )
    seconds: Seconds = Field(default=5.0, description="How long spans are gathered before they are sent.")
