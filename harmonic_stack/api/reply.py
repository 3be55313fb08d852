"""What every reply bears, whichever way it goes out: its id, and the form of an error."""

import re
import secrets
from typing import Any

from harmonic_stack.api.message_wire import error_object
from harmonic_stack.errors import MethodNotAllowed
from harmonic_stack.problems import error_body, retry_after

MESSAGES = "/v1/messages"  # errors of these paths have Anthropic's shape
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id(asked: str | None) -> str:
    """The id of a request: the one that its header ``x-request-id`` asks for, or a new one."""
    return asked if asked and _REQUEST_ID.fullmatch(asked) else f"req-{secrets.token_hex(8)}"


def id_headers(request: str, path: str) -> list[tuple[bytes, bytes]]:
    """The headers that tell a request's id; Anthropic's clients look for a second one."""
    value = request.encode()
    found = [(b"x-request-id", value)]
    return [*found, (b"request-id", value)] if path.startswith(MESSAGES) else found


def problem_content(error: BaseException, path: str) -> dict[str, Any]:
    """An error in OpenAI's shape; in Anthropic's on its routes."""
    return error_object(error) if path.startswith(MESSAGES) else error_body(error)


def problem_headers(error: BaseException) -> list[tuple[bytes, bytes]]:
    """What an error says in headers: when to try again, and which methods there are."""
    after = retry_after(error)
    found = [(b"retry-after", str(after).encode())] if after is not None else []
    if isinstance(error, MethodNotAllowed):
        found.append((b"allow", ", ".join(error.allowed).encode()))
    return found
