"""Every setting of the daemon: one frozen model that knows each key, its default, its bounds and its meaning.

Precedence: command line > environment (``HARMONIC_SECTION__KEY``) > file > default. How values are read and mistakes
are told: ``source.py`` and ``check.py``.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from harmonic_stack.config.base import Conflict, Conflicts, Section, Side, dotted, keys_of
from harmonic_stack.config.box import Encoder, Engine, Log, Queue, Server, Spine, Telemetry
from harmonic_stack.config.check import check
from harmonic_stack.config.forms import (
    FORMAT_VERSION,
    FormatVersion,
    is_loopback,
)
from harmonic_stack.config.source import read_environment, read_file, read_flags
from harmonic_stack.config.text import example
from harmonic_stack.config.thinking import (
    CrewSource,
    Deep,
    Draft,
    Gate,
    Grid,
    Knowledge,
    Limits,
    Merge,
    Recall,
    Route,
)
from harmonic_stack.config.toml_index import KeyPath
from harmonic_stack.host.paths import config_file


class Config(Section):
    """Every setting, checked one by one and against each other."""

    version: FormatVersion = Field(default=FORMAT_VERSION, description="Version of this file's format.")
    server: Server = Server()
    queue: Queue = Queue()
    engine: Engine = Engine()
    encoder: Encoder = Encoder()
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
    telemetry: Telemetry = Telemetry()

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
    (("server", "lame_duck_seconds"), ("server", "drain_seconds")),
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
    encoder = config.encoder
    if encoder.engine and not encoder.model:
        yield (Side(("encoder", "engine"), "needs an encoder.model", 'an encoder.model beside it, or ""'),)
    if encoder.model and not encoder.engine:
        yield (Side(("encoder", "model"), "needs an encoder.engine", 'an encoder.engine beside it, or ""'),)
    for low, high in BOUNDED:
        least, most = config.value(low), config.value(high)
        if least > most:
            yield (
                Side(low, f"exceeds {dotted(high)}", f"at most {most:g}"),
                Side(high, f"is below {dotted(low)}", f"at least {least:g}"),
            )
