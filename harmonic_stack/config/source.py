"""Where settings come from: a TOML file, the environment, the command line.

Each source becomes a ``Layer``: its values in the shape of the model, and where each of its keys is written. Nothing
here knows a single key: the crew file is read with the same functions.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_origin

from pydantic.fields import FieldInfo

from harmonic_stack.config.base import ENV_PREFIX, Section, dotted, keys_of, variable
from harmonic_stack.config.toml_index import KeyPath, Place, index_toml
from harmonic_stack.config.words import suggestion
from harmonic_stack.errors import ConfigError, ConfigProblem

ENVIRONMENT = "environment"
COMMAND_LINE = "command line"


@dataclass(frozen=True)
class Layer:
    """One source of settings.

    ``labels`` are the names under which its keys were given, where that is not their dotted path; ``problems`` is what
    was wrong with names that belong to no key.
    """

    where: str
    data: dict[str, Any]
    places: Mapping[KeyPath, Place] = field(default_factory=dict)
    labels: Mapping[KeyPath, str] = field(default_factory=dict)
    problems: tuple[ConfigProblem, ...] = ()

    def origin(self, path: KeyPath) -> str:
        """Where the value at *path* comes from: "flag", "env" or "file:line"."""
        if self.where == COMMAND_LINE:
            return "flag"
        if self.where == ENVIRONMENT:
            return "env"
        return f"{self.where}:{self.places[path].line}"

    def has(self, path: KeyPath) -> bool:
        """True where this source sets the key at *path*."""
        found: Any = self.data
        for part in path:
            if not isinstance(found, dict) or part not in found:
                return False
            found = found[part]
        return True

    def problem(
        self, path: KeyPath, reason: str, *, got: str | None = None, allowed: str | None = None, near: str | None = None
    ) -> ConfigProblem:
        """A problem with the key at *path*, placed there or, if it is not written, at the nearest table around it."""
        prefixes = [path[:n] for n in range(len(path), 0, -1)]
        key = next((self.labels[p] for p in prefixes if p in self.labels), dotted(path))
        line, column = next((self.places[p] for p in prefixes if p in self.places), (None, None))
        return ConfigProblem(self.where, key, reason, got, allowed, near, line, column)


def read_file(path: Path) -> Layer:
    """The settings in a TOML file.

    Raises:
        ConfigError: it cannot be read, is not UTF-8 or not TOML; with line and column where there are any.
    """
    where = str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError([ConfigProblem(where, "", f"cannot be read: {error.strerror}")]) from error
    try:
        # utf-8-sig: some editors begin a file with a byte order mark, which TOML 1.0 does not know.
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig", "replace")
        raise ConfigError([_at(where, _end_of(before), "is not UTF-8 text")]) from error
    try:
        return Layer(where, _frozen(tomllib.loads(text)), index_toml(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_syntax_problem(where, text, str(error))]) from error
    except RecursionError as error:
        raise ConfigError([ConfigProblem(where, "", "is nested too deeply")]) from error


def _syntax_problem(where: str, text: str, message: str) -> ConfigProblem:
    # Before Python 3.14 tomllib tells the place nowhere but at the end of its message.
    tail = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    if tail is None:
        return ConfigProblem(where, "", f"is not TOML: {message}")
    place = Place(int(tail[1]), int(tail[2])) if tail[1] else _end_of(text)
    return _at(where, place, f"is not TOML: {message[: tail.start()]}")


def _end_of(text: str) -> Place:
    return Place(text.count("\n") + 1, len(text) - text.rfind("\n"))


def _at(where: str, place: Place, reason: str) -> ConfigProblem:
    return ConfigProblem(where, "", reason, line=place.line, column=place.column)


def _frozen(value: Any) -> Any:
    """*value* with tuples for lists, as the frozen models have them."""
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    return value


def read_environment(model: type[Section], env: Mapping[str, str]) -> Layer:
    """The settings in ``HARMONIC_SECTION__KEY`` variables, and a problem for each that is misspelt.

    A variable is meant for us where its name starts with ``HARMONIC_`` and after that holds two underscores in a row,
    or goes on with a section's name, alone or before an underscore. All others are left alone: HARMONIC_REQUIRE_ALL is
    no setting.
    """
    known = {variable(path): (path, info) for path, info in keys_of(model)}
    sections = {str(path[0]).upper() for path, _ in known.values()}
    data: dict[str, Any] = {}
    labels: dict[KeyPath, str] = {}
    problems = []
    for name in sorted(env):
        if name in known:
            path, info = known[name]
            data.setdefault(str(path[0]), {})[path[1]] = _from_text(info, env[name])
            labels[path] = name
        elif _is_meant(name, sections):
            near = suggestion(name, known)
            problems.append(ConfigProblem(ENVIRONMENT, name, "unknown setting", suggestion=near))
    return Layer(ENVIRONMENT, data, labels=labels, problems=tuple(problems))


def _is_meant(name: str, sections: set[str]) -> bool:
    rest = name.removeprefix(ENV_PREFIX)
    if rest == name:
        return False
    return "__" in rest or any(rest == section or rest.startswith(f"{section}_") for section in sections)


def _from_text(info: FieldInfo, text: str) -> object:
    """What *text* means for this key: itself, a list between commas, or a TOML value.

    Text that is no such value is returned as it is; the check then says what the key allows.
    """
    if get_origin(info.annotation) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if info.annotation not in (int, float, bool):
        return text
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if len(parsed) == 1 else text


def read_flags(model: type[Section], flags: Mapping[str, object]) -> Layer:
    """The settings of the command line, by dotted key; None is "not given"."""
    known = {dotted(path): path for path, _ in keys_of(model)}
    data: dict[str, Any] = {}
    problems = []
    for name, value in flags.items():
        if name not in known:
            near = suggestion(name, known)
            problems.append(ConfigProblem(COMMAND_LINE, name, "unknown setting", suggestion=near))
        elif value is not None:
            section, key = known[name]
            data.setdefault(str(section), {})[key] = _frozen(value)
    return Layer(COMMAND_LINE, data, problems=tuple(problems))
