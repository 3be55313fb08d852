"""Ties are settled by one word a tied answer; outcomes posted by the owner change the confidence of later votes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.fake_engine import Act, fake_engine, last_user
from tests.stack import asking, served_stack

QUESTION = "What is 2 + 2?"


def _word(word: str, likely: Mapping[str, float]) -> Act:
    """A reply of one token with the log probabilities of its candidates."""
    told = {"content": [{"token": word, "top_logprobs": [{"token": t, "logprob": p} for t, p in likely.items()]}]}
    chunks: list[dict[str, Any]] = [
        {"choices": [{"delta": {"content": word}, "logprobs": told}]},
        {"choices": [{"delta": {}, "finish_reason": "length"}]},
        {"choices": [], "usage": {"prompt_tokens": 90, "completion_tokens": 1}},
    ]
    return Act(raw=[*(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks), b"data: [DONE]\n\n"])


def _judged(likely: Mapping[str, float] | None) -> Any:
    """Five drafts: 5, 4, 5, 4 and none; the judge finds *likely* words where the answer is 4, else no."""
    texts = iter(["Answer: 5", "Answer: 4", "Answer: 5", "Answer: 4", "I cannot say what it is, sorry about that"])

    def play(body: dict[str, Any]) -> Act:
        if "Proposed answer" not in last_user(body):
            return Act(next(texts))
        if likely is None:
            return Act("yes")
        return _word("yes", likely if "Proposed answer: 4" in last_user(body) else {"No": -0.1, "yes": -3.0})

    return play


async def test_a_tie_goes_to_the_answer_that_the_model_finds_likelier_right(tmp_path: Path) -> None:
    async with (
        fake_engine(_judged({" Yes": -0.2, "no": -1.8})) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "engine.slots": 1}) as stack,
        stack.client() as client,
    ):
        answer = (await client.post("/v1/chat/completions", json=asking(QUESTION))).json()
    told = answer["harmonic"]
    assert answer["choices"][0]["message"]["content"] == "Answer: 4"
    assert (told["agreement"]["votes"], told["agreement"]["asked"]) == (2, 5)
    assert [(point["text"], point["votes"]) for point in told["minority"]] == [("5", 2)]
    assert (told["aggregator"]["name"], told["aggregator"]["completion_tokens"]) == ("judge", 2)
    asked = [request for request in engine.requests if request["max_tokens"] == 1]
    assert len(asked) == 2
    assert all(request["logprobs"] and request["temperature"] == 0 for request in asked)


async def test_an_engine_without_token_probabilities_leaves_the_tie_to_the_answer_asked_first(tmp_path: Path) -> None:
    async with (
        fake_engine(_judged(None)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "engine.slots": 1}) as stack,
        stack.client() as client,
    ):
        answer = (await client.post("/v1/chat/completions", json=asking(QUESTION))).json()
    assert answer["choices"][0]["message"]["content"] == "Answer: 5"
    assert answer["harmonic"]["aggregator"]["status"] == "failed"


async def test_no_judge_is_asked_where_nothing_ties_or_it_is_switched_off(tmp_path: Path) -> None:
    async with (
        fake_engine(_judged({"yes": -0.1})) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "engine.slots": 1, "merge.judge": False}) as stack,
        stack.client() as client,
    ):
        answer = (await client.post("/v1/chat/completions", json=asking(QUESTION))).json()
    assert answer["choices"][0]["message"]["content"] == "Answer: 5"
    assert answer["harmonic"]["aggregator"] is None
    assert len(engine.requests) == 5


async def test_posted_outcomes_replace_the_shipped_confidence_and_outlive_a_restart(tmp_path: Path) -> None:
    settings: dict[str, object] = {"merge.outcomes": 3}
    seen: list[float] = []
    for _ in range(2):
        async with (
            fake_engine(lambda _: Act("Answer: 4")) as engine,
            served_stack(tmp_path, {**settings, "engine.url": engine.url}) as stack,
            stack.client() as client,
            stack.client(admin=True) as admin,
        ):
            for _ in range(4):
                told = (await client.post("/v1/chat/completions", json=asking(QUESTION))).json()["harmonic"]
                seen.append(told["agreement"]["confidence"])
                posted = await admin.post(f"/admin/queries/{told['query']}/outcome", json={"right": False})
                assert (posted.status_code, posted.json()["votes"]) == (201, 2)
            again = await admin.post(f"/admin/queries/{told['query']}/outcome", json={"right": False})
            assert again.status_code == 201
    shipped, smoothed = seen[0], 8 * 0.8 / (3 + 8)
    assert seen[:3] == [shipped] * 3
    assert seen[3] == round(smoothed, 3)
    assert seen[4] == round(8 * 0.8 / (4 + 8), 3), "the second posting of one query counts once, and the file was read"


async def test_only_votes_have_outcomes(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("It depends.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        told = (await client.post("/v1/chat/completions", json=asking("Why is the sky blue?"))).json()["harmonic"]
        open_question = await admin.post(f"/admin/queries/{told['query']}/outcome", json={"right": True})
        nobodys = await admin.post("/admin/queries/q-none/outcome", json={"right": True})
        wrong = await admin.post(f"/admin/queries/{told['query']}/outcome", json={"right": "yes"})
    assert (open_question.status_code, open_question.json()["error"]["code"]) == (409, "not_voted")
    assert nobodys.status_code == 404
    assert wrong.status_code == 400


async def test_a_model_of_unknown_skill_is_heard_and_has_no_vote(tmp_path: Path) -> None:
    crew = tmp_path / "crew.toml"
    crew.write_text(
        '[agents.executive]\ntier = 1\nrole = "x"\n[agents.other]\ntier = 2\nrole = "y"\nmodel = "weak"\n'
        'examples = ["What is 3 + 3?"]\n'
    )

    def play(body: dict[str, Any]) -> Act:
        return Act("Answer: 7" if body["model"] == "weak" else "Answer: 4")

    async with (
        fake_engine(play, models=("fake", "weak")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "engine.model": "fake", "crew.file": str(crew)}) as stack,
        stack.client() as client,
    ):
        told = (await client.post("/v1/chat/completions", json=asking(QUESTION))).json()["harmonic"]
    assert (told["agreement"]["votes"], told["agreement"]["asked"]) == (2, 2)
    other = next(agent for agent in told["agents"] if agent["name"] == "other")
    assert other["status"] in ("ok", "skipped")
    assert [(point["text"], point["votes"]) for point in told["minority"]] == (
        [("7", 0)] if other["status"] == "ok" else []
    )


async def test_a_damaged_file_of_outcomes_stops_nothing_and_is_told_when_written(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "outcomes.sqlite3").write_bytes(b"no database at all, " * 100)
    async with (
        fake_engine(lambda _: Act("Answer: 4")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        told = (await client.post("/v1/chat/completions", json=asking(QUESTION))).json()["harmonic"]
        posted = await admin.post(f"/admin/queries/{told['query']}/outcome", json={"right": True})
    assert told["agreement"]["confidence"] == 0.8
    assert (posted.status_code, posted.json()["error"]["code"]) == (503, "outcome_not_kept")
