"""Who may enter: host name, origin and key are checked here for every route, before anything is read."""

import re
from collections.abc import Iterable, MutableMapping
from functools import lru_cache
from typing import Any

from harmonic_stack.config import Server
from harmonic_stack.errors import Forbidden, HostNotAllowed, NotAuthorised, OriginNotAllowed
from harmonic_stack.host.keys import Keys, Scope

# A name or a bracketed address, and perhaps a port: anything else is no Host header of an honest client.
_AUTHORITY = r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?"
_HOST = re.compile(_AUTHORITY, re.IGNORECASE)
_ORIGIN = re.compile(rf"[a-z][a-z0-9+.-]*://{_AUTHORITY}", re.IGNORECASE)

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})

# What a route needs, by the start of its path; the longest match holds. None: open and free of content.
SCOPES: dict[str, Scope | None] = {
    "/": Scope.INFERENCE,
    "/health": None,
    "/ready": None,
    "/v1/": Scope.INFERENCE,
    "/openapi.json": Scope.INFERENCE,
    "/metrics": Scope.INFERENCE,
    "/admin/": Scope.ADMIN,
}


@lru_cache(maxsize=1024)
def scope_of_path(path: str) -> Scope | None:
    """The scope that a path needs."""
    return SCOPES[max((start for start in SCOPES if path.startswith(start)), key=len, default="/")]


class Door:
    """Lets a request in, or says why not."""

    def __init__(self, server: Server, keys: Keys) -> None:
        self._keys, self._auth = keys, server.auth
        self._hosts = LOOPBACK_NAMES | {server.host} | set(server.allowed_hosts)
        self._origins = set(server.allowed_origins)
        self._last_host: bytes | None = None  # the newest header that named one of ours

    def admit(self, scope: MutableMapping[str, Any]) -> str:
        """The id of the key that asks ("" where none is needed).

        Args:
            scope: the ASGI connection scope.

        Raises:
            HostNotAllowed: the Host header is no name of ours (DNS rebinding).
            OriginNotAllowed: a page of another origin asks.
            NotAuthorised, Forbidden: no key, a wrong one, or one that may not do this.
        """
        headers = dict(scope["headers"])
        self._check_host(headers.get(b"host", b""), scope)
        origin = headers.get(b"origin")
        if origin is not None:
            self._check_origin(origin.decode("latin-1"))
        needed = scope_of_path(scope["path"])
        if needed is None or not self._auth:
            return ""
        presented = _bearer(headers)
        if not presented:
            raise NotAuthorised("missing")
        key = self._keys.find(presented)
        if key is None:
            raise NotAuthorised("wrong")
        if not key.scope.allows(needed):
            raise Forbidden(needed.value)
        return key.id

    def page(self, scope: MutableMapping[str, Any]) -> str | None:
        """The origin of the page that asks, where ``server.allowed_origins`` names it and the Host is ours."""
        origin = header(scope["headers"], b"origin")
        if origin is None or origin not in self._origins:
            return None
        host = _name(_HOST, header(scope["headers"], b"host") or "")
        return origin if host in self._hosts or host == _address(scope) else None

    def _check_host(self, given: bytes, scope: MutableMapping[str, Any]) -> None:
        if given == self._last_host:
            return
        host = given.decode("latin-1")
        if (name := _name(_HOST, host)) in self._hosts:
            self._last_host = given  # nearly all clients name the box alike
        elif not name or name != _address(scope):
            # The bare address at which the connection came in needs no entry: a rebound *name* cannot be that.
            raise HostNotAllowed(host)

    def _check_origin(self, origin: str) -> None:
        if origin in self._origins:
            return
        if _name(_ORIGIN, origin) not in self._hosts:
            raise OriginNotAllowed(origin)


def _name(form: re.Pattern[str], text: str) -> str:
    """The host that *text* names in lower case, "" where it has not that form."""
    found = form.fullmatch(text)
    return (found[1] or found[2]).lower() if found else ""


def _address(scope: MutableMapping[str, Any]) -> str:
    """The address of ours that the connection came in at."""
    return str((scope.get("server") or ("",))[0]).lower()


def _bearer(headers: dict[bytes, bytes]) -> bytes:
    value = headers.get(b"authorization", b"")
    kind, _, token = value.partition(b" ")
    return token.strip() if kind.lower() == b"bearer" else headers.get(b"x-api-key", b"")


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """The first header of that (lower-case) name."""
    return next((value.decode("latin-1") for key, value in headers if key == name), None)
