"""A closed question through the whole stack: drafts vote, code counts, the winning draft is delivered as it is."""

from pathlib import Path
from typing import Any

from tests.fake_engine import Act, fake_engine, role_of
from tests.stack import asking, served_stack

QUESTION = "What is 2 + 2?"


async def test_drafts_vote_and_the_winners_own_text_is_delivered(tmp_path: Path) -> None:
    answers = iter(
        ["I think five.\nAnswer: 5", "Two and two.\nAnswer: 4", "Counting up.\nAnswer: 4", "Sure.\nAnswer: 4"]
    )
    async with (
        fake_engine(lambda _: Act(next(answers))) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        answer = (await client.post("/v1/chat/completions", json=asking(QUESTION))).json()
    # Lead 2: 5, 4 | 4 | 4 -> the fourth draft decides; the second was the first to say so.
    assert answer["choices"][0]["message"]["content"] == "Two and two.\nAnswer: 4"
    told = answer["harmonic"]
    assert told["mode"] == "closed"
    assert told["agreement"]["votes"] == 3
    assert told["agreement"]["asked"] == 4
    assert 0 < told["agreement"]["confidence"] < 1
    assert [agent["answer"] for agent in told["agents"]] == ["5", "4", "4", "4"]
    assert [(point["text"], point["votes"]) for point in told["minority"]] == [("5", 1)]


async def test_two_that_agree_are_enough_and_the_first_is_asked_plainly_and_greedily(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Answer: 4")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        body = asking(QUESTION, seed=7)
        body["messages"].insert(0, {"role": "system", "content": "Be exact."})
        answer = (await client.post("/v1/chat/completions", json=body)).json()
    assert answer["harmonic"]["agreement"]["votes"] == 2
    assert len(engine.requests) == 2
    first = next(request for request in engine.requests if request["temperature"] == 0)
    second = next(request for request in engine.requests if request["temperature"] == 0.7)
    assert role_of(first) == "Be exact."
    assert role_of(second).startswith("Be exact.\n\n")
    assert (first["seed"], second["seed"]) == (7, 8)
    assert {request["max_tokens"] for request in engine.requests} == {400}


async def test_a_failed_draft_is_reported_and_the_others_answer(tmp_path: Path) -> None:
    def play(body: dict[str, Any]) -> Act:
        return Act("a b c", die_after=2) if body["temperature"] == 0 else Act("Answer: 4")

    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        answer = (await client.post("/v1/chat/completions", json=asking(QUESTION))).json()
    told = answer["harmonic"]
    assert answer["choices"][0]["message"]["content"] == "Answer: 4"
    assert told["agents"][0]["status"] == "failed"
    assert told["agents"][0]["completion_tokens"] == 2
    assert any(warning.startswith("executive failed: cut off") for warning in told["warnings"])


async def test_drafts_without_a_short_answer_make_the_question_open(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("It depends on many things that nobody knows")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        answer = (await client.post("/v1/chat/completions", json=asking(QUESTION))).json()
    assert answer["harmonic"]["mode"] == "open"
    assert answer["harmonic"]["agreement"] is None
    assert answer["choices"][0]["message"]["content"].startswith("It depends on many things")


async def test_a_winner_longer_than_max_tokens_is_delivered_as_its_answer_line(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("word " * 50 + "Answer: 4")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        answer = (await client.post("/v1/chat/completions", json=asking(QUESTION, max_tokens=10))).json()
    assert answer["choices"][0]["message"]["content"] == "Answer: 4"


async def test_the_guard_keeps_the_first_answer_unless_a_rival_leads_by_two(tmp_path: Path) -> None:
    texts = iter(["Answer: 5", "Answer: 4", "Answer: 5", "Answer: 4", "Answer: 4"])
    async with (
        fake_engine(lambda _: Act(next(texts))) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "merge.guard": True, "engine.slots": 1}) as stack,
        stack.client() as client,
    ):
        answer = (await client.post("/v1/chat/completions", json=asking(QUESTION))).json()
    assert answer["choices"][0]["message"]["content"] == "Answer: 5"


async def test_json_under_a_schema_is_compared_in_canonical_form(tmp_path: Path) -> None:
    texts = iter(['{"b": 2, "a": 1}', '{"a": 1, "b": 2}'])
    form = {"type": "json_schema", "json_schema": {"name": "ab", "schema": {"type": "object"}}}
    async with (
        fake_engine(lambda _: Act(next(texts))) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        body = asking("Give a and b.", response_format=form)
        answer = (await client.post("/v1/chat/completions", json=body)).json()
    assert answer["choices"][0]["message"]["content"] == '{"b": 2, "a": 1}'
    assert answer["harmonic"]["agreement"]["votes"] == 2
    assert all(request["response_format"] == form for request in engine.requests)
    assert all("Answer:" not in request["messages"][-1]["content"] for request in engine.requests)
