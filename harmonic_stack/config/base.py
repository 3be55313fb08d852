"""What a table of settings is, and the names of its keys."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from harmonic_stack.config.toml_index import KeyPath
from harmonic_stack.config.words import shown

ENV_PREFIX = "HARMONIC_"


class Section(BaseModel):
    """A table of settings: every key is known and none changes after the start."""

    # strict: a port in quotes is a mistake in the file, not a number.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Side:
    """One of several values that do not go together: what is wrong with it as long as the others stay."""

    path: KeyPath
    reason: str
    allowed: str


Conflict = tuple[Side, ...]  # the first side that somebody set is to blame: defaults go together


class Conflicts(ValueError):
    """Raised by a model's own check, with everything in it that does not go together."""

    def __init__(self, conflicts: Sequence[Conflict]) -> None:
        first = [sides[0] for sides in conflicts]
        super().__init__("; ".join(f"{dotted(s.path)} {s.reason} (allowed {s.allowed})" for s in first))
        self.conflicts = tuple(conflicts)


def keys_of(model: type[Section]) -> Iterator[tuple[KeyPath, FieldInfo]]:
    """Every key of every section of *model*, in order: its path and what pydantic knows of it."""
    for section, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            for key, found in info.annotation.model_fields.items():
                yield (section, key), found


def variable(path: KeyPath) -> str:
    """The environment variable of a key.

    >>> variable(("server", "port"))
    'HARMONIC_SERVER__PORT'
    """
    return ENV_PREFIX + "__".join(str(part).upper() for part in path)


def dotted(path: KeyPath) -> str:
    """A path as TOML writes it, the number of an array's element in brackets.

    >>> dotted(("agents", "my coder", "keywords", 2))
    'agents."my coder".keywords[2]'
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else shown(part))
    return text
