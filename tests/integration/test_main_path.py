"""The main path, on the real engine with the real model, by the official client: what a newcomer does first."""

from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from openai import AsyncOpenAI, AuthenticationError, BadRequestError, NotFoundError
from prometheus_client.parser import text_string_to_metric_families

from tests.cli import Home
from tests.helpers import until

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

SMALL: dict[str, Any] = {"harmonic": {"draft_tokens": 24}}


async def _client(home: Home, key: str | None = None) -> AsyncOpenAI:
    url = (await home.json("status"))["url"]
    return AsyncOpenAI(base_url=f"{url}/v1", api_key=key or (await home.run("key", "show")).out.strip(), max_retries=0)


async def test_the_models_are_the_ways_of_answering_the_agents_the_engines_model_and_an_encoder(running: Home) -> None:
    async with await _client(running) as client:
        models = [model async for model in client.models.list()]
        names, [engines] = [model.id for model in models], [m.id for m in models if m.owned_by == "engine"]
        one = await client.models.retrieve(engines)
    assert names[:5] == ["harmonic", "harmonic-full", "harmonic-fast", "harmonic-deep", "executive"]
    assert "reviewer" in names
    assert "smollm2" in engines
    assert names[-1].startswith("harmonic-embed-")
    assert one.owned_by == "engine"


async def test_harmonic_full_streams_three_agents_drafts_and_then_the_answer(running: Home) -> None:
    async with await _client(running) as client:
        stream = await client.chat.completions.create(
            model="harmonic-full",
            messages=[{"role": "user", "content": "Describe the sea for a child."}],
            stream=True,
            max_tokens=40,
            stream_options={"include_usage": True},
            extra_body=SMALL,
        )
        chunks = [chunk.model_dump() async for chunk in stream]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    with_choice = [chunk for chunk in chunks if chunk["choices"]]
    first = next(i for i, chunk in enumerate(with_choice) if chunk["choices"][0]["delta"].get("content"))
    drafting = {
        chunk["harmonic"]["agent"]
        for chunk in with_choice[:first]
        if chunk["choices"][0]["delta"].get("reasoning_content")
    }
    assert len(drafting) >= 3
    assert sum(chunk["choices"][0]["finish_reason"] is not None for chunk in with_choice) == 1
    told, usage = with_choice[-1]["harmonic"], chunks[-1]["usage"]
    assert {agent["status"] for agent in told["agents"]} == {"ok"}
    assert all(agent["completion_tokens"] > 0 and agent["seconds"] > 0 for agent in told["agents"])
    calls = [*told["agents"], told["aggregator"]]
    assert usage["completion_tokens"] == sum(call["completion_tokens"] for call in calls)
    assert usage["prompt_tokens"] == sum(call["prompt_tokens"] for call in calls)


async def test_the_whole_answer_is_the_same_object(running: Home) -> None:
    async with await _client(running) as client:
        answer = await client.chat.completions.create(
            model="harmonic",
            messages=[{"role": "user", "content": "Describe a forest for a child."}],
            max_tokens=24,
            extra_body=SMALL,
        )
    told = answer.model_dump()
    assert told["choices"][0]["message"]["content"].strip()
    assert told["harmonic"]["mode"] == "open"
    assert {"query", "agents", "aggregator", "agreement", "minority", "coverage", "warnings"} <= told["harmonic"].keys()
    assert told["usage"]["completion_tokens"] == sum(a["completion_tokens"] for a in told["harmonic"]["agents"])


async def test_a_closed_question_is_put_to_the_vote(running: Home) -> None:
    async with await _client(running) as client:
        answer = await client.chat.completions.create(
            model="harmonic",
            messages=[{"role": "user", "content": "What is 2 + 2? Answer with a number."}],
            extra_body={"harmonic": {"draft_tokens": 60}},
        )
    told = answer.model_dump()["harmonic"]
    assert told["mode"] in ("closed", "open")  # this small model does not always end in an answer
    assert (told["agreement"] is not None) == (told["mode"] == "closed")
    assert 2 <= len(told["agents"]) <= 5


async def test_errors_have_the_shape_that_the_client_knows(running: Home) -> None:
    messages: Any = [{"role": "user", "content": "hi"}]
    async with await _client(running) as client:
        with pytest.raises(NotFoundError) as missing:
            await client.chat.completions.create(model="gpt-4", messages=messages)
        with pytest.raises(BadRequestError) as refused:
            await client.chat.completions.create(model="harmonic", messages=messages, n=2)
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "n")
    async with await _client(running, key="hs-wrong") as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.models.list()


async def test_the_command_line_asks_and_looks(running: Home) -> None:
    ran = await running.run("ask", "Say hello.", "--model", "harmonic-fast", "--max-tokens", "12", "--session", "cli")
    assert (ran.code, bool(ran.out.strip())) == (0, True), ran.err
    found = await running.json("spine", "read", "1", "--session", "cli")
    assert [signal["kind"] for signal in found["signals"]] == ["turn"]
    status = await running.json("status")
    assert status["slots"]["promised"] == status["slots"]["achieved"] == 4
    assert status["spine"]["state"] == "ok"
    assert "demonstration model" in status["engine"]["note"]
    for words in (("status",), ("agents",), ("hardware",), ("plan", "--explain"), ("spine", "channels"), ("logs",)):
        ran = await running.run(*words)
        assert (ran.code, bool(ran.out.strip())) == (0, True), ran.err
    ran = await running.run("key", "show", "--admin")
    assert ran.out.startswith("hs-")
    assert len(ran.out.splitlines()) == 1


async def test_an_agent_is_rested_and_woken_on_the_command_line(running: Home) -> None:
    rested = await running.run("agents", "--rest", "coder")
    assert (rested.code, "(rested) " in rested.out) == (0, True), rested.err
    told = (await running.run("status")).out.splitlines()
    assert [line.split()[1:] for line in told if line.startswith("rested")] == [["coder"]]
    refused = await running.run("agents", "--rest", "executive")
    assert (refused.code, "Rest another agent" in refused.err) == (1, True)
    woken = await running.run("agents", "--wake", "coder")
    assert (woken.code, "(rested) " in woken.out) == (0, False), woken.err


async def test_status_says_why_no_prompt_was_warmed_with_fewer_slots_than_agents(running: Home) -> None:
    told = (await running.run("status")).out
    assert "warmed 0 of 9 agents" in told
    assert "4 slots for 9 agents" in told


async def test_the_store_killed_during_a_query_costs_no_answer_and_comes_back(running: Home) -> None:
    status = await running.json("status")

    log = running.path / ".local/state/harmonic-stack/logs/daemon.log"

    def told() -> str:
        """What the daemon's log tells of the store, however short the time without it was."""
        return log.read_text("utf-8")

    async with await _client(running) as client:
        stream = await client.chat.completions.create(
            model="harmonic-full",
            messages=[{"role": "user", "content": "Describe the moon for a child."}],
            stream=True,
            max_tokens=24,
            extra_body=SMALL,
        )
        answer, killed = "", False
        async for chunk in stream:
            if not killed:
                psutil.Process(status["spine"]["pid"]).kill()
                killed = True
            answer += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    assert answer.strip()
    await until(lambda: "the store is back" in told(), "the store is back", timeout=30)
    assert "the store is lost" in told()
    spine = (await running.json("status"))["spine"]
    assert (spine["state"], spine["pid"] != status["spine"]["pid"]) == ("ok", True)


# Names that dashboards and alarms are written against, with the labels that they select by.
PROMISED: dict[str, set[str]] = {
    "requests_total": {"route", "code"},
    "request_duration_seconds_bucket": {"le"},
    "time_to_first_token_seconds_bucket": {"le"},
    "inter_token_latency_seconds_bucket": {"le"},
    "prompt_tokens_total": set(),
    "generation_tokens_total": set(),
    "requests_running": {"tier"},
    "requests_waiting": {"tier"},
    "slots": {"tier", "state"},
    "agent_failures_total": {"agent", "reason"},
    "engine_restarts_total": set(),
    "spine_entries": {"channel"},
    "spine_memory_bytes": {"of"},
    "spine_degraded": set(),
    "build_info": {"version"},
}


async def test_every_promised_metric_is_there_with_its_labels_on_the_real_engine(running: Home) -> None:
    status = await running.json("status")
    key = (await running.run("key", "show")).out.strip()
    async with httpx.AsyncClient(base_url=status["url"], headers={"authorization": f"Bearer {key}"}) as client:
        told = (await client.get("/metrics")).text
    labels = {
        sample.name.removeprefix("harmonic_"): sample.labels.keys()
        for family in text_string_to_metric_families(told)
        for sample in family.samples
        if sample.name.startswith("harmonic_")
    }
    assert PROMISED.keys() - labels.keys() == set()
    assert {name: wanted for name, wanted in PROMISED.items() if not wanted <= labels[name]} == {}


async def test_a_conversation_in_the_terminal_is_kept_under_its_name(running: Home) -> None:
    typed = "Name a colour.\n/history\n/model analyst\n/model\n/session other\n/history\n/nonsense\n/quit\nnever\n"
    ran = await running.run("chat", "--model", "harmonic-fast", "--session", "talk", text=typed)
    assert ran.code == 0, ran.err
    answer, _, history = ran.out.partition("> Name a colour.")
    assert answer.strip()
    assert answer.strip() in history
    assert "never" not in ran.out
    told = ran.err.splitlines()
    assert told[0].startswith("session talk, harmonic-fast")
    assert "model analyst" in told
    assert "nothing has been said yet" in told
    assert "/drafts" in ran.err


async def test_a_conversation_needs_a_running_stack_and_goes_on_after_a_failure(running: Home, tmp_path: Path) -> None:
    nowhere = await Home(tmp_path).make().run("chat", text="Hello\n")
    assert (nowhere.code, nowhere.out) == (4, "")
    ran = await running.run("chat", "--model", "no-such-model", text="Hello\n/model harmonic-fast\nHello\n")
    assert ran.code == 0
    assert "no-such-model" in ran.err
    assert ran.out.strip()
