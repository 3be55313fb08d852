"""Bodies that no honest client sends: each is refused with the field at fault, none is a failure of ours."""

import asyncio
import gzip
import json
import socket
from contextlib import suppress
from typing import Any

import pytest

from tests.abuse.box import Box, read_reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

USER = {"role": "user", "content": "hi"}


def chat(**fields: Any) -> bytes:
    """A good request but for *fields*."""
    return json.dumps({"model": "harmonic-fast", "messages": [USER], **fields}).encode()


def raw(field: bytes) -> bytes:
    """A good request with one more field, written as it is."""
    return chat()[:-1] + b", " + field + b"}"


def nested(depth: int) -> bytes:
    """A request whose metadata makes it so many levels deep."""
    return raw(b'"metadata": {"a": ' + b"[" * (depth - 2) + b"]" * (depth - 2) + b"}")


def tool(depth: int) -> dict[str, Any]:
    """A tool whose parameters are objects within objects, two levels of JSON for each of *depth*."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return {"type": "function", "function": {"name": "f", "parameters": schema}}


# name: the body, and the status that it must get.
BODIES: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 400),
    "white space": (b"  \r\n ", 400),
    "half of it": (chat()[:-20], 400),
    "more behind it": (chat() + b"{}", 400),
    "a list": (b"[]", 400),
    "a number": (b"7", 400),
    "null": (b"null", 400),
    "text": (b'"harmonic"', 400),
    "a web form": (b"model=harmonic&messages=hi", 400),
    "a byte order mark": (b"\xef\xbb\xbf" + chat(), 400),
    "UTF-16": (chat().decode().encode("utf-16"), 400),
    "bad UTF-8 in text": (chat().replace(b"hi", b"\xff\xfe"), 400),
    "an overlong NUL": (chat().replace(b"hi", b"\xc0\x80"), 400),
    "a surrogate in UTF-8": (chat().replace(b"hi", b"\xed\xa0\x80"), 400),
    "a lone high surrogate": (chat().replace(b"hi", b"\\ud800"), 400),
    "a lone low surrogate": (chat().replace(b"hi", b"\\udc00x"), 400),
    "a surrogate as a key": (raw(b'"metadata": {"\\ud800": 1}'), 400),
    "a raw control character": (chat().replace(b"hi", b"\x00\x01"), 400),
    "an escaped NUL": (chat().replace(b"hi", b"\\u0000"), 200),
    "NaN": (raw(b'"temperature": NaN'), 400),
    "Infinity": (raw(b'"temperature": Infinity'), 400),
    "minus Infinity": (raw(b'"top_p": -Infinity'), 400),
    "NaN where nobody looks": (raw(b'"metadata": {"x": NaN}'), 400),
    "a number beyond doubles": (raw(b'"temperature": 1e999'), 400),
    "a number of 5000 digits": (raw(b'"max_tokens": ' + b"9" * 5000), 400),
    "a seed of 900,000 digits": (raw(b'"seed": ' + b"9" * 900_000), 400),
    "900,000 digits in metadata": (raw(b'"metadata": {"a": ' + b"9" * 900_000 + b"}"), 400),
    "a fraction of 900,000 digits": (raw(b'"temperature": 0.' + b"9" * 900_000), 200),
    "an exponent of 900,000 digits": (raw(b'"temperature": 1e' + b"9" * 900_000), 400),
    "a number too small for doubles": (raw(b'"temperature": 1e-400'), 200),
    "minus zero": (raw(b'"temperature": -0, "seed": -0'), 200),
    "minus zero answers": (raw(b'"n": -0'), 400),
    "tokens as a power": (raw(b'"max_tokens": 1e2'), 400),
    "150,000 escapes": (chat().replace(b"hi", b"\\u0041" * 150_000), 200),
    "80,000 pairs of escapes": (chat().replace(b"hi", b"\\ud83d\\ude00" * 80_000), 200),
    "400,000 backslashes": (chat().replace(b"hi", b"\\\\" * 400_000), 200),
    "a surrogate to stop at": (raw(b'"stop": ["\\ud800"]'), 400),
    "half a pair to stop at": (raw(b'"stop": "\\udfff"'), 400),
    "900,000 letters to stop at": (chat(stop=["a" * 900_000]), 200),
    "a tool 25 deep": (chat(tools=[tool(25)]), 200),
    "a tool 40 deep": (chat(tools=[tool(40)]), 400),
    "5,000 tools of one name": (chat(tools=[tool(1)] * 5_000), 400),
    "a tool that is its own parameter": (
        chat(tools=[{"type": "function", "function": {"name": "f", "parameters": {"$ref": "#"}}}]),
        200,
    ),
    "a tool that is a path": (chat(tools=[{"type": "function", "function": {"name": "../x\n"}}]), 400),
    "a tool with 100,000 digits": (
        raw(
            b'"tools": [{"type": "function", "function": {"name": "f", "parameters": {"a": ' + b"9" * 100_000 + b"}}}]"
        ),
        400,
    ),
    "60,000 biases": (chat(logit_bias={str(number): 1 for number in range(60_000)}), 200),
    "60,000 fields": (chat(metadata={str(number): "v" for number in range(60_000)}), 200),
    "30,000 parts": (chat(messages=[{"role": "user", "content": [{"type": "text", "text": ""}] * 30_000}]), 200),
    "a seed beyond 64 bits": (raw(b'"seed": 9223372036854775808'), 400),
    "tokens as a fraction": (raw(b'"max_tokens": 1.5'), 400),
    "a negative number of tokens": (chat(max_tokens=-1), 400),
    "64 levels": (nested(64), 200),
    "65 levels": (nested(65), 400),
    "900 levels": (nested(900), 400),
    "100,000 levels": (nested(100_000), 400),
    "100,000 levels of a field nobody reads": (raw(b'"x": ' + b"[" * 100_000 + b"]" * 100_000), 400),
    "100,000 open brackets": (b"[" * 100_000, 400),
    "brackets inside text": (chat().replace(b"hi", b"[" * 70 + b'\\"' + b"{" * 70), 200),
    "the same key twice": (raw(b'"model": "harmonic"'), 200),  # the last one holds, as in every JSON reader here
    "no model": (json.dumps({"messages": [USER]}).encode(), 400),
    "no messages": (b'{"model": "harmonic"}', 400),
    "an empty list of messages": (chat(messages=[]), 400),
    "1001 messages": (chat(messages=[USER] * 1001), 400),
    "a message that is text": (chat(messages=["hi"]), 400),
    "a message of nobody": (chat(messages=[{"content": "hi"}]), 400),
    "a strange role": (chat(messages=[{"role": "root", "content": "x"}]), 400),
    "content as a number": (chat(messages=[{"role": "user", "content": 7}]), 400),
    "content as an object": (chat(messages=[{"role": "user", "content": {"text": "x"}}]), 400),
    "parts without a type": (chat(messages=[{"role": "user", "content": [{"text": "x"}]}]), 400),
    "a part of a strange type": (chat(messages=[{"role": "user", "content": [{"type": "file", "text": "x"}]}]), 400),
    "an unknown model": (chat(model="../../etc/passwd"), 404),
    "a model of 100,000 letters": (chat(model="m" * 100_000), 404),
    "a model with line breaks": (chat(model="a\r\nb\x1b[31m"), 404),
    "five stops": (chat(stop=list("abcde")), 400),
    "nine answers": (chat(n=9), 400),
    "21 top logprobs": (chat(logprobs=True, top_logprobs=21), 400),
    "an option nobody knows": (chat(harmonic={"slots": 99}), 400),
    "more drafts than allowed": (chat(harmonic={"most": 10}), 400),
    "a deadline of ages": (chat(harmonic={"deadline": 1e308}), 400),
    "65 agents": (chat(harmonic={"agents": ["executive"] * 65}), 400),
    "an agent that is a path": (chat(harmonic={"agents": ["../x"]}), 400),
    "a session that is a path": (chat(metadata={"session_id": "../../x"}), 400),
    "a session that is a key of the store": (chat(metadata={"session_id": "{all}:2"}), 400),
    "a session with a line break": (chat(metadata={"session_id": "a\nb"}), 400),
    "a session that is a number": (chat(metadata={"session_id": 7}), 400),
    "a bias for no token": (chat(logit_bias={"1": 1000}), 400),
}
WRONG: dict[str, list[Any]] = {
    "model": [7, None, [], {}],
    "messages": [7, "hi", {}, None],
    "stream": ["yes", 1, {}],
    "stream_options": [7, "x", []],
    "temperature": ["hot", [], -0.1, 2.1, True],
    "top_p": ["x", -1, 1.1],
    "frequency_penalty": [3, "x"],
    "presence_penalty": [-3, {}],
    "logit_bias": [[], "x", {"1": "x"}],
    "stop": [7, {}, [7]],
    "seed": ["x", 1.5, []],
    "max_tokens": ["x", 0, [], 1e30],
    "max_completion_tokens": ["x", 0, True],
    "n": ["x", 0, -1, 2**70],
    "logprobs": ["x", 1],
    "top_logprobs": ["x", -1],
    "tools": ["x", {}, 7],
    "response_format": [7, "json", [], {"type": "xml"}],
    "metadata": [7, "x", []],
    "harmonic": [7, "x", []],
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_gets_its_status_and_a_refusal_has_its_form(box: Box, name: str) -> None:
    body, status = BODIES[name]
    reply = await box.send(box.post(body))
    assert reply.status == status, reply.body
    if status != 200:
        assert reply.code
        assert len(reply.body) < 2_000, "a refusal does not repeat what it refuses"


@pytest.mark.parametrize("field", WRONG)
async def test_a_value_of_a_wrong_type_names_its_field(box: Box, field: str) -> None:
    for value in WRONG[field]:
        reply = await box.send(box.post(chat(**{field: value})))
        assert (reply.status, reply.code) == (400, "invalid_request"), (value, reply.body)
        assert str(json.loads(reply.body)["error"]["param"]).startswith(field), value


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (b"text/plain", 415),
        (b"application/x-www-form-urlencoded", 415),
        (b"multipart/form-data; boundary=x", 415),
        (b"application/jsonp", 415),
        (b"", 415),
        (b"Application/JSON; charset=utf-8", 200),
    ],
)
async def test_a_page_cannot_ask_with_a_simple_request(box: Box, kind: bytes, status: int) -> None:
    request = box.post(chat()).replace(b"application/json", kind, 1)
    assert (await box.send(request)).status == status


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b"gzip, gzip", b"GZIP"])
async def test_a_compressed_body_is_not_unpacked(box: Box, coding: bytes) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    reply = await box.send(box.post(bomb, "/v1/chat/completions", b"Content-Encoding: " + coding))
    assert (reply.status, reply.code) == (415, "unsupported_media_type")


async def test_a_body_that_says_it_is_too_long_is_not_read(box: Box) -> None:
    reply = await box.send(box.head("/v1/chat/completions", "POST", b"Content-Length: 99999999999") + b"\r\n")
    assert (reply.status, reply.code) == (413, "request_too_large")


async def test_a_body_that_is_too_long_is_refused_and_the_refusal_arrives(box: Box) -> None:
    reply = await box.send(box.post(chat(user="x" * 3_000_000)))
    assert (reply.status, reply.code) == (413, "request_too_large")


@pytest.mark.parametrize("more", [(), (b"Connection: close",)], ids=["stays", "wants no further answer"])
async def test_the_refusal_reaches_a_client_that_reads_only_after_it_has_sent_all(
    box: Box, more: tuple[bytes, ...]
) -> None:
    request = box.post(chat(user="x" * 8_000_000), "/v1/chat/completions", *more)

    def ask() -> bytes:
        with socket.create_connection(("127.0.0.1", box.port), timeout=10) as plain:
            plain.sendall(request)
            return plain.recv(65_536)

    assert (await asyncio.to_thread(ask)).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("more", [(), (b"Connection: close",)], ids=["stays", "wants no further answer"])
async def test_a_request_whose_body_breaks_after_its_answer_gets_no_second_one(
    box: Box, more: tuple[bytes, ...]
) -> None:
    reader, writer = await box.open()
    writer.write(box.head("/v1/nothing", "POST", b"Transfer-Encoding: chunked", *more) + b"\r\n")
    assert (await read_reply(reader)).status == 404
    writer.write(b"this is no chunk\r\n")
    async with asyncio.timeout(10):
        with suppress(ConnectionError):
            assert await reader.read() == b""
    writer.transport.abort()


async def test_nothing_behind_a_last_request_is_answered_or_asked(box: Box) -> None:
    asked = len(box.engine.requests)
    reader, writer = await box.open()
    writer.write(box.head("/v1/nothing", "POST", b"Content-Length: 10", b"Connection: close") + b"\r\n")
    assert (await read_reply(reader)).status == 404
    writer.write(b"x" * 10 + box.post(chat()))
    async with asyncio.timeout(10):
        with suppress(ConnectionError):
            assert await reader.read() == b""
    await box.quiet()  # it is closed, not kept until it has been idle long enough
    writer.transport.abort()
    assert len(box.engine.requests) == asked


async def test_an_endless_chunked_body_is_refused_at_the_limit(box: Box) -> None:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    head = box.head("/v1/chat/completions", "POST", b"Transfer-Encoding: chunked") + b"\r\n"
    reply = await box.send(head, *[chunk] * 2_000)
    assert (reply.status, reply.code) == (413, "request_too_large")


async def test_a_refused_client_that_goes_on_sending_is_cut_off(box: Box) -> None:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    _, writer = await box.open()
    writer.write(b"POST /v1/nothing HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")

    async def flood() -> None:
        for _ in range(5_000):  # 300 MB, if nobody stops it
            writer.write(chunk)
            await writer.drain()

    with pytest.raises(ConnectionError):
        await flood()
    writer.transport.abort()


@pytest.mark.parametrize(
    "junk", [b"1;" + b"x" * 65_536, b"1\r\nx\r\n0\r\nTrailer: " + b"x" * 65_536], ids=["extensions", "trailers"]
)
async def test_framing_without_content_is_refused(box: Box, junk: bytes) -> None:
    head = box.head("/v1/chat/completions", "POST", b"Transfer-Encoding: chunked") + b"\r\n"
    reply = await box.send(head + junk, *[b"x" * 65_536] * 200)
    assert reply.status == 400, reply.body


ADMIN = "/admin/spine/channels/2/signals"
MEMORIES: dict[str, tuple[bytes, int]] = {
    "good": (b'{"text": "x"}', 201),
    "a lone surrogate": (b'{"text": "\\ud800"}', 400),
    "NaN": (b'{"text": NaN}', 400),
    "deep": (b'{"text": "x", "a": ' + b"[" * 65 + b"]" * 65 + b"}", 400),
    "no text": (b"{}", 400),
    "empty text": (b'{"text": ""}', 400),
    "a session that is a path": (b'{"text": "x", "session": "../x"}', 400),
    "a field nobody knows": (b'{"text": "x", "trust": "system"}', 400),
    "too long": (b'{"text": "' + b"x" * 2_000_000 + b'"}', 413),
    "no JSON": (b"text=x", 400),
}


@pytest.mark.parametrize("name", MEMORIES)
async def test_admin_bodies_are_held_to_the_same(box: Box, name: str) -> None:
    body, status = MEMORIES[name]
    request = box.post(body, ADMIN).replace(box.key.encode(), box.admin.encode())
    reply = await box.send(request)
    assert reply.status == status, reply.body
    if status >= 400:
        assert reply.code


async def test_a_form_cannot_write_a_memory(box: Box) -> None:
    request = box.post(b'{"text": "x"}', ADMIN).replace(box.key.encode(), box.admin.encode())
    assert (await box.send(request.replace(b"application/json", b"text/plain", 1))).status == 415
