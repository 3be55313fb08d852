"""Agents' prompts warmed after the start: in the background, in slots of their own, and never in a query's way."""

import asyncio
from pathlib import Path
from typing import Any

from tests.fake_engine import Act, FakeEngine, fake_engine, role_of
from tests.helpers import until
from tests.stack import Stack, asking, served_stack
from tests.story.test_several_engines import CREW

ROLES = {"You answer.", "You are a programmer."}


def settings(folder: Path, engine: FakeEngine, *, slots: int = 4) -> dict[str, object]:
    file = folder / "crew.toml"
    file.write_text(CREW.format(more=""))
    return {"engine.url": engine.url, "crew.file": str(file), "engine.slots": slots, "engine.warm": True}


async def told(stack: Stack) -> dict[str, Any]:
    async with stack.client(admin=True) as admin:
        found: dict[str, Any] = (await admin.get("/admin/status")).json()["warm"]
    return found


async def test_each_agents_prompt_is_computed_once_with_one_token(tmp_path: Path) -> None:
    held = asyncio.Event()
    async with (
        fake_engine(lambda _: Act(hold=held)) as engine,
        served_stack(tmp_path, settings(tmp_path, engine)) as stack,
    ):
        await until(lambda: engine.streaming == 2, "both at once, so that each takes a slot of its own")
        held.set()
        await until(lambda: stack.daemon.warming.as_dict()["warmed"] == 2, "both are warm")
        found = await told(stack)
    assert {role_of(request) for request in engine.requests} == ROLES
    assert [request["max_tokens"] for request in engine.requests] == [1, 1]
    assert (found["warmed"], found["agents"], found["reason"]) == (2, 2, None)


async def test_with_fewer_slots_than_agents_nothing_is_warmed_and_status_says_why(tmp_path: Path) -> None:
    async with (
        fake_engine() as engine,
        served_stack(tmp_path, settings(tmp_path, engine, slots=1)) as stack,
        stack.client() as client,
    ):
        await client.post("/v1/chat/completions", json=asking("Hello there", "coder"))
        found = await told(stack)
    assert len(engine.requests) == 1
    assert (found["warmed"], found["reason"]) == (0, "fake has 1 slots for 2 agents")


async def test_a_query_stops_it_at_once_and_it_begins_again_afterwards(tmp_path: Path) -> None:
    held = asyncio.Event()

    def play(body: dict[str, Any]) -> Act:
        return Act("Hello.", hold=held if body["max_tokens"] == 1 else None)

    asked = asking("Hello there", "coder", max_tokens=9)
    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, settings(tmp_path, engine, slots=2)) as stack,
        stack.client() as client,
    ):
        await until(lambda: engine.streaming == 2, "both prompts are under way, in both slots")
        answer = await client.post("/v1/chat/completions", json=asked)
        assert answer.status_code == 200
        await until(lambda: engine.closed == 2, "both prompts were broken off")
        assert stack.daemon.warming.as_dict()["warmed"] == 0
        await until(lambda: engine.streaming == 2, "both are under way again")
        held.set()
        await until(lambda: stack.daemon.warming.as_dict()["warmed"] == 2, "both are warm")


async def test_an_engine_that_fails_leaves_the_agents_cold_and_the_stack_serving(tmp_path: Path) -> None:
    def play(body: dict[str, Any]) -> Act:
        return Act(status=500) if body.get("max_tokens") == 1 else Act("Hello.")

    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, settings(tmp_path, engine)) as stack,
        stack.client() as client,
    ):
        await until(lambda: len(engine.requests) == 2, "both were tried")
        answer = await client.post("/v1/chat/completions", json=asking("Hello there", "coder"))
        found = await told(stack)
    assert answer.status_code == 200
    assert found["warmed"] == 0


async def test_a_stop_in_the_middle_of_it_leaves_nothing_running(tmp_path: Path) -> None:
    async with fake_engine(lambda _: Act(hold=asyncio.Event())) as engine:
        async with served_stack(tmp_path, settings(tmp_path, engine)):
            await until(lambda: engine.streaming == 2, "both are under way")
        await until(lambda: engine.streaming == 0, "both were broken off")
