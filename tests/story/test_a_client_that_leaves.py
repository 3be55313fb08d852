"""A client that hangs up: every draft's connection is closed, every slot is free, and nothing more is asked for it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.fake_engine import Act, fake_engine, last_user
from tests.helpers import until
from tests.stack import asking, served_stack


def _play(body: dict[str, Any]) -> Act:
    return Act("Hi.") if last_user(body) == "hi" else Act("word " * 500, delay=0.01)


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
async def test_leaving_ends_every_draft_and_starts_no_other(tmp_path: Path, streamed: bool) -> None:
    body = {**asking("Tell me about lighthouses, at length.", "harmonic-full"), "stream": streamed}
    async with (
        fake_engine(_play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "engine.slots": 2}) as stack,
        stack.client() as client,
    ):
        orchestrator = stack.daemon.orchestrator
        asking_task = asyncio.create_task(client.post("/v1/chat/completions", json=body))
        await until(lambda: engine.streaming == 2, "two drafts are written, the others wait for a slot")
        asking_task.cancel()
        await until(lambda: engine.streaming == 0, "both connections are closed")
        assert engine.closed == 2
        await until(lambda: orchestrator.conductor.running == 0, "its place is free")
        assert [(pool.slots.busy, pool.slots.waiting) for pool in orchestrator.seats.pools.values()] == [(0, 0)]
        asked = len(engine.requests)
        assert (await client.post("/v1/chat/completions", json=asking("hi", "harmonic-fast"))).status_code == 200
        assert len(engine.requests) == asked + 1, "those that waited were never asked"
