"""A request that comes in one piece is answered as one that comes in two: the short way in changes nothing."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.abuse.box import Reply, read_reply
from tests.fake_engine import Act, fake_engine
from tests.stack import Stack, asking, served_stack

CHAT, TEXT, MESSAGES = "/v1/chat/completions", "/v1/completions", "/v1/messages"
GOOD = asking("Say a word.", model="fake")
# Its drafts come before its answer, and this route shows none of them: the first bytes of the answer are none.
CREW = {"model": "harmonic", "prompt": "What is 2 + 2? Answer with a number."}
# What differs from one request to the next: ids, times, and how the bytes were cut into pieces.
_NEW = re.compile(rb"(q-|s-|req-|msg_|chatcmpl-|cmpl-)[0-9a-f]+|\"(created|seconds|slot_wait)\":[0-9.e-]+")

CASES: dict[str, tuple[str, Any, dict[str, str]]] = {
    "whole": (CHAT, GOOD, {}),
    "streamed": (CHAT, {**GOOD, "stream": True, "stream_options": {"include_usage": True}}, {}),
    "a crew's": (CHAT, asking("What is 2 + 2? Answer with a number.", stream=True), {}),
    "text": (TEXT, {"model": "coder", "prompt": "Once"}, {}),
    "a crew's text, streamed": (TEXT, {**CREW, "stream": True, "harmonic": {"stream": "tokens"}}, {}),
    "a message": (MESSAGES, {**GOOD, "max_tokens": 20}, {}),
    "a streamed message": (MESSAGES, {**GOOD, "max_tokens": 20, "stream": True}, {}),
    "its own id": (CHAT, GOOD, {"x-request-id": "mine-1"}),
    "an id that is none": (CHAT, GOOD, {"x-request-id": "no id"}),
    "a charset": (CHAT, GOOD, {"content-type": "application/json; charset=utf-8"}),
    "no JSON": (CHAT, "{", {}),
    "no JSON for Anthropic": (MESSAGES, "{", {}),
    "no model": (CHAT, {"messages": GOOD["messages"]}, {}),
    "an unknown model": (CHAT, asking("Hi", model="nobody"), {}),
    "no session": (CHAT, GOOD, {"x-session-id": "../x"}),
    "a form": (CHAT, GOOD, {"content-type": "application/x-www-form-urlencoded"}),
    "packed": (CHAT, GOOD, {"content-encoding": "gzip"}),
    "a wrong key": (CHAT, GOOD, {"authorization": "Bearer hs-wrong"}),
    "a wrong host": (CHAT, GOOD, {"host": "evil.example"}),
    "a foreign page": (CHAT, GOOD, {"origin": "https://evil.example"}),
    "too long": (CHAT, asking("x" * 70_000, model="fake"), {}),
    "deep": (CHAT, '{"model": "fake", "messages": ' + "[" * 100 + "]" * 100 + "}", {}),
    "an engine that fails": (CHAT, asking("Fail.", model="fake"), {}),
    "an engine that fails, streamed": (CHAT, asking("Fail.", model="fake", stream=True), {}),
}
ANSWERED = {"whole", "streamed", "a crew's", "text", "a message", "a streamed message"}
ANSWERED |= {"a crew's text, streamed", "its own id", "an id that is none", "a charset"}


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    def play(body: dict[str, Any]) -> Act:
        asked = body["messages"][-1]["content"]
        return Act(status=500, body=b"broken") if asked == "Fail." else Act("A word. Answer: 4", delay=0.01)

    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "server.max_body_bytes": 65_536}) as found,
    ):
        yield found


def request_of(stack: Stack, path: str, body: Any, headers: dict[str, str]) -> tuple[bytes, bytes]:
    """The head and the body of a request."""
    content = (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = {
        "host": "127.0.0.1",
        "authorization": f"Bearer {stack.key}",
        "content-type": "application/json",
        "content-length": str(len(content)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode(), content


async def asked(stack: Stack, *parts: bytes, answers: int = 1) -> list[Reply]:
    """The replies to what is sent in *parts* on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(stack.url.rpartition(":")[2]))
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.05 if len(parts) > 1 else 0)
        return [await asyncio.wait_for(read_reply(reader), 10) for _ in range(answers)]
    finally:
        writer.close()
        await writer.wait_closed()


def _same(reply: Reply) -> tuple[int, dict[str, str], bytes]:
    """What must not depend on the way: the events of a stream may be cut anywhere, their text may not differ."""
    headers = {name: value for name, value in reply.headers.items() if name not in ("openai-processing-ms", "date")}
    if headers.get("x-request-id", "").startswith("req-"):
        headers["x-request-id"] = headers["request-id"] = "new"
    headers.pop("content-length", None)  # of ids and times
    body = _NEW.sub(b"*", reply.body)
    pieces = b"".join(re.findall(rb'"(?:content|text)":"([^"]*)"', body))
    events = len(re.findall(rb"^event: ", body, re.MULTILINE))
    return reply.status, headers, pieces if headers.get("content-type", "").startswith("text/event") or events else body


async def test_both_ways_give_one_answer(stack: Stack) -> None:
    statuses = {}
    for case, given in CASES.items():
        head, body = request_of(stack, *given)
        [short], [long] = await asked(stack, head + body), await asked(stack, head, body)
        assert _same(short) == _same(long), case
        statuses[case] = short.status
    assert {case for case, status in statuses.items() if status == 200} == ANSWERED
    assert set(statuses.values()) == {200, 400, 401, 403, 404, 413, 415, 502}


async def test_a_connection_takes_one_request_after_another_either_way(stack: Stack) -> None:
    head, body = request_of(stack, CHAT, GOOD, {})
    stream_head, stream_body = request_of(stack, CHAT, {**GOOD, "stream": True}, {})
    together = await asked(stack, head + body + stream_head + stream_body + head + body, answers=3)
    apart = await asked(stack, head + body, stream_head, stream_body + head + body, answers=3)
    assert [reply.status for reply in (*together, *apart)] == [200] * 6
    for first, streamed, last in (together, apart):
        assert first.headers["content-type"] == last.headers["content-type"] == "application/json"
        assert streamed.headers["content-type"].startswith("text/event-stream")
        assert streamed.body.endswith(b"data: [DONE]\n\n")


async def test_both_ways_are_counted(stack: Stack) -> None:
    async def counted() -> float:
        async with stack.client() as client:
            text = (await client.get("/metrics")).text
        line = 'harmonic_requests_total{code="200",route="/v1/chat/completions"} '
        found = [row.removeprefix(line) for row in text.splitlines() if row.startswith(line)]
        return float(found[0]) if found else 0.0

    head, body = request_of(stack, CHAT, GOOD, {})
    before = await counted()
    await asked(stack, head + body)
    await asked(stack, head, body)
    assert await counted() == before + 2
