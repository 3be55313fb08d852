"""An engine that breaks off: before the first byte the client gets a status, later an error event and no end mark."""

import json
from pathlib import Path

import pytest

from tests.fake_engine import Act, fake_engine
from tests.stack import asking, served_stack

WORDS = "one two three four five six seven eight"


@pytest.mark.parametrize("pieces", [0, 1, 5])
async def test_a_break_is_told_and_what_was_said_is_kept(tmp_path: Path, pieces: int) -> None:
    async with (
        fake_engine(lambda _: Act(WORDS, die_after=pieces, delay=0.01)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        body = asking("Count.", "harmonic-fast")
        whole = await client.post("/v1/chat/completions", json=body)
        streamed = await client.post("/v1/chat/completions", json={**body, "stream": True})
    assert whole.status_code == 502
    if not pieces:
        assert (streamed.status_code, streamed.json()["error"]["type"]) == (502, "server_error")
        return
    assert streamed.status_code == 200
    events = [json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: ")]
    assert "error" in events[-1]
    assert "[DONE]" not in streamed.text
    said = "".join(event["choices"][0]["delta"].get("content", "") for event in events[:-1])
    assert WORDS.startswith(said)
    assert said


async def test_an_engine_that_closes_instead_of_its_end_mark_has_said_all(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act(WORDS, done_mark=False, usage=False)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        answer = await client.post("/v1/chat/completions", json=asking("Count.", "harmonic-fast"))
    assert answer.json()["choices"][0]["message"]["content"] == WORDS
