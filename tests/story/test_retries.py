"""A client that tries again does not set the crew to work twice; every reply has its headers, every error its shape."""

import asyncio
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.fake_engine import Act, fake_engine
from tests.helpers import until
from tests.stack import asking, served_stack

CHAT = "/v1/chat/completions"
KEY = {"idempotency-key": "again-1"}


async def test_a_finished_answer_is_given_again_and_a_new_key_asks_anew(tmp_path: Path) -> None:
    number = iter(range(100))
    async with (
        fake_engine(lambda _: Act(f"answer {next(number)}")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
        stack.client(admin=True) as other,
    ):
        for stream in (False, True):
            key = {"idempotency-key": f"k-{stream}"}
            first = await client.post(CHAT, json=asking("Hi", "fake", stream=stream), headers=key)
            asked = len(engine.requests)
            again = await client.post(CHAT, json=asking("Hi", "fake", stream=stream), headers=key)
            assert again.content == first.content
            assert "idempotent-replayed" not in first.headers
            assert again.headers["idempotent-replayed"] == "true"
            assert again.headers["x-request-id"] != first.headers["x-request-id"]
            assert len(engine.requests) == asked
            stranger = await other.post(CHAT, json=asking("Hi", "fake", stream=stream), headers=key)
            assert stranger.content != first.content
        differing = await client.post(CHAT, json=asking("Other", "fake"), headers={"idempotency-key": "k-False"})
        assert (differing.status_code, differing.json()["error"]["code"]) == (400, "idempotency_key_reused")
        odd = await client.post(CHAT, json=asking("Hi", "fake"), headers={"idempotency-key": "a b"})
        assert (odd.status_code, odd.json()["error"]["param"]) == (400, "Idempotency-Key")


async def test_a_repeat_joins_the_answer_under_way_and_outlives_the_first_client(tmp_path: Path) -> None:
    hold = asyncio.Event()
    async with (
        fake_engine(lambda _: Act("one two three", hold=hold)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        body = asking("Hi", "fake")
        first = asyncio.create_task(client.post(CHAT, json=body, headers=KEY))
        await until(lambda: engine.streaming == 1, "the engine is asked")
        second = asyncio.create_task(client.post(CHAT, json=body, headers=KEY))
        await asyncio.sleep(0.2)  # nothing tells from outside that the second has joined
        first.cancel()
        hold.set()
        answer = (await second).json()
    assert answer["choices"][0]["message"]["content"] == "one two three"
    assert len(engine.requests) == 1


async def test_the_work_ends_once_nobody_waits_and_a_failure_is_tried_anew(tmp_path: Path) -> None:
    acts: list[Act] = [Act("never", hold=asyncio.Event()), Act(die_after=0), Act("a b c", die_after=2), Act("here")]
    played = iter(acts)
    async with (
        fake_engine(lambda _: next(played)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        left = asyncio.create_task(client.post(CHAT, json=asking("Hi", "fake", stream=True), headers=KEY))
        await until(lambda: engine.streaming == 1, "the engine is asked")
        left.cancel()
        await until(lambda: engine.closed == 1, "its stream is broken off")
        failed = await client.post(CHAT, json=asking("Hi", "fake", stream=True), headers=KEY)
        assert failed.status_code == 502
        broken = await client.post(CHAT, json=asking("Hi", "fake", stream=True), headers=KEY)
        assert "[DONE]" not in broken.text
        good = await client.post(CHAT, json=asking("Hi", "fake", stream=True), headers=KEY)
        assert "here" in good.text


ERRORS: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/v1/nothing", {}, 404, "not_found"),
    ("GET", "/nothing", {}, 404, "not_found"),
    ("GET", CHAT, {}, 405, "method_not_allowed"),
    ("DELETE", "/v1/models", {}, 405, "method_not_allowed"),
    ("POST", CHAT, {"content": b"{", "headers": {"content-type": "application/json"}}, 400, "invalid_request"),
    ("POST", CHAT, {"content": b"[]", "headers": {"content-type": "application/json"}}, 400, "invalid_request"),
    ("POST", CHAT, {"content": b"{}", "headers": {"content-type": "text/plain"}}, 415, "unsupported_media_type"),
    ("POST", CHAT, {"json": asking("Hi", "gpt-4")}, 404, "model_not_found"),
    ("GET", "/v1/models/gpt-4", {}, 404, "model_not_found"),
]


async def test_every_error_has_all_four_fields_and_every_reply_its_headers(tmp_path: Path) -> None:
    async with (
        fake_engine() as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        for method, path, more, status, code in ERRORS:
            reply = await client.request(method, path, **more)
            assert (reply.status_code, reply.json()["error"]["code"]) == (status, code), path
            assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
            assert (status == 405) == ("allow" in reply.headers)
            assert reply.headers["x-request-id"].startswith("req-")
            assert int(reply.headers["openai-processing-ms"]) >= 0
        named = await client.get("/v1/models", headers={"x-request-id": "mine.1"})
        assert named.headers["x-request-id"] == "mine.1"
        for bad in ("a b", "x" * 65, "ü", "<b>"):
            odd = await client.get("/v1/models", headers={"x-request-id": bad.encode()})
            assert odd.headers["x-request-id"].startswith("req-")


@pytest.mark.parametrize("bytes_", [b"NONSENSE\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"])
async def test_what_is_no_http_is_answered_as_json_too(tmp_path: Path, bytes_: bytes) -> None:
    async with (
        fake_engine() as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        assert (await client.get("/health")).status_code == 200
        port = urlsplit(stack.url).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port, family=socket.AF_INET)
        writer.write(bytes_)
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 400")
    assert b'"code":"invalid_request"' in answer


async def test_a_silent_crew_is_bridged_by_pings(tmp_path: Path) -> None:
    settings = {"server.ping_seconds": 0.1}
    async with (
        fake_engine(lambda _: Act("late word", delay=0.4)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, **settings}) as stack,
        stack.client() as client,
    ):
        text = (await client.post(CHAT, json=asking("Hi", "fake", stream=True))).text
    assert text.count(": ping\n\n") >= 2
    assert text.index('"role"') < text.index(": ping")
