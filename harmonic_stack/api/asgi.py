"""Small pieces of ASGI that the chat route and the app share."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from harmonic_stack.api.json_depth import MAX_DEPTH, too_deep
from harmonic_stack.config import Server
from harmonic_stack.errors import (
    BadRequest,
    PayloadTooLarge,
    RequestTimedOut,
    UnsupportedMediaType,
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


async def read_json_body(scope: Scope, receive: Receive, limits: Server) -> bytes:
    """The whole body of a JSON request.

    Raises:
        UnsupportedMediaType: it is not plain JSON (a web form could send it from any page), or compressed.
        PayloadTooLarge: it is longer than ``max_body_bytes``; nothing more is read.
        RequestTimedOut: it did not arrive within ``body_seconds``.
        ClientGone: the client left.
    """
    headers = dict(scope["headers"])
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != b"application/json":
        raise UnsupportedMediaType(kind.decode("latin-1"))
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise UnsupportedMediaType("content-encoding " + headers[b"content-encoding"].decode("latin-1"))
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > limits.max_body_bytes:
        raise PayloadTooLarge(int(length), limits.max_body_bytes)
    try:
        async with asyncio.timeout(limits.body_seconds):
            return await _read(receive, limits.max_body_bytes)
    except TimeoutError:
        raise RequestTimedOut(limits.body_seconds) from None


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise PayloadTooLarge(None, limit)
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def has_body(scope: Scope) -> bool:
    """Whether the request says that a body comes with it."""
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0") != b""


async def checked_body(scope: Scope, receive: Receive, limits: Server) -> Receive:
    """A *receive* that hands out the body again, once it is here whole and is JSON as the standard has it.

    Python's own reader would let NaN, lone surrogates and any depth in, to fail later in the middle of things.

    Raises:
        BadRequest: it is no JSON, or too deep.
        UnsupportedMediaType, PayloadTooLarge, RequestTimedOut, ClientGone: as ``read_json_body``.
    """
    body = await read_json_body(scope, receive, limits)
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"the body is no JSON: {error}") from None
    if too_deep(body):
        raise BadRequest(f"the body is nested more than {MAX_DEPTH} deep")
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


async def send_json(send: Send, status: int, content: Any, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    """One whole JSON response."""
    body = msgspec.json.encode(content)
    own = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": own + (headers or [])})
    await send({"type": "http.response.body", "body": body})
