"""Everything that an engine may do wrong, in both dialects: each ends as an answer or a typed failure, in time."""

import asyncio
import gc
import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import psutil
import pytest

from harmonic_stack.chat_client import ChatCall, ChatClient, Dialect, Patience
from harmonic_stack.engine.connection import Upstream
from harmonic_stack.engine.ollama_dialect import ollama_dialect
from harmonic_stack.engine.openai_dialect import OPENAI
from harmonic_stack.errors import EngineStreamFailed, StreamFault
from harmonic_stack.query import Completion, Message
from tests.fake_engine import Act, fake_engine

CALL = ChatCall("fake", [Message("user", "hello")], {"max_tokens": 5})
PATIENCE = Patience(first_token=0.4, token=0.4)
LIMIT = 10.0  # seconds; far above what any row needs, below what a hang would take


@dataclass(frozen=True)
class Tongue:
    """How a dialect frames what the rows say."""

    dialect: Dialect
    kind: str
    wrap: Callable[[bytes], bytes]
    text: Callable[[str], bytes]
    end: bytes


def _sse(payload: bytes) -> bytes:
    return b"data: " + payload + b"\n\n"


def _line(payload: bytes) -> bytes:
    return payload + b"\n"


def _chunk(text: str) -> bytes:
    return json.dumps({"choices": [{"delta": {"content": text}}]}, ensure_ascii=False).encode()


def _message(text: str) -> bytes:
    return json.dumps({"message": {"content": text}, "done": False}, ensure_ascii=False).encode()


TONGUES = {
    "openai": Tongue(
        OPENAI,
        "text/event-stream",
        _sse,
        _chunk,
        _sse(b'{"choices":[{"delta":{},"finish_reason":"stop"}]}') + b"data: [DONE]\n\n",
    ),
    "ollama": Tongue(ollama_dialect({}), "application/x-ndjson", _line, _message, _line(b'{"done":true}')),
}
OK = None
Row = tuple[Callable[[Tongue], Act], StreamFault | None]


def body(*parts: Callable[[Tongue], bytes], **more: Any) -> Callable[[Tongue], Act]:
    """An answer of these parts."""
    return lambda tongue: Act(raw=[part(tongue) for part in parts], content_type=tongue.kind, **more)


def endless(make: Callable[[Tongue], bytes], **more: Any) -> Callable[[Tongue], Act]:
    """The same part for ever."""
    return lambda tongue: Act(raw=itertools.repeat(make(tongue)), content_type=tongue.kind, **more)


def plain(head: bytes, *parts: Callable[[Tongue], bytes], **more: Any) -> Callable[[Tongue], Act]:
    """A head written by hand; %b in it is the content type."""

    def act(tongue: Tongue) -> Act:
        whole = head.replace(b"%b", tongue.kind.encode())
        return Act(head=b"HTTP/1.1 " + whole, raw=[part(tongue) for part in parts], **more)

    return act


def said(text: str) -> Callable[[Tongue], bytes]:
    """One piece of text."""
    return lambda tongue: tongue.wrap(tongue.text(text))


def payload(data: bytes) -> Callable[[Tongue], bytes]:
    """One message that holds just this."""
    return lambda tongue: tongue.wrap(data)


def end(tongue: Tongue) -> bytes:
    """The proper end."""
    return tongue.end


def in_bytes(tongue: Tongue) -> Iterable[bytes]:
    """A good answer, byte by byte."""
    whole = tongue.wrap(tongue.text("ä€😀")) + tongue.end
    return [whole[place : place + 1] for place in range(len(whole))]


ROWS: dict[str, Row] = {
    "good": (body(said("ä€😀"), end), OK),
    "every byte alone": (lambda tongue: Act(raw=in_bytes(tongue), content_type=tongue.kind), OK),
    "CRLF": (lambda t: Act(raw=[said("ä€😀")(t).replace(b"\n", b"\r\n"), t.end], content_type=t.kind), OK),
    "empty lines between": (body(lambda _: b"\n\n\r\n", said("ä€😀"), lambda _: b"\n\n", end), OK),
    "an end without a length": (plain(b"200 OK\r\ncontent-type: %b\r\n\r\n", said("ä€😀"), end), OK),
    "bad UTF-8": (
        lambda t: Act(raw=[said("~")(t).replace(b"~", b"\xff\xfe")], content_type=t.kind),
        StreamFault.MALFORMED,
    ),
    "bad JSON": (body(payload(b"{nonsense")), StreamFault.MALFORMED),
    "a list": (body(payload(b"[]")), StreamFault.MALFORMED),
    "a number": (body(payload(b"7")), StreamFault.MALFORMED),
    "NaN": (body(payload(b'{"x": NaN}')), StreamFault.MALFORMED),
    "100,000 levels": (body(payload(b'{"error":' + b"[" * 100_000 + b"]" * 100_000 + b"}")), StreamFault.MALFORMED),
    "text as a number": (
        lambda t: Act(raw=[said("~")(t).replace(b'"~"', b"7")], content_type=t.kind),
        StreamFault.MALFORMED,
    ),
    "an error in the stream": (body(said("a"), payload(b'{"error": {"message": "boom"}}')), StreamFault.ENGINE),
    "closed before a word": (body(die_after=0), StreamFault.CUT),
    "closed after a word": (body(*[said("a")] * 9, die_after=1), StreamFault.CUT),
    "closed after five": (body(*[said("a")] * 9, die_after=5), StreamFault.CUT),
    "no end": (body(said("a")), StreamFault.CUT),
    "half a message at the end": (body(said("a"), lambda t: said("b")(t)[:20]), OK),
    "a line of 1 MiB": (body(*[lambda _: b"data: " + b"x" * 70_000] * 20), StreamFault.TOO_LARGE),
    "an endless line": (endless(lambda _: b"x" * 70_000), StreamFault.TOO_LARGE),
    "endless tokens": (endless(lambda t: said("w" * 500)(t) * 20), StreamFault.TOO_LARGE),
    "a web page": (plain(b"200 OK\r\ncontent-type: text/html\r\n\r\n", lambda _: b"<html>"), StreamFault.MALFORMED),
    "no type": (plain(b"200 OK\r\n\r\n", said("a"), end), StreamFault.MALFORMED),
    "nothing at all": (plain(b"200 OK\r\ncontent-type: %b\r\ncontent-length: 0\r\n\r\n"), StreamFault.CUT),
    "204": (plain(b"204 No Content\r\n\r\n"), StreamFault.STATUS),
    "a redirect": (
        plain(b"302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"),
        StreamFault.STATUS,
    ),
    "an endless refusal": (
        lambda _: Act(head=b"HTTP/1.1 500 X\r\n\r\n", raw=itertools.repeat(b"x" * 70_000)),
        StreamFault.TIMEOUT,
    ),
    "a length too long": (
        plain(b"200 OK\r\ncontent-type: %b\r\ncontent-length: 9999\r\n\r\n", said("a"), end),
        OK,  # [DONE] and "done" are the end, whatever the length says
    ),
    "a length too long, and no end": (
        plain(b"200 OK\r\ncontent-type: %b\r\ncontent-length: 9999\r\n\r\n", said("a")),
        StreamFault.CUT,
    ),
    "a length too short": (plain(b"200 OK\r\ncontent-type: %b\r\ncontent-length: 9\r\n\r\n", said("a"), end), OK),
    "no HTTP": (lambda _: Act(head=b"SSH-2.0-OpenSSH_9.9\r\n"), StreamFault.MALFORMED),
    "a head without end": (
        lambda _: Act(head=b"HTTP/1.1 200 OK\r\n", raw=itertools.repeat(b"x: " + b"y" * 9_000 + b"\r\n")),
        StreamFault.MALFORMED,
    ),
    "a byte now and then": (
        lambda t: Act(raw=in_bytes(t), content_type=t.kind, delay=0.05),
        StreamFault.TIMEOUT,
    ),
    "silence": (lambda t: Act(hold=asyncio.Event(), content_type=t.kind), StreamFault.TIMEOUT),
    "slow words and no end": (body(said("a"), said("b"), delay=0.2), StreamFault.CUT),
}
# Which failure it is depends on where the dialect finds the break.
SOME_FAILURE = {"half a message at the end", "a length too short"}


async def ask(act: Act, tongue: Tongue, patience: Patience = PATIENCE) -> Completion:
    """One call."""
    async with fake_engine(lambda _: act) as engine:
        client = ChatClient(Upstream(engine.url), tongue.dialect, patience)
        try:
            async with asyncio.timeout(LIMIT):
                return await client.stream_chat(CALL, lambda text, pieces: None)
        finally:
            client.close()


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("dialect", TONGUES)
async def test_an_engine_that_does_this_is_understood_or_named(name: str, dialect: str) -> None:
    tongue, (make, fault) = TONGUES[dialect], ROWS[name]
    if fault is OK and name not in SOME_FAILURE:
        assert (await ask(make(tongue), tongue)).text in ("ä€😀", "a")
        return
    with pytest.raises(EngineStreamFailed) as failure:
        await ask(make(tongue), tongue)
    assert failure.value.reason is fault or name in SOME_FAILURE, failure.value


async def test_comments_and_data_of_many_lines_are_read() -> None:
    data = (
        b': ping\n\nevent: x\nid: 7\ndata: {"choices":\ndata: [{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'
    )
    tongue = TONGUES["openai"]
    assert (await ask(Act(raw=[data]), tongue)).text == "a"


async def test_comments_alone_are_no_token() -> None:
    with pytest.raises(EngineStreamFailed) as failure:
        await ask(Act(raw=itertools.repeat(b": ping\n\n"), delay=0.01), TONGUES["openai"])
    assert failure.value.reason is StreamFault.TIMEOUT


async def test_thoughts_without_end_are_too_much() -> None:
    thought = b'{"message":{"thinking":"hm"}}\n' * 2_000
    with pytest.raises(EngineStreamFailed) as failure:
        await ask(Act(raw=itertools.repeat(thought), content_type="application/x-ndjson"), TONGUES["ollama"])
    assert failure.value.reason is StreamFault.TOO_LARGE


@pytest.mark.parametrize("name", ["endless tokens", "an endless line", "an endless refusal", "a line of 1 MiB"])
@pytest.mark.parametrize("dialect", TONGUES)
async def test_what_has_no_end_fills_no_memory(name: str, dialect: str) -> None:
    tongue, (make, _) = TONGUES[dialect], ROWS[name]
    gc.collect()
    before = psutil.Process().memory_info().rss
    with pytest.raises(EngineStreamFailed):
        await ask(make(tongue), tongue)
    gc.collect()
    assert psutil.Process().memory_info().rss - before < 50 * 2**20
