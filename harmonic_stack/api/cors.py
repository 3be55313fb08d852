"""What a browser is told about the pages that ``server.allowed_origins`` names, and no other; never a wildcard."""

import re
from collections.abc import MutableMapping
from typing import Any

from harmonic_stack.api.door import header

Headers = list[tuple[bytes, bytes]]

SECONDS = b"600"  # for which a browser need not ask again
# What a script may read beside the body.
EXPOSED = b"x-request-id, request-id, retry-after, x-queue-position, idempotent-replayed, openai-processing-ms"
_METHODS = b"GET, HEAD, POST, PATCH, DELETE"
_NAMES = re.compile(r"[A-Za-z0-9-]{1,64}(?: ?, ?[A-Za-z0-9-]{1,64}){0,63}")


def is_preflight(scope: MutableMapping[str, Any]) -> bool:
    """True of a browser's own question whether a page may ask; it bears no key."""
    return scope["method"] == "OPTIONS" and header(scope["headers"], b"access-control-request-method") is not None


def answer_headers(page: str | None) -> Headers:
    """The headers of every answer to a page of the origin *page*; none where it is None."""
    if page is None:
        return []
    return [
        (b"access-control-allow-origin", page.encode()),
        (b"access-control-expose-headers", EXPOSED),
        (b"vary", b"origin"),
    ]


def preflight_headers(scope: MutableMapping[str, Any]) -> Headers:
    """What a page may send: every method that there is here, and the headers that it asks for.

    Cookies are not among what we read, so credentials are not allowed; the key is a header of the page's own.
    """
    wanted = header(scope["headers"], b"access-control-request-headers") or ""
    names = [(b"access-control-allow-headers", wanted.encode())] if _NAMES.fullmatch(wanted) else []
    return [(b"access-control-allow-methods", _METHODS), (b"access-control-max-age", SECONDS), *names]
