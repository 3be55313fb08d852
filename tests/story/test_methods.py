"""What a path says to methods other than its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fake_engine import Act, fake_engine
from tests.stack import Stack, served_stack


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A stack on a fake engine."""
    async with (
        fake_engine(lambda _: Act("Hello.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as served,
    ):
        yield served


@pytest.mark.parametrize("path", ["/health", "/ready", "/v1/models", "/v1/models/harmonic", "/metrics"])
async def test_head_is_get_without_the_body(stack: Stack, path: str) -> None:
    async with stack.client() as client:
        head, got = await client.head(path), await client.get(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


async def test_head_of_a_stream_without_an_end_is_refused(stack: Stack) -> None:
    async with stack.client(admin=True) as client:
        assert (await client.head("/admin/spine/tail")).status_code == 405


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/chat/completions", {"POST"}),
        ("OPTIONS", "/v1/messages", {"POST"}),
        ("PUT", "/v1/models", {"GET", "HEAD"}),
        ("PATCH", "/v1/responses/resp_1", {"DELETE", "GET", "HEAD"}),
        ("POST", "/health", {"GET", "HEAD"}),
    ],
)
async def test_another_method_is_told_all_that_there_are(
    stack: Stack, method: str, path: str, allowed: set[str]
) -> None:
    async with stack.client() as client:
        answer = await client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed


async def test_a_path_with_a_slash_too_many_is_not_there(stack: Stack) -> None:
    async with stack.client() as client:
        for path in ("/health/", "/v1/chat/completions/", "/v1/responses/"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
