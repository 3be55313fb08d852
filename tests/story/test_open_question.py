"""An open question through the whole stack: the executive's words live, or one merge; what one agent saw is kept."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fake_engine import Act, fake_engine, last_user, role_of
from tests.helpers import until
from tests.stack import asking, served_stack

QUESTION = "How should I look after a sourdough starter?"
PLAIN = "Feed the sourdough starter flour and water every day. Keep the starter in a jar."
INSIGHT = "Feed the sourdough starter every day with flour. Sourdough from 1847 is still kept alive in San Francisco."


def _is_merge(body: dict[str, Any]) -> bool:
    return "drafts of an answer" in last_user(body)


async def _chunks(response: httpx.Response) -> list[dict[str, Any]]:
    lines = [line[6:] async for line in response.aiter_lines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def _delta(chunk: dict[str, Any], name: str) -> str:
    return (chunk["choices"][0]["delta"].get(name) or "") if chunk["choices"] else ""


async def test_the_executives_first_token_is_the_first_content_while_its_peers_still_think(tmp_path: Path) -> None:
    peers, said = asyncio.Event(), iter([PLAIN, INSIGHT, PLAIN])

    def play(body: dict[str, Any]) -> Act:
        return Act(next(said), hold=peers) if role_of(body) else Act(PLAIN)

    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
        client.stream("POST", "/v1/chat/completions", json=asking(QUESTION, stream=True)) as response,
    ):
        text = ""
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                text += _delta(json.loads(line[6:]), "content")
                if text.strip() == PLAIN and not peers.is_set():
                    await until(lambda: engine.streaming == 3, "all three peers are asked, and none has said a word")
                    peers.set()
    assert peers.is_set()
    assert text.startswith(PLAIN)
    assert "1847" in text[len(PLAIN) :]


async def test_harmonic_full_shows_three_drafts_before_one_merged_answer(tmp_path: Path) -> None:
    said = iter([PLAIN, INSIGHT, PLAIN])

    def play(body: dict[str, Any]) -> Act:
        return Act("Merged: feed it daily.") if _is_merge(body) else Act(next(said) if role_of(body) else PLAIN)

    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
        client.stream(
            "POST",
            "/v1/chat/completions",
            json=asking(QUESTION, "harmonic-full", stream=True, stream_options={"include_usage": True}),
        ) as response,
    ):
        chunks = await _chunks(response)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert len({chunk["id"] for chunk in chunks}) == 1
    first_content = next(place for place, chunk in enumerate(chunks) if _delta(chunk, "content"))
    before = {chunk["harmonic"]["agent"] for chunk in chunks[:first_content] if _delta(chunk, "reasoning_content")}
    assert len(before) == 4
    assert not any(_delta(chunk, "reasoning_content") for chunk in chunks[first_content:])
    finishes = [c for c in chunks if c["choices"] and c["choices"][0]["finish_reason"]]
    assert [chunk["choices"][0]["finish_reason"] for chunk in finishes] == ["stop"]
    assert chunks[-1]["choices"] == []
    told, usage = finishes[0]["harmonic"], chunks[-1]["usage"]
    spent = [*told["agents"], told["aggregator"]]
    assert usage["completion_tokens"] == sum(call["completion_tokens"] for call in spent)
    assert usage["prompt_tokens"] == sum(call["prompt_tokens"] for call in spent)
    delivered = told["aggregator"]["completion_tokens"]
    assert usage["completion_tokens_details"]["reasoning_tokens"] == usage["completion_tokens"] - delivered
    answer = "".join(_delta(chunk, "content") for chunk in chunks)
    assert answer.startswith("Merged: feed it daily.")
    assert "1847" in answer  # the merge dropped it; code appended it
    assert any("1847" in point["text"] and point["kept"] for point in told["minority"])


async def test_short_answers_to_an_open_question_stand_side_by_side(tmp_path: Path) -> None:
    for mode, appended in (("append", True), ("report", False)):
        said = iter(["Fourteen", "12.", "**14**"])

        def play(body: dict[str, Any], said: Iterator[str] = said) -> Act:
            return Act(next(said) if role_of(body) else "12")

        async with (
            fake_engine(play) as engine,
            served_stack(tmp_path / mode, {"engine.url": engine.url, "merge.minority": mode}) as stack,
            stack.client() as client,
        ):
            answer = (await client.post("/v1/chat/completions", json=asking(QUESTION))).json()
        told = answer["harmonic"]
        (point,) = told["minority"]
        assert told["mode"] == "open"
        assert told["agreement"] is None
        assert (point["votes"], point["kept"], len(point["holders"])) == (2, appended, 2)
        content = answer["choices"][0]["message"]["content"].strip()
        first, _, beside = content.partition("\n\n")
        assert first == "12"
        assert beside == (
            f"{point['holders'][0]} and {point['holders'][1]} answer: {point['text']}" if appended else ""
        )


async def test_a_base_that_dies_at_once_is_replaced_and_one_that_dies_later_is_followed(tmp_path: Path) -> None:
    for pieces, expected in ((0, "Second opinion."), (3, "One two three\n\n")):

        def play(body: dict[str, Any], pieces: int = pieces) -> Act:
            return Act("Second opinion.") if role_of(body) else Act("One two three four", die_after=pieces)

        async with (
            fake_engine(play) as engine,
            served_stack(tmp_path / str(pieces), {"engine.url": engine.url, "merge.minority": "off"}) as stack,
            stack.client() as client,
        ):
            answer = (await client.post("/v1/chat/completions", json=asking(QUESTION))).json()
        content = answer["choices"][0]["message"]["content"]
        assert content.startswith(expected)
        assert content.endswith("Second opinion.")
        assert answer["harmonic"]["agents"][0]["status"] == "failed"


@pytest.mark.parametrize("failure", ["refuses", "says nothing", "copies the fence"])
async def test_an_aggregator_that_fails_is_replaced_by_the_first_draft(tmp_path: Path, failure: str) -> None:
    def play(body: dict[str, Any]) -> Act:
        if _is_merge(body):
            fence = next(line for line in last_user(body).splitlines() if line.endswith("draft 1]"))
            said = Act(" ") if failure == "says nothing" else Act(f"{fence}\n{fence}")
            return Act(status=500, body=b"{}") if failure == "refuses" else said
        return Act("The executive's draft." if not role_of(body) else "Another draft.")

    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "merge.minority": "off"}) as stack,
        stack.client() as client,
    ):
        answer = (await client.post("/v1/chat/completions", json=asking(QUESTION, "harmonic-full"))).json()
    assert answer["choices"][0]["message"]["content"].strip() == "The executive's draft."
    assert answer["harmonic"]["aggregator"]["status"] == "failed"


async def test_all_agents_failed_is_502_before_the_first_byte(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act(die_after=0)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        for model in ("harmonic", "harmonic-full", "harmonic-fast", "coder"):
            for stream in (False, True):
                response = await client.post("/v1/chat/completions", json=asking(QUESTION, model, stream=stream))
                assert response.status_code == 502
                assert response.json()["error"]["code"] == "all_agents_failed"


async def test_a_failure_after_the_first_byte_is_an_error_event_without_an_end_mark(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("One two three", die_after=2)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        response = await client.post("/v1/chat/completions", json=asking(QUESTION, "harmonic-fast", stream=True))
    events = [line for line in response.text.split("\n\n") if line]
    assert response.status_code == 200
    assert json.loads(events[-1][6:])["error"]["code"] == "all_agents_failed"
    assert "[DONE]" not in response.text


async def test_a_late_agent_is_left_out_at_the_deadline_and_the_answer_says_so(tmp_path: Path) -> None:
    def play(body: dict[str, Any]) -> Act:
        return Act(PLAIN, hold=asyncio.Event()) if role_of(body) else Act(PLAIN)

    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        body = asking(QUESTION, harmonic={"deadline": 0.5})
        answer = (await client.post("/v1/chat/completions", json=body)).json()
        await until(lambda: engine.streaming == 0, "the late drafts are let go")
    assert [agent["status"] for agent in answer["harmonic"]["agents"]] == ["ok", "late", "late", "late"]
    assert answer["harmonic"]["warnings"][0] == "1 of 4 agents answered"


async def test_a_client_that_leaves_cancels_every_draft_and_frees_every_slot(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("word " * 2000, delay=0.01)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "engine.slots": 8}) as stack,
        stack.client() as client,
    ):
        async with client.stream(
            "POST", "/v1/chat/completions", json=asking(QUESTION, "harmonic-full", stream=True)
        ) as response:
            async for line in response.aiter_lines():
                if "reasoning_content" in line:
                    break
            assert engine.streaming == 4
        await until(lambda: engine.closed == 4, "all four drafts are broken off", timeout=1)
        pool = next(iter(stack.daemon.orchestrator.seats.pools.values())).slots
        await until(lambda: pool.busy == 0, "all slots are free", timeout=1)


async def test_what_the_request_asks_for_wins_within_the_limits(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act(PLAIN)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        options = {"agents": ["coder", "analyst"], "draft_tokens": 33, "stream": "off"}
        response = await client.post(
            "/v1/chat/completions", json=asking(QUESTION, "harmonic-full", stream=True, harmonic=options)
        )
    assert "reasoning_content" not in response.text
    drafts = [request for request in engine.requests if not _is_merge(request)]
    assert {request["max_tokens"] for request in drafts} == {33}
    assert len(drafts) == 3
    final = json.loads(response.text.split("\n\n")[-3][6:])
    assert [agent["name"] for agent in final["harmonic"]["agents"]] == ["executive", "coder", "analyst"]
