"""A session in which a query is under way keeps its place on the spine, whatever else needs room."""

import asyncio
from pathlib import Path

from spine import Channel, Signal
from tests.fake_engine import Act, fake_engine
from tests.helpers import until
from tests.stack import served_stack


async def test_the_session_of_a_running_query_stays_and_the_status_tells_the_bounds(tmp_path: Path) -> None:
    go = asyncio.Event()
    settings = {"spine.max_sessions": 2, "spine.max_bytes": 5_000_000}
    async with (
        fake_engine(lambda _: Act("Well said.", hold=go)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, **settings}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        body = {"model": "harmonic", "messages": [{"role": "user", "content": "What is a spine?"}]}
        asked = asyncio.create_task(client.post("/v1/chat/completions", json=body, headers={"x-session-id": "running"}))
        await until(lambda: engine.streaming > 0, "the engine is asked")
        await stack.daemon.writer.flush()
        for n in range(6):
            await stack.daemon.bus.publish(Signal(Channel.TASK, f"other{n}", "orchestrator", "note", text="x"))
        assert {info.id for info in await stack.daemon.bus.sessions()} == {"running", "other5"}
        go.set()
        assert (await asked).status_code == 200
        await stack.daemon.writer.flush()
        for n in range(6, 9):
            await stack.daemon.bus.publish(Signal(Channel.TASK, f"other{n}", "orchestrator", "note", text="x"))
        assert "running" not in {info.id for info in await stack.daemon.bus.sessions() if info.counts[Channel.TASK]}
        for memory in (
            (await admin.get("/admin/status")).json()["spine"]["memory"],
            (await admin.get("/admin/spine/channels")).json()["memory"],
        ):
            assert (memory["limit"], memory["own_bound"], memory["trouble"]) == (None, 5_000_000, "")
            assert 0 < memory["own"] < 5_000_000
