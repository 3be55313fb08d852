"""Pages in a browser: those that the settings name may ask and read, whatever the answer; others are told nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fake_engine import Act, fake_engine
from tests.stack import Stack, asking, served_stack

PAGE = "http://box.lan:3000"
CHAT = "/v1/chat/completions"
ASKED = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A stack that one page may call."""
    settings: dict[str, object] = {"server.allowed_origins": [PAGE]}
    async with (
        fake_engine(lambda _: Act("Hello.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, **settings}) as served,
    ):
        yield served


async def test_the_browsers_own_question_needs_no_key_and_names_the_page(stack: Stack) -> None:
    async with stack.client() as client:
        answer = await client.options(CHAT, headers={"origin": PAGE, "authorization": "", **ASKED})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-headers"] == ASKED["access-control-request-headers"]
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in answer.headers


async def test_a_page_reads_answers_streams_and_errors(stack: Stack) -> None:
    async with stack.client() as client:
        for body, status in ((asking("Hi.", "fake"), 200), (asking("Hi.", "fake", stream=True), 200), ({}, 400)):
            answer = await client.post(CHAT, json=body, headers={"origin": PAGE})
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == PAGE
            assert "x-request-id" in answer.headers["access-control-expose-headers"]
            assert answer.headers["vary"] == "origin"
        refused = await client.get("/v1/models", headers={"origin": PAGE, "authorization": "Bearer no"})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, PAGE)


@pytest.mark.parametrize("origin", ["https://evil.example", "http://box.lan:3001", "null", "http://localhost:3000"])
async def test_another_page_is_told_nothing(stack: Stack, origin: str) -> None:
    async with stack.client() as client:
        answers = [
            await client.options(CHAT, headers={"origin": origin, **ASKED}),
            await client.post(CHAT, json=asking("Hi.", "fake"), headers={"origin": origin}),
        ]
    for answer in answers:
        assert not any(name.startswith("access-control") for name in answer.headers)
    assert answers[0].status_code in (403, 405)


async def test_strange_header_names_are_not_repeated(stack: Stack) -> None:
    asked = {**ASKED, "access-control-request-headers": "x-a, *, x:b"}
    async with stack.client() as client:
        answer = await client.options(CHAT, headers={"origin": PAGE, **asked})
    assert (answer.status_code, "access-control-allow-headers" in answer.headers) == (204, False)
