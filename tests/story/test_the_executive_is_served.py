"""One slot, and specialists that never stop asking: whenever it comes free, a waiting call of the executive has it."""

import asyncio
from pathlib import Path
from typing import Any

from tests.fake_engine import Act, fake_engine, role_of
from tests.helpers import until
from tests.stack import asking, served_stack

SPECIALISTS = ("coder", "cook", "poet")
CREW = '[agents.executive]\ntier = 1\nrole = "executive"\n' + "".join(
    f'[agents.{name}]\ntier = 3\nrole = "{name}"\n' for name in SPECIALISTS
)
ROUNDS = 4


async def test_the_executive_is_never_starved_by_a_constant_load_of_specialists(tmp_path: Path) -> None:
    (tmp_path / "crew.toml").write_text(f"version = 1\n{CREW}")
    holds: list[asyncio.Event] = []

    def play(_: dict[str, Any]) -> Act:
        holds.append(asyncio.Event())
        return Act("Hello.", hold=holds[-1])

    settings = {"crew.file": str(tmp_path / "crew.toml"), "engine.slots": 1, "queue.running": 16}
    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, **settings}) as stack,
        stack.client() as client,
    ):
        (pool,) = (served.slots for served in stack.daemon.orchestrator.seats.pools.values())

        async def ask(agent: str) -> None:
            answer = await client.post("/v1/chat/completions", json=asking("Hello there", agent))
            assert answer.status_code == 200

        async def ask_always(agent: str) -> None:
            while True:
                await ask(agent)

        load = [asyncio.create_task(ask_always(name)) for name in SPECIALISTS]
        for _ in range(ROUNDS):
            await until(lambda: pool.waiting == len(SPECIALISTS) - 1, "one specialist is served, the others wait")
            executive = asyncio.create_task(ask("executive"))
            await until(lambda: pool.waiting == len(SPECIALISTS), "the executive waits behind them")
            served = len(engine.requests)
            for _ in range(2):  # the specialist's call ends, then the executive's
                await until(lambda: engine.streaming == 1, "a call is served")
                count = len(engine.requests)
                holds[-1].set()
                await until(lambda count=count: len(engine.requests) > count, "the next one is")
            assert role_of(engine.requests[served]) == "executive"
            await executive
            assert role_of(engine.requests[served - 1]) in SPECIALISTS
        for task in load:
            task.cancel()
        await asyncio.wait(load)
    assert sum(role_of(request) == "executive" for request in engine.requests) == ROUNDS
