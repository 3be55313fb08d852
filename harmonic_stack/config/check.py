"""What is wrong with settings: every mistake of every source at once, each with its place and what is allowed."""

from collections.abc import Sequence
from typing import Any, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from harmonic_stack.config.base import Conflict, Conflicts, Section, dotted, keys_of
from harmonic_stack.config.source import Layer
from harmonic_stack.config.toml_index import KeyPath
from harmonic_stack.config.words import allowed_by, is_secret, shown, suggestion
from harmonic_stack.errors import ConfigError, ConfigProblem

SectionT = TypeVar("SectionT", bound=Section)

# By pydantic's type of error. What is not here is told in pydantic's own words.
REASONS = {
    "bool_type": "must be true or false",
    "dict_type": "must be a table",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "greater_than": "is too small",
    "greater_than_equal": "is too small",
    "int_type": "must be a whole number",
    "less_than": "is too large",
    "less_than_equal": "is too large",
    "literal_error": "is none of the choices",
    "missing": "is missing",
    "model_type": "must be a table",
    "string_pattern_mismatch": "has the wrong form",
    "string_too_long": "is too long",
    "string_too_short": "is too short",
    "string_type": "must be text",
    "too_short": "is empty",
    "tuple_type": "must be a list",
}


def check(model: type[SectionT], layers: Sequence[Layer]) -> SectionT:
    """The model that *layers* describe together, a later one over an earlier.

    1. Each layer by itself, so that a mistake is seen even where another layer covers it.
    2. Only when all are clean: what they say together.

    Raises:
        ConfigError: everything that is wrong, layer by layer and line by line.
    """
    problems = [problem for layer in layers for problem in mistakes(model, layer)]
    if problems:
        raise ConfigError(problems)
    try:
        return model.model_validate(_merged(layers))
    except ValidationError as error:
        raise ConfigError([_blame(layers, c) for details in error.errors() for c in _conflicts(details)]) from error


def mistakes(model: type[Section], layer: Layer) -> list[ConfigProblem]:
    """What is wrong with one layer by itself, line by line."""
    problems = list(layer.problems)
    try:
        model.model_validate(layer.data)
    except ValidationError as error:
        problems += [_problem(model, layer, details) for details in error.errors() if not _conflicts(details)]
    return sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0))


def _problem(model: type[Section], layer: Layer, details: ErrorDetails) -> ConfigProblem:
    path: KeyPath = details["loc"]
    if details["type"] == "extra_forbidden":
        return _unknown_key(model, layer, path)
    info, _ = _find(model, path)
    assert info is not None, "the model itself is always a table"
    error = details.get("ctx", {}).get("error")
    reason = str(error) if isinstance(error, ValueError) else REASONS.get(details["type"], details["msg"])
    got = None if details["type"] == "missing" else "a hidden value" if is_secret(info) else shown(details["input"])
    return layer.problem(path, reason, got=got, allowed=allowed_by(info))


def _unknown_key(model: type[Section], layer: Layer, path: KeyPath) -> ConfigProblem:
    """The key of the same table that is spelt nearly so, else one of that very name in another table."""
    name, table = str(path[-1]), _find(model, path[:-1])[1]
    near = suggestion(name, table.model_fields)
    if near is None:
        near = next((dotted(key) for key, _ in keys_of(model) if key[-1] == name), None)
    return layer.problem(path, "unknown key", allowed=", ".join(table.model_fields), near=near)


def _find(model: type[Section], path: KeyPath) -> tuple[FieldInfo | None, Any]:
    """What is known of the key at *path*, and its type; of its list, where *path* is an element."""
    info: FieldInfo | None = None
    kind: Any = model
    for part in path:
        if isinstance(kind, type) and issubclass(kind, Section):
            info = kind.model_fields[str(part)]
            kind = info.annotation
        elif get_origin(kind) is dict:  # tables by name, as agents are
            kind = get_args(kind)[1]
    return info, kind


def _merged(layers: Sequence[Layer]) -> dict[str, Any]:
    """One dictionary of all clean layers: their sections are tables, their keys replace earlier ones."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.data.items():
            merged[name] = {**merged.get(name, {}), **value} if isinstance(value, dict) else value
    return merged


def _conflicts(details: ErrorDetails) -> tuple[Conflict, ...]:
    error = details.get("ctx", {}).get("error")
    return error.conflicts if isinstance(error, Conflicts) else ()


def _blame(layers: Sequence[Layer], conflict: Conflict) -> ConfigProblem:
    """The problem at the first side of *conflict* that any layer sets."""
    side, layer = next((side, layer) for side in conflict for layer in reversed(layers) if layer.has(side.path))
    value: Any = layer.data
    for part in side.path:
        value = value[part]
    return layer.problem(
        side.path, side.reason, got=None if isinstance(value, dict) else shown(value), allowed=side.allowed
    )
