"""A bounded soak (`make test-long`): two minutes of questions leave memory, tasks and descriptors where they were."""

import asyncio
import os
import random
import time
from pathlib import Path

import psutil
import pytest

from harmonic_stack.store import running_store
from tests.fake_engine import Act, fake_engine
from tests.helpers import until
from tests.stack import asking, paths_in, served_stack

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

WARM_UP, SECONDS, AT_ONCE = 30.0, 120.0, 8
QUESTIONS = ("What is 2 + 2?", "How do I water tomatoes?", "Describe the sea for a child.", "Is 7 a prime number?")
SETTINGS = {"engine.slots": 32}


async def test_two_minutes_of_questions_leave_nothing_behind(tmp_path: Path) -> None:
    me, seen = psutil.Process(), random.Random(5)
    async with (
        fake_engine(lambda _: Act("Two and two make four. Answer: 4")) as engine,
        served_stack(tmp_path, {**SETTINGS, "engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        asked = 0

        async def ask_until(end: float) -> None:
            nonlocal asked
            while time.monotonic() < end:
                body = asking(seen.choice(QUESTIONS), seen.choice(["harmonic", "harmonic-full"]), max_tokens=32)
                headers = {"x-session-id": f"s{seen.randrange(50)}"}
                answer = await client.post("/v1/chat/completions", json=body, headers=headers)
                assert answer.status_code == 200
                asked += 1
                engine.requests.clear()
                engine.headers.clear()

        async def ask_for(seconds: float) -> tuple[int, int, int]:
            end = time.monotonic() + seconds
            await asyncio.gather(*(ask_until(end) for _ in range(AT_ONCE)))
            await stack.daemon.writer.flush()
            return me.memory_info().rss, me.num_fds(), len(asyncio.all_tasks())

        before = await ask_for(WARM_UP)
        after = await ask_for(SECONDS)
    assert asked > 1000
    # The in-process spine keeps at most 64 MiB of what was said, and fills up to it.
    assert after[0] - before[0] < 100_000_000
    assert after[1] - before[1] <= 8
    assert after[2] - before[2] <= 8


async def test_a_store_killed_again_and_again_costs_no_answer(tmp_path: Path) -> None:
    paths, chance = paths_in(tmp_path / "store"), random.Random(11)
    async with (
        running_store(paths) as (store, url),
        fake_engine(lambda _: Act("Answer: 4", delay=0.01)) as engine,
        served_stack(tmp_path / "stack", {**SETTINGS, "engine.url": engine.url, "spine.url": url}) as stack,
        stack.client() as client,
    ):
        for _ in range(20):
            asking_now = asyncio.create_task(client.post("/v1/chat/completions", json=asking("What is 2 + 2?")))
            await asyncio.sleep(chance.random() * 0.2)
            if store.pid is not None:
                os.kill(store.pid, 9)
            answer = await asking_now
            assert answer.status_code == 200
            assert answer.json()["choices"][0]["message"]["content"] == "Answer: 4"
            await until(lambda: stack.daemon.bus.health().state == "ok", "the bus is back", timeout=30)
