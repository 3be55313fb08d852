"""Only a model that tells right from wrong answers settles ties: measured in idle time, kept, and told."""

import asyncio
import json
from dataclasses import replace
from math import comb
from pathlib import Path
from typing import Any

import pytest

from harmonic_stack.answer.fitness import NEEDED, PAIRS, Fitness
from harmonic_stack.examining import Examining
from harmonic_stack.host.identity import model_identity
from launcher import EngineSettings, OllamaModel, OllamaSite, demo_model
from tests.fake_engine import Act, FakeEngine, fake_engine, last_user
from tests.helpers import until
from tests.stack import Stack, asking, served_stack
from tests.word_engine import judged, word

QUESTION = "What is 2 + 2?"
ASKED = 2 * len(PAIRS)


def at(engine: FakeEngine, **more: object) -> dict[str, object]:
    return {"engine.url": engine.url, "engine.slots": 1, **more}


async def measured(stack: Stack) -> Fitness:
    examining = stack.daemon.orchestrator.examining
    await until(lambda: examining.fitness.fit is not None, "all pairs were asked")
    return examining.fitness


async def answer_to_a_tie(stack: Stack) -> tuple[str, dict[str, Any]]:
    async with stack.client() as client:
        answer = (await client.post("/v1/chat/completions", json=asking(QUESTION))).json()
    return answer["choices"][0]["message"]["content"], answer["harmonic"]


async def told(stack: Stack) -> dict[str, Any]:
    async with stack.client(admin=True) as admin:
        found: dict[str, Any] = (await admin.get("/admin/status")).json()["judge"]
    return found


async def test_a_model_that_says_yes_to_everything_leaves_ties_to_the_answer_asked_first(tmp_path: Path) -> None:
    async with (
        fake_engine(judged({"yes": -0.1, "no": -3.0}, pairs_right=0)) as engine,
        served_stack(tmp_path, at(engine), examine=True) as stack,
    ):
        found = await measured(stack)
        status = await told(stack)
        text, harmonic = await answer_to_a_tie(stack)
    assert (found.right, found.fit) == (0, False)
    assert (status["fit"], status["right"], status["pairs"], status["needed"]) == (False, 0, 48, 32)
    assert text == "Answer: 5"
    judge = harmonic["aggregator"]
    assert (judge["name"], judge["status"], judge["completion_tokens"]) == ("judge", "skipped", 0)
    assert judge["reason"] == "the tie stays with the answer asked first: the judge is unfit: 0 of 48 pairs, 32 needed"
    assert harmonic["warnings"] == []
    assert len(engine.requests) == ASKED + 5, "the judge is not asked of the tie"


@pytest.mark.parametrize(("right", "answer"), [(NEEDED - 1, "Answer: 5"), (NEEDED, "Answer: 4")])
async def test_as_many_pairs_as_chance_hardly_reaches_make_it_fit(tmp_path: Path, right: int, answer: str) -> None:
    async with (
        fake_engine(judged({"yes": -0.1}, pairs_right=right)) as engine,
        served_stack(tmp_path, at(engine), examine=True) as stack,
    ):
        found = await measured(stack)
        text, _ = await answer_to_a_tie(stack)
    assert found.right == right
    assert text == answer


async def test_before_it_is_measured_ties_stay_and_the_answer_says_why(tmp_path: Path) -> None:
    async with (
        fake_engine(judged({"yes": -0.1})) as engine,
        served_stack(tmp_path, at(engine)) as stack,
    ):
        text, harmonic = await answer_to_a_tie(stack)
        status = await told(stack)
    assert text == "Answer: 5"
    assert harmonic["aggregator"]["reason"].endswith("the judge is not measured yet, 0 of 48 pairs asked")
    assert (status["fit"], status["asked"]) == (None, 0)


async def test_a_query_stops_the_measurement_and_it_goes_on_where_it_was(tmp_path: Path) -> None:
    held, done = asyncio.Event(), judged({"yes": -0.1})
    third = PAIRS[2].question

    def play(body: dict[str, Any]) -> Act:
        if third in last_user(body) and not held.is_set():
            return replace(done(body), hold=held)
        return done(body)

    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, at(engine), examine=True) as stack,
    ):
        await until(lambda: engine.streaming == 1 and len(engine.requests) == 5, "the third pair is under way")
        text, harmonic = await answer_to_a_tie(stack)
        await until(lambda: engine.closed == 1, "the pair was broken off")
        assert text == "Answer: 5"
        assert "2 of 48 pairs asked" in harmonic["aggregator"]["reason"]
        held.set()
        found = await measured(stack)
    assert (found.right, found.fit) == (48, True)
    asked = [body for body in engine.requests if body["max_tokens"] == 1]
    assert len(asked) == ASKED + 1, "the call that was broken off, once more"
    assert sum(PAIRS[0].question in last_user(body) for body in asked) == 2, "no pair that was done is asked again"


async def test_an_engine_that_tells_no_probabilities_is_asked_of_one_pair_and_no_tie(tmp_path: Path) -> None:
    async with (
        fake_engine(judged(None, pairs_right=None)) as engine,
        served_stack(tmp_path, at(engine), examine=True) as stack,
    ):
        await measured(stack)
        status = await told(stack)
        text, harmonic = await answer_to_a_tie(stack)
    assert text == "Answer: 5"
    assert len(engine.requests) == 2 + 5
    assert status["reason"] == "the engine tells no token probabilities"
    assert harmonic["aggregator"]["reason"].endswith("the engine tells no token probabilities")


async def test_an_engine_that_fails_is_tried_again_after_the_next_query(tmp_path: Path) -> None:
    broken, done = [True], judged({"yes": -0.1})

    def play(body: dict[str, Any]) -> Act:
        return Act(status=500, body=b"out of order") if broken[0] and body["max_tokens"] == 1 else done(body)

    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, at(engine), examine=True) as stack,
    ):
        examining = stack.daemon.orchestrator.examining
        await until(lambda: examining.fitness.reason != "", "the fault is noted")
        assert "out of order" in (await told(stack))["reason"]
        broken[0] = False
        await answer_to_a_tie(stack)
        assert (await measured(stack)).fit


async def test_switched_off_nothing_is_measured(tmp_path: Path) -> None:
    async with (
        fake_engine(judged({"yes": -0.1})) as engine,
        served_stack(tmp_path, at(engine, **{"merge.judge": False}), examine=True) as stack,
    ):
        text, harmonic = await answer_to_a_tie(stack)
        status = await told(stack)
    assert (text, harmonic["aggregator"], status["enabled"]) == ("Answer: 5", None, False)
    assert len(engine.requests) == 5


async def test_the_agents_prompts_are_warmed_again_after_it_since_it_ousts_one(tmp_path: Path) -> None:
    async with (
        fake_engine(judged({"yes": -0.1})) as engine,
        served_stack(tmp_path, at(engine) | {"engine.slots": 9, "engine.warm": True}, examine=True) as stack,
    ):
        await measured(stack)
        await until(lambda: len(engine.requests) == ASKED + 18, "all are warm twice")
    assert not any("Proposed answer" in last_user(body) for body in engine.requests[-9:])


async def test_it_begins_when_nobody_asked_for_a_while(tmp_path: Path) -> None:
    async with fake_engine(judged({"yes": -0.1})) as engine, served_stack(tmp_path, at(engine)) as stack:
        examining = stack.daemon.orchestrator.examining
        assert examining.quiet == 10.0
        examining.quiet = 0.3
        stack.daemon.use_idle_time()
        begun = asyncio.get_running_loop().time()
        await answer_to_a_tie(stack)
        await until(lambda: examining.fitness.asked > 0, "the first pair was asked")
        assert asyncio.get_running_loop().time() - begun >= 0.3
        await measured(stack)
    first = next(place for place, body in enumerate(engine.requests) if "Proposed answer" in last_user(body))
    assert first == 5, "the query's drafts first"


async def test_what_is_likelier_wins_only_where_both_are_told() -> None:
    assert Fitness().after(0.6, 0.5) == Fitness(1, 1)
    assert Fitness().after(0.5, 0.5) == Fitness(0, 1)
    assert Fitness().after(0.6, None) == Fitness(0, 1)
    assert Fitness(1, 1, "lost").after(None, 0.1) == Fitness(1, 2)


def test_the_two_questions_of_a_pair_differ_in_nothing_but_the_answer() -> None:
    for pair in PAIRS:
        right, wrong = (pair.asked(answer)[0].content for answer in (pair.right, pair.wrong))
        assert right.startswith(f"Question:\n{pair.question}\n\nA proposed solution")
        given = f"{pair.states.format(pair.right)}\n\nAnswer: {pair.right}\n"
        assert given in right
        other = right.replace(given, f"{pair.states.format(pair.wrong)}\n\nAnswer: {pair.wrong}\n")
        assert other.replace(f"Proposed answer: {pair.right}\n", f"Proposed answer: {pair.wrong}\n") == wrong
        assert pair.right != pair.wrong
    assert len({pair.question for pair in PAIRS}) == len(PAIRS) == 48


def test_numbers_that_are_wrong_are_too_high_as_often_as_too_low() -> None:
    numbers = [pair for pair in PAIRS if pair.right.replace(".", "").isdigit()]
    higher = sum(float(pair.wrong) > float(pair.right) for pair in numbers)
    assert len(numbers) >= 20
    assert abs(2 * higher - len(numbers)) <= 2


def test_guessing_passes_less_than_once_in_fifty() -> None:
    heads = sum(comb(len(PAIRS), right) for right in range(NEEDED, len(PAIRS) + 1))
    assert heads / 2 ** len(PAIRS) < 0.02 <= (heads + comb(len(PAIRS), NEEDED - 1)) / 2 ** len(PAIRS)


async def test_what_was_found_is_kept_for_that_model_and_not_asked_again(tmp_path: Path) -> None:
    keep = tmp_path / "judge.json"
    async with fake_engine(judged({"yes": -0.1})) as engine, served_stack(tmp_path, at(engine)) as stack:
        orchestrator = stack.daemon.orchestrator

        async def measured_as(model: str) -> Fitness:
            pool = orchestrator.seats.pools[orchestrator.seats.model]
            examining = Examining(pool, orchestrator.conductor, keep=keep, model=model)
            examining.quiet = 0.0
            examining.begin()
            await until(lambda: examining.rested.is_set(), "all is known")
            await examining.aclose()
            return examining.fitness

        counts = []
        for model in ("one 12ab", "one 12ab", "one 34cd", "one 12ab"):
            assert (await measured_as(model)).right == len(PAIRS)
            counts.append(len(engine.requests) // ASKED)
        keep.write_text('{"exam": "of other pairs", "models": {"one 12ab": 48}}')
        await measured_as("one 12ab")
        keep.write_text("no JSON at all")
        await measured_as("one 12ab")
    assert counts == [1, 1, 2, 2]
    assert len(engine.requests) == 4 * ASKED
    assert json.loads(keep.read_text())["models"] == {"one 12ab": len(PAIRS)}


def test_a_model_is_known_by_its_weights_and_a_servers_model_not_at_all(tmp_path: Path) -> None:
    copy = tmp_path / "other.gguf"
    copy.symlink_to(demo_model())
    ours = model_identity(EngineSettings(), "smollm2")
    assert ours is not None
    assert model_identity(EngineSettings(model=copy), "smollm2") == ours
    assert model_identity(EngineSettings(kind="openai", url="http://127.0.0.1:1/v1"), "smollm2") is None
    assert model_identity(EngineSettings(model=tmp_path / "none.gguf"), "smollm2") is None


def test_an_ollamas_model_is_known_by_its_manifest() -> None:
    model = OllamaModel("qwen3:4b", 1, "qwen3", completes=True, modified="", digest="feed")
    site = OllamaSite("0.32", (model,))
    settings = EngineSettings(kind="ollama", url="http://127.0.0.1:1", ollama=site)
    assert model_identity(settings, "qwen3:4b") == "qwen3:4b feed"
    assert model_identity(settings, "qwen3:8b") is None


def test_a_word_of_one_token_carries_its_candidates() -> None:
    told = json.loads(next(iter(word("yes", {"yes": -0.5}).raw or ())).removeprefix(b"data: "))
    assert told["choices"][0]["logprobs"]["content"][0]["top_logprobs"] == [{"token": "yes", "logprob": -0.5}]
