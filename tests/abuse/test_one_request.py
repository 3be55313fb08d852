"""Bytes that two readers could take for more or fewer requests than one: what was asked is answered once, or refused.

Each case is read to the end of its connection, so that an answer too many would be seen.
"""

import asyncio
import json
import re
from contextlib import suppress

import pytest

from tests.abuse.box import Box, read_reply
from tests.stack import asking

pytestmark = pytest.mark.asyncio(loop_scope="module")

MORE: dict[str, object] = {"server.idle_seconds": 1.0}
GOOD = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
NEXT = GOOD + b"\r\n"
ASKED = json.dumps(asking("hi", "harmonic-fast")).encode()
SIZE = b"%x" % len(ASKED)


async def answers(box: Box, data: bytes) -> list[int]:
    """The statuses of all that is answered until the connection ends."""
    reader, writer = await box.open()
    writer.write(data)
    came = b""
    async with asyncio.timeout(15):
        with suppress(ConnectionError):
            while more := await reader.read(65_536):
                came += more
    writer.transport.abort()
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) [A-Z]", came)]


async def all_answers(box: Box, cases: dict[str, tuple[bytes, list[int]]]) -> dict[str, list[int]]:
    """What every case is answered."""
    found = await asyncio.gather(*(answers(box, data) for data, _ in cases.values()))
    return dict(zip(cases, found, strict=True))


def wanted(cases: dict[str, tuple[bytes, list[int]]]) -> dict[str, list[int]]:
    """What every case has to be answered."""
    return {name: statuses for name, (_, statuses) in cases.items()}


async def test_a_body_ends_where_one_reader_alone_would_end_it(box: Box) -> None:
    def chunks(body: bytes, coding: bytes = b"chunked") -> bytes:
        return box.head("/v1/chat/completions", "POST", b"Transfer-Encoding: " + coding) + b"\r\n" + body

    def length(said: bytes, name: bytes = b"Content-Length: ") -> bytes:
        return box.head("/v1/chat/completions", "POST", name + said) + b"\r\n" + ASKED

    whole, end = SIZE + b"\r\n" + ASKED + b"\r\n", b"0\r\n\r\n"
    cases: dict[str, tuple[bytes, list[int]]] = {
        "chunks": (chunks(whole + end), [200]),
        "the coding in capitals": (chunks(whole + end, b"CHUNKED"), [200]),
        "chunked, chunked": (chunks(whole + end, b"chunked, chunked"), [400]),
        "a comma behind the coding": (chunks(whole + end, b"chunked,"), [400]),
        "the coding in quotes": (chunks(whole + end, b'"chunked"'), [400]),
        "the coding with a parameter": (chunks(whole + end, b"chunked;q=1"), [400]),
        "no coding": (chunks(whole + end, b""), [400]),
        "an extension": (chunks(SIZE + b";a=b\r\n" + ASKED + b"\r\n" + end), [200]),
        "an extension that a line ends": (chunks(SIZE + b';a="\r\n' + ASKED + b"\r\n" + end), [400]),
        "an extension and a bare line feed": (chunks(SIZE + b";a\n" + ASKED + b"\r\n" + end), [400]),
        "a size and a bare line feed": (chunks(SIZE + b"\n" + ASKED + b"\r\n" + end), [400]),
        "a size and spaces": (chunks(SIZE + b"  \r\n" + ASKED + b"\r\n" + end), [400]),
        "a size with 0x": (chunks(b"0x" + whole + end), [400]),
        "a size with a sign": (chunks(b"+" + whole + end), [400]),
        "a size with an underscore": (chunks(b"1_0\r\n" + ASKED[:16] + b"\r\n" + end), [400]),
        "a size after many zeros": (chunks(b"0" * 30 + whole + end), [200]),
        "a chunk that goes on": (chunks(SIZE + b"\r\n" + ASKED + b"XX" + end), [400]),
        "an end of bare line feeds": (chunks(whole + b"0\n\n" + NEXT), [400]),
        "a request within a chunk": (chunks(b"%x\r\n" % len(NEXT) + NEXT + b"\r\n" + end), [400]),
        "a length among the trailers": (chunks(whole + b"0\r\nContent-Length: 5\r\n\r\n" + NEXT), [400]),
        "a coding among the trailers": (chunks(whole + b"0\r\nTransfer-Encoding: chunked\r\n\r\n" + NEXT), [400]),
        "a key among the trailers": (
            chunks(whole + b"0\r\nAuthorization: Bearer x\r\n\r\n").replace(box.auth, b""),
            [401],
        ),
        "ten thousand trailers": (chunks(whole + b"0\r\n" + b"a: b\r\n" * 10_000 + b"\r\n"), [200]),
        "a length within spaces": (length(b" %d  " % len(ASKED)), [200]),
        "a length after zeros": (length(b"0000%d" % len(ASKED)), [200]),
        "a length with a space in it": (length(b"1 0"), [400]),
        "a length that is a fraction": (length(b"%d.0" % len(ASKED)), [400]),
        "a length in other digits": (length("\u0665".encode()), [400]),
        "a length beyond 63 bits": (length(b"9223372036854775808"), [413]),
        "a space before the length's colon": (length(b"%d" % len(ASKED), b"Content-Length : "), [400]),
        "a coding's name with an underscore": (
            length(b"%d\r\nTransfer_Encoding: chunked" % len(ASKED)),
            [200],
        ),
        "a shorter length, then a request": (length(b"2").removesuffix(ASKED) + b"{}" + NEXT, [400, 200]),
        "a body that a GET has": (box.head("/v1/models", "GET", b"Content-Length: 5") + b"\r\nhello" + NEXT, [200] * 2),
    }
    assert await all_answers(box, cases) == wanted(cases)


async def test_a_first_line_is_read_in_one_way(box: Box) -> None:
    rest = b"\r\nHost: localhost\r\n\r\n"
    cases: dict[str, tuple[bytes, list[int]]] = {
        "tabs": (b"GET\t/health\tHTTP/1.1" + rest, [400]),
        "a vertical tab": (b"GET /health\x0bHTTP/1.1" + rest, [400]),
        "a space first": (b" GET /health HTTP/1.1" + rest, [400]),
        "a space last": (b"GET /health HTTP/1.1 " + rest, [400]),
        "HTTP/1.10": (b"GET /health HTTP/1.10" + rest, [400]),
        "HTTP/01.1": (b"GET /health HTTP/01.1" + rest, [400]),
        "http/1.1": (b"GET /health http/1.1" + rest, [400]),
        "ICE": (b"SOURCE /health ICE/1.0" + rest, [405]),
        "RTSP": (b"DESCRIBE /health RTSP/1.0" + rest, [405]),
        "PURGE": (b"PURGE /health HTTP/1.1" + rest, [405]),
        "a NUL in the path": (b"GET /hea\0lth HTTP/1.1" + rest, [400]),
        "a NUL in a name": (GOOD + b"X\0Y: a\r\n\r\n", [400]),
        "a DEL in a value": (GOOD + b"X: a\x7fb\r\n\r\n", [400]),
        "UTF-8 in a value": (GOOD + "X: 日本\r\n\r\n".encode(), [200]),
        "another target in headers": (GOOD + b"X-Original-URL: /admin/status\r\nX-Rewrite-URL: /a\r\n\r\n", [200]),
        "another client in headers": (
            b"GET /admin/status HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n",
            [401],
        ),
        "headers that are to be forgotten": (GOOD + b"Connection: Host, Authorization\r\n\r\n", [200]),
        "two thousand ranges": (box.head("/openapi.json", "GET", b"Range: bytes=" + b"0-," * 1_300) + b"\r\n", [200]),
    }
    assert await all_answers(box, cases) == wanted(cases)


async def test_what_follows_a_request_is_the_next_one_or_nothing(box: Box) -> None:
    post = box.post(ASKED)
    cases: dict[str, tuple[bytes, list[int]]] = {
        "eight more": (NEXT * 9, [200] * 9),
        "a hundred": (NEXT * 100, []),
        "a hundred that cost something": (post * 100, []),
        "garbage": (NEXT + b"garbage\r\n\r\n", []),
        "one after a close": (GOOD + b"Connection: close\r\n\r\n" + NEXT, [200]),
        "one after a close among others": (GOOD + b"Connection: keep-alive, close\r\n\r\n" + NEXT, [200]),
        "one after HEAD": (b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT, [200, 200]),
        "one after HEAD of nothing": (b"HEAD /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT, [401, 200]),
        "one after HEAD of what is posted": (box.head("/v1/chat/completions", "HEAD") + b"\r\n" + NEXT, [405, 200]),
        "one after CONNECT": (b"CONNECT /health HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT, [405]),
        "an expected go-ahead": (box.post(ASKED, "/v1/chat/completions", b"Expect: 100-continue"), [100, 200]),
        "another expectation": (box.post(ASKED, "/v1/chat/completions", b"Expect: 200-ok"), [200]),
        "a go-ahead for nothing": (GOOD + b"Expect: 100-continue\r\n\r\n" + NEXT, [200, 200]),
        "a go-ahead for too much": (
            box.head("/v1/chat/completions", "POST", b"Content-Length: 99999999", b"Expect: 100-continue") + b"\r\n",
            [413],
        ),
    }
    assert await all_answers(box, cases) == wanted(cases)


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"TLS/1.3"])
async def test_an_offer_of_another_protocol_costs_a_request_nothing(box: Box, protocol: bytes) -> None:
    offer = (b"Connection: Upgrade, HTTP2-Settings", b"HTTP2-Settings: AAMAAABk", b"Upgrade: " + protocol)
    post = box.post(ASKED, "/v1/chat/completions", *offer)
    chunks = box.head("/v1/chat/completions", "POST", *offer, b"Transfer-Encoding: chunked")
    last = b"Connection: close, Upgrade\r\nUpgrade: " + protocol + b"\r\n\r\n"
    cases: dict[str, tuple[bytes, list[int]]] = {
        "a body": (post, [200]),
        "a body in chunks": (chunks + b"\r\n" + SIZE + b"\r\n" + ASKED + b"\r\n0\r\n\r\n" + NEXT, [200, 200]),
        "a next request": (post + NEXT, [200, 200]),
        "an offer again": (post * 3, [200] * 3),
        "offers without end": (post * 300, []),
        "a close": (GOOD + last + NEXT, [200]),
        "two lengths": (box.post(ASKED, "/v1/chat/completions", *offer, b"Content-Length: 5"), [400]),
    }
    assert await all_answers(box, cases) == wanted(cases)


async def test_a_request_with_an_offer_may_come_in_pieces(box: Box) -> None:
    request = box.post(ASKED, "/v1/chat/completions", b"Connection: Upgrade", b"Upgrade: h2c")
    for size in (1, 7, 200):
        pieces = [request[start : start + size] for start in range(0, len(request), size)]
        reply = await box.send(*pieces)
        assert reply.status == 200, size


async def test_a_connection_whose_request_was_refused_early_is_not_kept_for_ever(box: Box) -> None:
    reader, writer = await box.open()
    writer.write(box.head("/v1/nothing", "POST", b"Content-Length: 10") + b"\r\n")
    assert (await read_reply(reader)).status == 404
    writer.write(b"x" * 10)
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()
