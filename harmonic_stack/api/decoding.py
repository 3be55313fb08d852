"""JSON bodies into checked structs; a mistake is named with its field, an unknown field is logged once and ignored."""

import logging
import re
from collections.abc import Collection
from typing import TypeVar

import msgspec

from harmonic_stack.api.json_depth import MAX_DEPTH, too_deep
from harmonic_stack.errors import BadRequest, one_line, shortened

log = logging.getLogger(__name__)
Body = TypeVar("Body")

MAX_LOGGED = 200  # names of unknown fields: a caller who makes up ever new ones must not fill the log
_logged: set[str] = set()
_names = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def decode(decoder: "msgspec.json.Decoder[Body]", body: bytes, *, ignored: Collection[str] = ()) -> Body:
    """Read a body; *ignored* are fields of no effect that nobody needs to be told of.

    Raises:
        BadRequest: it is no JSON, is nested too deep, or a field is not what it must be.
    """
    try:
        asked = decoder.decode(body)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise BadRequest(message, path.rstrip("`").lstrip(".") or _missing(message)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"the body is no JSON: {error}") from None
    if too_deep(body):
        raise BadRequest(f"the body is nested more than {MAX_DEPTH} deep")
    _log_unknown(body, {*asked.__struct_fields__, *ignored})  # type: ignore[attr-defined]  # bodies are structs
    return asked


def _missing(message: str) -> str | None:
    found = re.search(r"required field `(\w+)`", message)
    return found[1] if found else None


def _log_unknown(body: bytes, known: Collection[str]) -> None:
    for name in _names(body).keys() - known - _logged:
        if len(_logged) < MAX_LOGGED:
            _logged.add(name)
            log.info("a field that nobody reads was sent", extra={"field": one_line(shortened(name, 40))})
