"""What must not get out, and what must not get in: marked prompts and keys, private fields, addresses of callers."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest

from tests.abuse.box import Box
from tests.fake_engine import Act
from tests.stack import asking

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROMPT = "canary-prompt-7f3a91"
ANSWER = "canary-answer-c04d22"
HEADER = "canary-header-58be60"
SECRET = "canary-engine-key-19aa77"
MORE: dict[str, object] = {"engine.api_key_env": "CANARY_ENGINE_KEY"}
ENVIRONMENT = {"CANARY_ENGINE_KEY": SECRET}
FAILURES = {"502", "503"}  # an engine that fails is told as 502
ENGINE_FIELDS = [
    "n_discard",
    "slot_id",
    "id_slot",
    "cache_prompt",
    "lora",
    "keep_alive",
    "options",
    "grammar",
    "mirostat",
]
# What may go to an engine; a new field has to be added here by somebody who has thought about it.
UPSTREAM = {
    *("model", "messages", "stream", "stream_options", "temperature", "top_p", "min_p", "max_tokens", "stop", "seed"),
    *("frequency_penalty", "presence_penalty", "logit_bias", "response_format"),
}


def play(body: dict[str, Any]) -> Act:
    """An answer that bears its mark, or what the last message asks for."""
    wish = body["messages"][-1]["content"]
    if "break" in wish:
        return Act(raw=[b'data: {"x": ' + ANSWER.encode() + b"\n\n"])
    if "refuse" in wish:
        return Act(status=500, body=json.dumps({"error": f"cannot do {ANSWER}"}).encode())
    if "die" in wish:
        return Act(f"{ANSWER} and more", die_after=1)
    if "redirect" in wish:
        address = wish.rpartition(" ")[2]
        return Act(head=f"HTTP/1.1 302 Found\r\nlocation: {address}\r\ncontent-length: 0\r\n\r\n".encode())
    return Act(f"{ANSWER}. Answer: 4")


PLAY = play


@asynccontextmanager
async def trap() -> AsyncIterator[tuple[int, list[str]]]:
    """A port on which nobody may ever knock."""
    knocks: list[str] = []

    async def knock(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        knocks.append("somebody")
        writer.close()

    server = await asyncio.start_server(knock, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], knocks
    finally:
        server.close()


async def test_private_fields_never_reach_an_engine(box: Box) -> None:
    asked = len(box.engine.requests)
    fields = dict.fromkeys(ENGINE_FIELDS, -1) | {"options": {"num_ctx": 9}, "lora": [{"id": 0, "scale": 9}]}
    message = {"role": "user", "content": "hi", **fields}
    for model in ("harmonic", "harmonic-full", "harmonic-fast"):
        body = {**asking("hi", model), **fields, "extra_body": fields, "metadata": {"x": "y"}, "messages": [message]}
        assert (await box.send(box.post(body))).status == 200
    sent = box.engine.requests[asked:]
    assert sent
    assert {name for request in sent for name in request} <= UPSTREAM
    assert {name for request in sent for each in request["messages"] for name in each} == {"role", "content"}


async def test_no_address_of_a_caller_is_fetched(box: Box) -> None:
    async with trap() as (port, knocks):
        url = f"http://127.0.0.1:{port}/x"
        image = [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": url}}]
        bodies: list[dict[str, Any]] = [
            {**asking("hi", "harmonic-fast"), "base_url": url, "api_base": url, "engine": {"url": url}, "proxy": url},
            {**asking("hi", "harmonic-fast"), "messages": [{"role": "user", "content": image}]},
            {**asking("hi", "harmonic-fast"), "tools": [{"type": "mcp", "server_url": url}]},
            {**asking("hi", "harmonic-fast"), "response_format": {"type": "json_schema", "json_schema": {"$ref": url}}},
            asking("hi", url),
        ]
        statuses = [(await box.send(box.post(body))).status for body in bodies]
        assert (statuses[0], statuses[-1]) == (200, 404)
        assert knocks == []
        assert all(url not in json.dumps(request) or "$ref" in json.dumps(request) for request in box.engine.requests)


async def test_a_redirect_of_an_engine_is_not_followed(box: Box) -> None:
    async with trap() as (port, knocks):
        reply = await box.send(box.post(asking(f"redirect http://127.0.0.1:{port}/v1", "harmonic-fast")))
        assert (reply.status, knocks) == (502, [])


async def test_no_prompt_answer_header_or_key_is_in_logs_metrics_or_arguments(box: Box) -> None:
    header = f"X-Canary: {HEADER}".encode()
    wishes = ["hi", "break", "refuse", "die", "What is 2 + 2?"]
    for wish in wishes:
        for model in ("harmonic", "harmonic-full", "harmonic-fast", "executive"):
            for streamed in (False, True):
                body = {**asking(f"{wish} {PROMPT}", model), "stream": streamed}
                await box.send(box.post(body, "/v1/chat/completions", header))
    marked = {**asking(PROMPT), "temperature": PROMPT}
    for bad in ({**marked}, asking(PROMPT, "no-such-model"), {**asking(PROMPT), "stop": [PROMPT] * 5}):
        assert PROMPT not in (await box.send(box.post(bad))).body.decode()
    assert (await box.send(box.post(PROMPT.encode()))).status == 400
    assert (
        await box.send(f"GET /v1/{PROMPT} HTTP/1.1\r\nHost: localhost\r\nX: {HEADER}\r\n\r\n".encode())
    ).status == 401
    await box.look()
    marks = (PROMPT, ANSWER, HEADER, SECRET, box.key, box.admin)
    assert f"authorization: Bearer {SECRET}" in box.engine.headers[-1], "the mark is in use"
    metrics = (await box.send(box.head("/metrics", "GET") + b"\r\n")).body.decode()
    assert "harmonic_requests_total" in metrics
    stack = psutil.Process(box.process.pid)
    seen = {"log": box.log(), "metrics": metrics}
    seen["arguments"] = " ".join(stack.cmdline())
    assert [(where, mark) for where, text in seen.items() for mark in marks if mark in text] == []


async def test_what_one_caller_said_is_not_in_anothers_error(box: Box) -> None:
    await box.send(box.post(asking(PROMPT, "harmonic-fast")))
    replies = [
        await box.send(box.post(asking("hi", "no-such-model"))),
        await box.send(box.post(asking("refuse", "harmonic-fast"))),
        await box.send(box.head("/v1/nothing", "GET") + b"\r\n"),
    ]
    assert [reply.status for reply in replies] == [404, 502, 404]
    assert all(PROMPT not in reply.body.decode() for reply in replies)
