"""Settings in words: a value as TOML writes it, what a key allows, the name that was probably meant."""

import json
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

MOST_SHOWN = 60


def toml_value(value: object) -> str:
    """*value* as TOML writes it on one line; a table only by its kind.

    >>> toml_value(("a", 1, True, 2.0))
    '["a", 1, true, 2.0]'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    return "a table" if isinstance(value, dict) else str(value)


def shown(value: object) -> str:
    """*value* as TOML writes it, cut after 60 characters."""
    text = toml_value(value)
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"


def allowed_by(info: FieldInfo) -> str:
    """What a key may be, in words: its own ``allowed`` if it has one, else its type and bounds.

    >>> from pydantic import Field
    >>> allowed_by(FieldInfo.from_annotated_attribute(int, Field(default=1, ge=1, le=9)))
    'a whole number from 1 to 9'
    """
    own = _extra(info).get("allowed")
    if isinstance(own, str):
        return own
    kind = info.annotation
    if get_origin(kind) is Literal:
        return ", ".join(toml_value(choice) for choice in get_args(kind))
    if kind is bool:
        return "true or false"
    if kind in (int, float):
        return f"a {'whole ' if kind is int else ''}number{_bounds(info)}"
    if get_origin(kind) is tuple:
        return "a list of texts"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return f"a table of {', '.join(kind.model_fields)}"
    return "text" if kind is str else "a table"


def _bounds(info: FieldInfo) -> str:
    low = high = ""
    for bound in info.metadata:
        if isinstance(bound, Ge):
            low = f"from {bound.ge:g}"
        elif isinstance(bound, Gt):
            low = f"above {bound.gt:g}"
        elif isinstance(bound, Le):
            high = _plain(bound.le)
        elif isinstance(bound, Lt):
            high = f"below {_plain(bound.lt)}"
    joint = " to " if low.startswith("from") else ", at most "
    if low and high:
        return f" {low}{joint}{high}"
    return f" {low}" if low else (f", at most {high}" if high else "")


def _plain(number: Any) -> str:
    return f"{number:g}" if isinstance(number, float) else str(number)


def is_secret(info: FieldInfo) -> bool:
    """True for a key whose value is kept out of messages, for a password may stand in it."""
    return _extra(info).get("secret") is True


def _extra(info: FieldInfo) -> dict[str, Any]:
    extra = info.json_schema_extra
    return extra if isinstance(extra, dict) else {}


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """The known name nearest to *name*, None where none is near; capitals do not count.

    >>> suggestion("Prot", ["host", "port"])
    'port'
    """
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else None
