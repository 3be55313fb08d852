"""Clients of HTTP/1.0, such as `curl -0` and `ab`: they know no chunks, no interim answers and no kept connections."""

import asyncio
import json
from typing import Any

import pytest

from tests.abuse.box import Box
from tests.fake_engine import Act
from tests.stack import asking

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAST = "harmonic-fast"
MANY = 2_000


def play(body: dict[str, Any]) -> Act:
    """A few words, or 4 MB of them."""
    return Act(" ".join(["w" * 2_000] * MANY)) if body["messages"][-1]["content"] == "much" else Act()


PLAY = play


def old(request: bytes, *more: bytes) -> bytes:
    """A request as a client of HTTP/1.0 sends it, with further header lines."""
    first, _, rest = request.partition(b" HTTP/1.1\r\n")
    return first + b" HTTP/1.0\r\n" + b"".join(line + b"\r\n" for line in more) + rest


async def all_of(box: Box, request: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """All that comes until the connection ends: the status line, the headers, and everything behind them."""
    reader, writer = await box.open()
    sending = asyncio.create_task(_write(writer, request))
    try:
        async with asyncio.timeout(20):
            came = await reader.read()
            await sending
    finally:
        sending.cancel()
        writer.transport.abort()
    head, _, body = came.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    return status, {name: value for name, _, value in (line.partition(b": ") for line in lines)}, body


async def _write(writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(request)
    await writer.drain()


def streamed(box: Box, wish: str = "hi") -> bytes:
    """A request for a stream."""
    return box.post({**asking(wish, FAST), "stream": True})


@pytest.mark.parametrize("more", [(), (b"Connection: keep-alive",)], ids=["plain", "asks to keep the connection"])
async def test_a_stream_comes_without_chunks_and_ends_with_its_connection(box: Box, more: tuple[bytes, ...]) -> None:
    status, headers, body = await all_of(box, old(streamed(box), *more))
    assert status.endswith(b" 200 OK")
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert headers[b"connection"] == b"close"
    assert headers.keys() & {b"transfer-encoding", b"content-length"} == set()
    lines = [line for line in body.split(b"\n") if line and not line.startswith(b":")]
    assert [line for line in lines if not line.startswith(b"data: ")] == []  # the size of a chunk would be such a line
    text = "".join(
        choice["delta"].get("content") or "" for line in lines[:-1] for choice in json.loads(line[6:])["choices"]
    )
    assert (text, lines[-1]) == (Act().text, b"data: [DONE]")


async def test_a_long_stream_comes_whole(box: Box) -> None:
    _, headers, body = await all_of(box, old(streamed(box, "much")))
    assert b"transfer-encoding" not in headers
    assert body.count(b"w" * 2_000) == MANY
    assert body.endswith(b"data: [DONE]\n\n")


async def test_a_whole_answer_has_its_length_and_ends_the_connection_too(box: Box) -> None:
    _, headers, body = await all_of(box, old(box.post(asking("hi", FAST)), b"Connection: keep-alive"))
    assert headers[b"connection"] == b"close"
    assert int(headers[b"content-length"]) == len(body)
    assert json.loads(body)["choices"][0]["message"]["content"] == Act().text


async def test_what_is_sent_behind_a_request_is_not_answered(box: Box) -> None:
    first, second = old(box.head("/health", "GET") + b"\r\n"), old(box.head("/v1/models", "GET") + b"\r\n")
    _, headers, body = await all_of(box, first + second)
    assert int(headers[b"content-length"]) == len(body)


async def test_a_head_has_no_body(box: Box) -> None:
    for path in ("/health", "/v1/models", "/metrics"):
        status, headers, body = await all_of(box, old(box.head(path, "HEAD") + b"\r\n"))
        assert (status.split(b" ")[1], headers[b"connection"], body) == (b"200", b"close", b"")


@pytest.mark.parametrize("wrong", ["no key", "no route", "no method", "no model", "no JSON", "chunks", "no parser's"])
async def test_a_refusal_has_its_form_and_its_length(box: Box, wrong: str) -> None:
    good = streamed(box)
    request, wanted = {
        "no key": (good.replace(box.key.encode(), b"x" * len(box.key)), b"401"),
        "no route": (box.head("/v1/nothing", "GET") + b"\r\n", b"404"),
        "no method": (box.head("/v1/chat/completions", "GET") + b"\r\n", b"405"),
        "no model": (box.post({**asking("hi", "nobody"), "stream": True}), b"404"),
        "no JSON": (box.post(b"{"), b"400"),
        "chunks": (box.head("/v1/chat/completions", "POST", b"Transfer-Encoding: chunked") + b"\r\n0\r\n\r\n", b"400"),
        "no parser's": (box.head("/health", "GET", b"nonsense") + b"\r\n", b"400"),
    }[wrong]
    status, headers, body = await all_of(box, old(request))
    assert status.split(b" ")[1] == wanted
    assert headers[b"connection"] == b"close"
    assert b"transfer-encoding" not in headers
    assert int(headers[b"content-length"]) == len(body)
    assert json.loads(body)["error"]["code"]


async def test_a_body_that_is_too_long_is_refused_and_the_refusal_arrives(box: Box) -> None:
    status, _, body = await all_of(box, old(box.post(asking("x" * 8_000_000, FAST))))
    assert status.split(b" ")[1] == b"413"
    assert json.loads(body)["error"]["code"] == "request_too_large"


async def test_no_interim_answer_is_sent(box: Box) -> None:
    status, _, _ = await all_of(box, old(streamed(box), b"Expect: 100-continue"))
    assert status.endswith(b" 200 OK")
