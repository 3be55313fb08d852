"""What a collector is told of queries that go wrong, and what becomes of queries where the collector does."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from harmonic_stack.otlp import FLUSH_SECONDS
from launcher.loopback import free_port
from tests.fake_engine import Act, fake_engine, role_of
from tests.helpers import until
from tests.otlp_receiver import otlp_receiver
from tests.sse import chunks_of
from tests.stack import asking, served_stack
from tests.traced import traced

CHAT = "/v1/chat/completions"
CLOSED, OPEN = "What is 2 + 2? Answer with a number.", "Tell me about lighthouses."


async def test_a_failed_agent_is_an_error_and_the_query_is_none(tmp_path: Path) -> None:
    def play(body: dict[str, Any]) -> Act:
        if not role_of(body):
            return Act("Lighthouses warn ships.")
        return next(acts)

    acts = iter([Act("Half a", die_after=1), Act(status=503, body=b"{}"), Act(""), Act("Fine, too.")])
    async with traced(tmp_path, play, {"route.crew": 4, "engine.slots": 1}) as here:
        answer = (await here.client.post(CHAT, json=asking(OPEN))).json()
        (root,) = await here.told()
        calls = here.receiver.calls()
    told = {agent["name"]: agent["status"] for agent in answer["harmonic"]["agents"]}
    assert {call["gen_ai.agent.name"]: call["harmonic.status"] for call in calls} == told
    faults = [call.attributes.get("error.type") for call in calls if call["harmonic.status"] == "failed"]
    assert sorted(map(str, faults)) == ["cut", "empty", "status"]
    assert [call.error for call in calls] == [call["harmonic.status"] == "failed" for call in calls]
    (refused,) = [call for call in calls if "http.response.status_code" in call.attributes]
    assert (refused["http.response.status_code"], refused["error.type"]) == (503, "status")
    assert (root.error, root["harmonic.status"], root["harmonic.drafts_ok"]) == (False, "ok", 2)
    assert "error.type" not in root.attributes


async def test_late_and_skipped_drafts_are_told_apart(tmp_path: Path) -> None:
    def slow_peers(body: dict[str, Any]) -> Act:
        return Act("Lighthouses warn ships.") if not role_of(body) else Act("So " * 50, delay=0.1)

    async with traced(tmp_path, slow_peers) as here:
        await here.client.post(CHAT, json=asking(OPEN, harmonic={"deadline": 0.5}))
        await here.told()
        late = here.receiver.calls()
    assert [call["harmonic.status"] for call in late] == ["ok", "late", "late", "late"]
    assert [call.attributes.get("error.type") for call in late] == [None, "late", "late", "late"]
    held = asyncio.Event()
    texts = iter([Act("Answer: 4"), Act("Answer: 4"), Act("Answer: 4"), *[Act("Answer: 5", hold=held)] * 6])
    async with traced(tmp_path, lambda _: next(texts), {"engine.slots": 9}) as here:
        await here.client.post(CHAT, json=asking(CLOSED, "harmonic-full"))
        await here.told()
        voted = here.receiver.calls()
    statuses = [call["harmonic.status"] for call in voted]
    assert statuses[:3] == ["ok"] * 3
    assert set(statuses[3:]) == {"skipped"}
    assert not any(call.error for call in voted)


async def test_a_query_without_any_draft_fails_by_its_code(tmp_path: Path) -> None:
    async with traced(tmp_path, lambda _: Act(status=500, body=b"{}")) as here:
        reply = await here.client.post(CHAT, json=asking(OPEN, "harmonic-full"))
        streamed = await here.client.post(CHAT, json=asking(OPEN, "coder", stream=True))
        assert (reply.status_code, streamed.status_code) == (502, 502)
        roots = await here.told(2)
    assert [(root["error.type"], root["harmonic.status"], root.error) for root in roots] == [
        ("all_agents_failed", "failed", True)
    ] * 2
    assert not any(root.said for root in roots)


async def test_a_query_that_finds_no_room_has_a_span_without_calls(tmp_path: Path) -> None:
    held = asyncio.Event()
    settings = {"engine.slots": 1, "queue.depth": 0}
    async with traced(tmp_path, lambda _: Act("Hello.", hold=held), settings) as here:
        first = asyncio.create_task(here.client.post(CHAT, json=asking("hi", "coder")))
        await until(lambda: here.engine.streaming == 1, "the first query runs")
        assert (await here.client.post(CHAT, json=asking("hi", "coder"))).status_code == 503
        (refused,) = await here.told()
        held.set()
        await first
        assert here.receiver.below(refused) == []
    assert (refused["error.type"], refused["harmonic.status"]) == ("server_busy", "failed")
    assert "harmonic.queue_wait" not in refused.attributes


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
async def test_a_client_that_leaves_is_told_as_cancelled_and_as_no_error(tmp_path: Path, streamed: bool) -> None:
    async with traced(tmp_path, lambda _: Act("word " * 500, delay=0.01), {"engine.slots": 2}) as here:
        body = {**asking(OPEN, "harmonic-full"), "stream": streamed}
        leaving = asyncio.create_task(here.client.post(CHAT, json=body))
        await until(lambda: here.engine.streaming == 2, "two drafts are written, the others wait for a slot")
        leaving.cancel()
        (root,) = await here.told()
        calls = here.receiver.calls()
        tree = here.receiver.tree(root)
    assert (root["harmonic.status"], root.error) == ("cancelled", False)
    assert [line.strip() for line in tree if line.startswith("  ") and line[2] != " "] == ["route", "recall", "draft"]
    assert len(calls) == 4
    assert {(call["harmonic.status"], call.error) for call in calls} == {("cancelled", False)}
    in_slot = [call.ended - call.begun - call["harmonic.slot_wait"] for call in calls]
    assert sum(seconds > 1e-6 for seconds in in_slot) == 2, "the other two never had a slot"


async def test_without_a_collector_queries_are_answered_and_spans_are_lost(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    settings: dict[str, object] = {"telemetry.otlp": nobody, "telemetry.queue": 64}
    async with traced(tmp_path, lambda _: Act("Answer: 4"), settings) as here:
        for _ in range(20):  # of 8 spans each
            reply = await here.client.post(CHAT, json=asking(CLOSED, stream=True))
            assert chunks_of(reply.text)[-1]["harmonic"]["mode"] == "closed"

        async def dropped() -> bool:
            return (await here.spans()).get("dropped", 0) > 0

        await until(dropped, "a queue of 64 is full")
        begun = time.monotonic()
    assert time.monotonic() - begun < FLUSH_SECONDS + 20, "a stop waits for no collector"


@pytest.mark.parametrize("status", [302, 400, 500])
async def test_a_collector_that_refuses_or_redirects_costs_its_spans_alone(tmp_path: Path, status: int) -> None:
    async with traced(tmp_path, lambda _: Act("Answer: 4")) as here:
        here.receiver.status = status
        assert (await here.client.post(CHAT, json=asking(CLOSED))).status_code == 200

        async def lost() -> bool:
            return await here.spans() == {"lost": 8}

        await until(lost, "eight spans are counted as lost")
        here.receiver.status = 200
        assert (await here.client.post(CHAT, json=asking("hi", "coder"))).status_code == 200
        assert [root.name for root in await here.told()] == ["invoke_agent coder"]


async def test_a_stop_sends_what_waits_and_does_not_wait_long_for_a_collector_that_is_silent(tmp_path: Path) -> None:
    silent = asyncio.Event()
    async with otlp_receiver() as receiver, fake_engine(lambda _: Act("Hi.")) as engine:
        settings: dict[str, object] = {"engine.url": engine.url, "telemetry.otlp": receiver.url}
        for hold in (None, silent):
            receiver.hold = hold
            async with served_stack(tmp_path, {**settings, "telemetry.seconds": 3_600.0}) as stack:
                async with stack.client() as client:
                    assert (await client.post(CHAT, json=asking("hi", "coder"))).status_code == 200
                begun = time.monotonic()
            took = time.monotonic() - begun
            assert [root.name for root in receiver.queries()] == ["invoke_agent coder"]
            assert took < FLUSH_SECONDS + 20
        assert took >= FLUSH_SECONDS, "the second collector was waited for"
        silent.set()
