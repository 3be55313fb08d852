"""An agent is rested and woken while the stack runs: it is not routed, not asked, and its name is no model."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fake_engine import Act, fake_engine, role_of
from tests.helpers import until
from tests.stack import asking, served_stack

CREW = """
version = 1
[agents.executive]
tier = 1
role = "You answer."
[agents.coder]
tier = 3
role = "You are a programmer."
description = "Writes and mends programs."
keywords = ["python", "bug", "code"]
[agents.cook]
tier = 3
role = "You are a cook."
description = "Knows food."
keywords = ["bread", "recipe"]
[agents.away]
tier = 3
role = "You are not here."
enabled = false
"""
QUESTION = "How do I find the bug in my python code?"


def settings(folder: Path, url: str, **more: object) -> dict[str, object]:
    file = folder / "crew.toml"
    file.write_text(CREW)
    return {"engine.url": url, "crew.file": str(file), "route.crew": 1, **more}


async def switch(admin: httpx.AsyncClient, name: str, *, enabled: bool) -> httpx.Response:
    return await admin.patch(f"/admin/agents/{name}", json={"enabled": enabled})


async def drafted(client: httpx.AsyncClient) -> set[str]:
    answer = (await client.post("/v1/chat/completions", json=asking(QUESTION, "harmonic"))).json()
    return {agent["name"] for agent in answer["harmonic"]["agents"]}


async def listed(client: httpx.AsyncClient) -> set[str]:
    return {model["id"] for model in (await client.get("/v1/models")).json()["data"]}


async def test_a_rested_agent_is_not_asked_and_the_next_best_takes_its_place(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Look at the traceback first. Then read the line.")) as engine,
        served_stack(tmp_path, settings(tmp_path, engine.url)) as stack,
        stack.client(admin=True) as admin,
    ):
        before = await drafted(admin)
        told = (await switch(admin, "coder", enabled=False)).json()
        engine.requests.clear()
        during = await drafted(admin)
        named = await admin.post("/v1/chat/completions", json=asking(QUESTION, "coder"))
        chosen = await admin.post(
            "/v1/chat/completions", json=asking(QUESTION, "harmonic", harmonic={"agents": ["coder"]})
        )
        roles = {role_of(request) for request in engine.requests}
        models, schema = await listed(admin), (await admin.get("/openapi.json")).text
        status = (await admin.get("/admin/status")).json()
        woken = (await switch(admin, "coder", enabled=True)).json()
        after, again = await drafted(admin), await listed(admin)
    assert before == after == {"executive", "coder"}
    assert during == {"executive", "cook"}
    assert (told["name"], told["enabled"], told["rested"]) == ("coder", False, True)
    assert (woken["enabled"], woken["rested"], woken["slots"]) == (True, False, told["slots"])
    assert (named.status_code, named.json()["error"]["code"]) == (404, "model_not_found")
    assert (chosen.status_code, chosen.json()["error"]["param"]) == (400, "harmonic.agents")
    assert "You are a programmer." not in roles
    assert ("coder" in models, "coder" in again) == (False, True)
    assert '"coder"' not in schema
    assert (status["agents"], status["rested"]) == (["executive", "cook"], ["coder"])


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("executive", {"enabled": False}, 409, "executive_needed"),
        ("nobody", {"enabled": False}, 404, "agent_not_found"),
        ("away", {"enabled": True}, 409, "agent_not_planned"),
        ("coder", {"enabled": "no"}, 400, "invalid_request"),
        ("coder", {}, 400, "invalid_request"),
    ],
)
async def test_what_cannot_be_switched_is_refused_and_nothing_changes(
    tmp_path: Path, name: str, body: dict[str, Any], status: int, code: str
) -> None:
    async with (
        fake_engine() as engine,
        served_stack(tmp_path, settings(tmp_path, engine.url)) as stack,
        stack.client(admin=True) as admin,
        stack.client() as client,
    ):
        before = await listed(client)
        refused = await admin.patch(f"/admin/agents/{name}", json=body)
        forbidden = await client.patch("/admin/agents/coder", json={"enabled": False})
        assert await listed(client) == before
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert forbidden.status_code == 403


async def test_a_query_under_way_ends_as_it_began_and_one_that_waits_is_told(tmp_path: Path) -> None:
    held = asyncio.Event()
    async with (
        fake_engine(lambda _: Act("Hello.", hold=held)) as engine,
        served_stack(tmp_path, settings(tmp_path, engine.url, **{"queue.running": 1})) as stack,
        stack.client(admin=True) as admin,
    ):
        conductor = stack.daemon.orchestrator.conductor
        first = asyncio.create_task(admin.post("/v1/chat/completions", json=asking(QUESTION, "coder")))
        await until(lambda: engine.streaming == 1, "the first runs")
        second = asyncio.create_task(admin.post("/v1/chat/completions", json=asking(QUESTION, "coder")))
        await until(lambda: conductor.waiting == 1, "the second waits")
        await switch(admin, "coder", enabled=False)
        held.set()
        answers = await first, await second
    assert [answer.status_code for answer in answers] == [200, 404]
    assert role_of(engine.requests[0]) == "You are a programmer."
    assert len(engine.requests) == 1


async def test_the_next_start_asks_everybody_again(tmp_path: Path) -> None:
    async with fake_engine() as engine:
        for _ in range(2):
            async with (
                served_stack(tmp_path, settings(tmp_path, engine.url)) as stack,
                stack.client(admin=True) as admin,
            ):
                assert "coder" in await listed(admin)
                await switch(admin, "coder", enabled=False)
