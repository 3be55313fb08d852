"""Ties are settled by one word a tied answer; outcomes posted by the owner change the confidence of later votes."""

from pathlib import Path
from typing import Any

import pytest

from tests.fake_engine import Act, fake_engine, last_user
from tests.helpers import until
from tests.stack import Stack, asking, served_stack
from tests.word_engine import judged

QUESTION = "What is 2 + 2?"


async def _measured(stack: Stack) -> None:
    await until(lambda: bool(stack.daemon.orchestrator.examining.fitness.fit), "the model is known to be fit")


async def test_a_tie_goes_to_the_answer_that_the_model_finds_likelier_right(tmp_path: Path) -> None:
    async with (
        fake_engine(judged({" Yes": -0.2, "no": -1.8})) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "engine.slots": 1}, examine=True) as stack,
        stack.client() as client,
    ):
        await _measured(stack)
        answer = (await client.post("/v1/chat/completions", json=asking(QUESTION))).json()
    told = answer["harmonic"]
    assert answer["choices"][0]["message"]["content"] == "Answer: 4"
    assert (told["agreement"]["votes"], told["agreement"]["asked"]) == (2, 5)
    assert [(point["text"], point["votes"]) for point in told["minority"]] == [("5", 2)]
    assert (told["aggregator"]["name"], told["aggregator"]["completion_tokens"]) == ("judge", 2)
    asked = [request for request in engine.requests if QUESTION in last_user(request) and request["max_tokens"] == 1]
    assert len(asked) == 2
    assert all(request["logprobs"] and request["temperature"] == 0 for request in asked)


async def test_a_judge_that_tells_no_probabilities_leaves_the_tie_to_the_answer_asked_first(tmp_path: Path) -> None:
    async with (
        fake_engine(judged(None)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "engine.slots": 1}, examine=True) as stack,
        stack.client() as client,
    ):
        await _measured(stack)
        answer = (await client.post("/v1/chat/completions", json=asking(QUESTION))).json()
    assert answer["choices"][0]["message"]["content"] == "Answer: 5"
    assert answer["harmonic"]["aggregator"]["status"] == "failed"
    assert answer["harmonic"]["aggregator"]["reason"] == "the engine tells no token probabilities"


@pytest.mark.parametrize("settings", [{"merge.judge": False}, {"merge.guard": True}])
async def test_no_judge_is_asked_where_it_is_switched_off_or_draft_0_is_guarded(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    async with (
        fake_engine(judged({"yes": -0.1})) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "engine.slots": 1, **settings}, examine=True) as stack,
        stack.client() as client,
    ):
        if settings.get("merge.judge", True):
            await _measured(stack)
        answer = (await client.post("/v1/chat/completions", json=asking(QUESTION))).json()
    assert answer["choices"][0]["message"]["content"] == "Answer: 5"
    assert answer["harmonic"]["aggregator"] is None
    assert not any("Proposed answer: 4" in last_user(body) and QUESTION in last_user(body) for body in engine.requests)


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
