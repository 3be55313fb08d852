"""Request heads that no honest client sends: smuggling, floods, strange paths, hosts, origins, keys and methods."""

import asyncio
import json
import re
from contextlib import suppress

import pytest

from tests.abuse.box import Box, Reply, read_reply
from tests.stack import asking

pytestmark = pytest.mark.asyncio(loop_scope="module")

GOOD = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
TWO = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"

# name: the bytes, and the statuses that they may get; 0 is a connection that just ends.
HEADS: dict[str, tuple[bytes, set[int]]] = {
    "a good one": (GOOD + b"\r\n", {200}),
    "length and chunks": (
        b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\n" + TWO,
        {400},
    ),
    "chunks and length": (
        b"POST /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
        b"0\r\n\r\n" + TWO,
        {400},
    ),
    "two lengths": (GOOD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", {400}),
    "the same length twice": (GOOD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", {400}),
    "a list of lengths": (GOOD + b"Content-Length: 5, 5\r\n\r\nhello", {400}),
    "a length with a sign": (GOOD + b"Content-Length: +5\r\n\r\nhello", {400}),
    "a negative length": (GOOD + b"Content-Length: -1\r\n\r\n", {400}),
    "a hexadecimal length": (GOOD + b"Content-Length: 0x5\r\n\r\nhello", {400}),
    "a length beyond 64 bits": (GOOD + b"Content-Length: 99999999999999999999999\r\n\r\n", {400}),
    "an empty length": (GOOD + b"Content-Length: \r\n\r\n", {400}),
    "another coding": (GOOD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", {400}),
    "two codings": (GOOD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", {400}),
    "chunked twice": (GOOD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    "identity": (GOOD + b"Transfer-Encoding: identity\r\n\r\n", {400}),
    "a space before the colon": (GOOD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", {400}),
    "a tab in the coding": (GOOD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", {400}),
    "a negative chunk": (GOOD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n", {200, 400}),
    "a chunk that lies": (GOOD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n", {200, 400}),
    "a chunk beyond 64 bits": (GOOD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx", {200, 400}),
    "bare line feeds": (b"GET /health HTTP/1.1\nHost: localhost\n\n", {400}),
    "a bare carriage return": (b"GET /health HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n", {400}),
    "a folded header": (GOOD + b"X-A: b\r\n c\r\n\r\n", {400}),
    "a folded first header": (b"GET /health HTTP/1.1\r\n Host: localhost\r\n\r\n", {400}),
    "a header without a colon": (GOOD + b"nonsense\r\n\r\n", {400}),
    "a header without a name": (GOOD + b": x\r\n\r\n", {400}),
    "a NUL in a header": (GOOD + b"X: a\x00b\r\n\r\n", {400}),
    "a letter of Latin-1 in a header": (GOOD + b"X: \xe9\r\n\r\n", {200}),
    "101 headers": (GOOD + b"X: y\r\n" * 100 + b"\r\n", {431}),
    "100 headers": (GOOD + b"X: y\r\n" * 99 + b"\r\n", {200}),
    "40 KiB in one header": (GOOD + b"X: " + b"y" * 40_960 + b"\r\n\r\n", {431}),
    "40 KiB in many headers": (GOOD + (b"X: " + b"y" * 1_000 + b"\r\n") * 41 + b"\r\n", {431}),
    "a flood of headers": (GOOD + b"a: b\r\n" * 100_000 + b"\r\n", {431}),
    "a header that does not end": (GOOD + b"X: " + b"y" * 5_000_000, {431}),
    "a flood of empty lines": (b"\r\n" * 2_000_000 + GOOD + b"\r\n", {431}),
    "a few empty lines first": (b"\r\n\r\n" + GOOD + b"\r\n", {200}),
    "a very long path": (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", {414}),
    "a path that does not end": (b"GET /" + b"a" * 5_000_000, {414}),
    "a very long query": (b"GET /health?" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", {414}),
    "HTTP/0.9": (b"GET /health\r\n\r\n", {400}),
    "HTTP/0.9 in words": (b"GET /health HTTP/0.9\r\nHost: localhost\r\n\r\n", {400}),
    "HTTP/1.0": (b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n", {200}),
    "HTTP/1.0 without a host": (b"GET /health HTTP/1.0\r\n\r\n", {403}),
    "HTTP/2 in words": (b"GET /health HTTP/2.0\r\nHost: localhost\r\n\r\n", {400}),
    "HTTP/3.7": (b"GET /health HTTP/3.7\r\nHost: localhost\r\n\r\n", {400}),
    "HTTP/2 for real": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(30), {400}),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), {400}),
    "a greeting": (b"EHLO box.example\r\n", {400}),
    "a Redis command": (b"*1\r\n$8\r\nFLUSHALL\r\n", {400}),
    "a whole address": (b"GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    "another's whole address": (b"GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    "a file's address": (b"GET file:///etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    "CONNECT": (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    "TRACE": (b"TRACE /health HTTP/1.1\r\nHost: localhost\r\nCookie: secret\r\n\r\n", {405}),
    "HEAD": (b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n", {200}),
    "DELETE": (b"DELETE /health HTTP/1.1\r\nHost: localhost\r\n\r\n", {405}),
    "a method nobody knows": (b"BREW /health HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    "a method in small letters": (b"get /health HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    "another method in a header": (
        b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-HTTP-Method-Override: DELETE\r\n\r\n",
        {401},
    ),
    "a WebSocket": (
        GOOD + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        {200},  # answered as what it also is; no WebSocket is opened
    ),
    "an offer of h2c": (GOOD + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", {200}),
    "no host": (b"GET /health HTTP/1.1\r\n\r\n", {403}),
    "two hosts": (b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", {400}),
    "two keys": (GOOD + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", {400}),
}
HOSTS: dict[bytes, int] = {
    b"localhost": 200,
    b"LocalHost:80": 200,
    b"127.0.0.1:1": 200,
    b"[::1]:8420": 200,
    b"evil.example": 403,
    b"localhost.evil.example": 403,
    b"127.0.0.1.nip.example": 403,
    b"evil@localhost": 403,
    b"localhost/evil": 403,
    b"localhost#evil": 403,
    b"localhost, evil.example": 403,
    b"localhost:80:80": 403,
    b"localhost:x": 403,
    b"[": 403,
    b"[::1": 403,
    b"[::1]evil": 403,
    b"2130706433": 403,
    b"127.1": 403,
    b"\xe9vil": 403,
    b"a" * 5_000: 403,
}
ORIGINS: dict[bytes, int] = {
    b"http://localhost:3000": 200,
    b"http://127.0.0.1": 200,
    b"https://evil.example": 403,
    b"http://localhost.evil.example": 403,
    b"http://evil.example#localhost": 403,
    b"http://localhost@evil.example": 403,
    b"http://evil.example/localhost": 403,
    b"http://[": 403,
    b"null": 403,
    b"": 403,
    b"file://": 403,
    b"*": 403,
}
PATHS: dict[bytes, set[int]] = {
    b"/admin/status": {403},
    b"//admin/status": {404},
    b"/%61dmin/status": {403},
    b"/ADMIN/status": {404},
    b"/./admin/status": {404},
    b"/v1/../admin/status": {404},
    b"/v1/%2e%2e/admin/status": {404},
    b"/v1/models/../../admin/status": {404},
    b"/v1/models/..%2f..%2fadmin%2fstatus": {404},
    b"/v1/models/%00": {404},
    b"/v1/models/%252e%252e": {404},
    b"/v1/models/%ff%fe": {404},
    b"/v1/models/%": {404},
    b"/v1/models/%zz": {404},
    b"/health/": {404},
    b"/health/../admin/status": {401, 404},
    b"/healthy": {200, 401, 404},
    b"/health;x=1": {404},
    b"/admin;/status": {404},
    b"/admin%2fstatus": {403},
    b"/%2f%2fevil.example/": {404},
    b"//evil.example/": {404},
    b"/\\evil.example": {404},
    b"/etc/passwd": {404},
    b"/static/../../../../etc/passwd": {404},
    b"/v1/chat/completions%00.txt": {404},
    b"/v1/chat/completions/": {404},
    b"/?a=" + b"%00" * 100: {404},
    b"/\xc3\xa9": {400, 404},
    b"/a b": {400},
}


def checked(reply: Reply) -> Reply:
    """A refusal with its form and an id."""
    if reply.status >= 400 and reply.body:
        assert reply.code
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["x-request-id"]
    return reply


@pytest.mark.parametrize("name", HEADS)
async def test_a_head_gets_its_status_and_no_second_request_is_found_in_it(box: Box, name: str) -> None:
    data, allowed = HEADS[name]
    reader, writer = await box.open()
    sending = asyncio.create_task(_write(writer, data))
    reply = checked(await read_reply(reader, head_only=data.startswith(b"HEAD")))
    assert reply.status in allowed, reply
    if reply.status in (400, 408, 414, 431):
        assert reply.headers["connection"] == "close"
        with suppress(ConnectionError):
            assert await reader.read() == b""
    sending.cancel()
    writer.transport.abort()


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    with suppress(ConnectionError):
        for start in range(0, len(data), 65_536):
            writer.write(data[start : start + 65_536])
            await writer.drain()


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host[:24].decode("latin-1"))
async def test_only_a_name_of_this_box_is_served(box: Box, host: bytes) -> None:
    reply = checked(await box.send(b"GET /health HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"))
    assert reply.status == HOSTS[host], reply


@pytest.mark.parametrize("origin", ORIGINS, ids=lambda origin: origin.decode("latin-1") or "empty")
async def test_a_page_of_another_origin_is_turned_away(box: Box, origin: bytes) -> None:
    reply = checked(await box.send(GOOD + b"Origin: " + origin + b"\r\n\r\n"))
    assert reply.status == ORIGINS[origin], reply
    assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:40].decode("latin-1"))
async def test_a_path_is_read_once_and_leads_nowhere_else(box: Box, path: bytes) -> None:
    reply = checked(await box.send(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n" + box.auth + b"\r\n"))
    assert reply.status in PATHS[path], reply
    assert b"root:" not in reply.body
    assert "evil" not in reply.headers.get("location", "")


async def test_keys_cannot_be_guessed_into_a_failure(box: Box) -> None:
    wrong = [
        b"",
        b"Authorization: Bearer\r\n",
        b"Authorization: Bearer \r\n",
        b"Authorization: Bearer  \t\r\n",
        b"Authorization: Basic aGVsbG86d29ybGQ=\r\n",
        b"Authorization: Bearer \xff\xfe\xe9\r\n",
        b"Authorization: Bearer \xc3\xa9\xe2\x82\xac\r\n",
        b"Authorization: Bearer " + b"x" * 20_000 + b"\r\n",
        b"Authorization: Bearer " + box.key[:-1].encode() + b"\r\n",
        b"Authorization: Bearer " + box.key.encode() + b"x\r\n",
        b"Authorization: Bearer " + box.key.upper().encode() + b"\r\n",
        b"Authorization: " + box.key.encode() + b"\r\n",
        b"X-Api-Key: " + box.key[::-1].encode() + b"\r\n",
        b"Cookie: key=" + box.key.encode() + b"\r\n",
    ]
    for header in wrong:
        reply = checked(await box.send(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n" + header + b"\r\n"))
        assert (reply.status, reply.code) == (401, "invalid_api_key"), header
        assert box.key.encode() not in reply.body
    query = f"GET /v1/models?key={box.key} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    assert (await box.send(query)).status == 401


@pytest.mark.parametrize(
    "asked", [b"a\tb", b"x" * 65, b"../../x", b"\xe9", b"a b", b"<script>", b"%0d%0aSet-Cookie: a=b", b""]
)
async def test_a_request_id_that_is_no_name_is_not_repeated(box: Box, asked: bytes) -> None:
    reply = await box.send(GOOD + b"X-Request-Id: " + asked + b"\r\n\r\n")
    assert reply.status == 200
    assert re.fullmatch(r"req-[0-9a-f]{16}", reply.headers["x-request-id"])
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("session", [b"../../x", b"a:b", b"*", b"{all}:2", b"x" * 65, b"\xc3\xa9", b"a\tb", b"CON\x01"])
async def test_a_session_that_is_no_name_is_refused_before_any_engine_is_asked(box: Box, session: bytes) -> None:
    asked = len(box.engine.requests)
    reply = checked(
        await box.send(box.post(asking("hi", "harmonic-fast"), "/v1/chat/completions", b"X-Session-Id: " + session))
    )
    assert reply.status == 400
    assert len(box.engine.requests) == asked


async def test_every_part_of_the_first_line_may_come_alone(box: Box) -> None:
    request = GOOD + b"\r\n"
    reply = await box.send(*[request[place : place + 1] for place in range(len(request))])
    assert (reply.status, json.loads(reply.body)) == (200, {"status": "ok"})


NAMES = [
    b"..%2f..",
    b"%00",
    b"a:b",
    b"*",
    b"%7Ball%7D",
    b"x" * 65,
    b"%ff",
    b"%f0%9f%98%80",
    b"%0d%0aX",
    b"CON",
    b"a..b",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:20].decode())
async def test_a_name_that_is_none_is_nobodys_session_query_or_signal(box: Box, name: bytes) -> None:
    asked = [
        b"GET /admin/spine/sessions/" + name,
        b"GET /admin/spine/sessions/" + name + b"/state",
        b"DELETE /admin/spine/sessions/" + name,
        b"GET /admin/queries/" + name,
        b"GET /admin/spine/channels/0/signals?session=" + name,
        b"GET /admin/spine/channels/0/signals?query=" + name,
        b"GET /admin/spine/channels/0/signals?after=" + name,
        b"GET /admin/spine/export?session=" + name,
        b"GET /admin/spine/channels/" + name + b"/signals",
        b"GET /v1/models/" + name,
    ]
    for start in asked:
        key = b"Authorization: Bearer " + box.admin.encode()
        reply = checked(await box.send(start + b" HTTP/1.1\r\nHost: localhost\r\n" + key + b"\r\n\r\n"))
        assert reply.status in (200, 400, 404), (start, reply)
        assert reply.status != 200 or b'"removed":0' in reply.body or b'"signals":[]' in reply.body or not reply.body


@pytest.mark.parametrize("name", [*NAMES, b"%2e%2e", b"%C0%AE", b"%u002e", b"9" * 4_000, b"9" * 30 + b"-1"])
async def test_a_name_that_is_none_is_nobodys_agent_signal_outcome_or_response(box: Box, name: bytes) -> None:
    body = b"Content-Type: application/json\r\nContent-Length: 18\r\n\r\n" + b'{"enabled": false}'
    asked = [
        b"PATCH /admin/agents/" + name,
        b"DELETE /admin/spine/signals/" + name,
        b"POST /admin/queries/" + name + b"/outcome",
        b"GET /v1/responses/" + name,
        b"GET /v1/responses/" + name + b"/input_items",
        b"DELETE /v1/responses/" + name,
    ]
    for start in asked:
        key = b"Authorization: Bearer " + box.admin.encode()
        reply = checked(await box.send(start + b" HTTP/1.1\r\nHost: localhost\r\n" + key + b"\r\n" + body))
        assert reply.status in (400, 404), (start, reply)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=1e9", "limit=-1", "limit=" + "9" * 5000])
async def test_a_page_has_its_bounds(box: Box, query: str) -> None:
    request = box.head(f"/admin/spine/channels/0/signals?{query}", "GET") + b"\r\n"
    reply = checked(await box.send(request.replace(box.key.encode(), box.admin.encode())))
    assert reply.status == 400
