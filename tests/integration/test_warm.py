"""Agents' prompts warmed on the real engine: the second question on each starts at the cache."""

from pathlib import Path

import pytest

from launcher.http_client import control_client
from launcher.warm import warm
from tests.integration.test_embedded_engine import SLOTS, started

pytestmark = pytest.mark.engine

PROMPTS = [f"You are agent number {number}. " + "Keep to the facts and say little. " * 12 for number in range(SLOTS)]


async def test_each_prompt_is_kept_in_a_slot_of_its_own_though_they_begin_alike(tmp_path: Path) -> None:
    async with started(tmp_path) as engine:
        first = await warm(engine, engine.models[0], PROMPTS)
        assert all(seconds is not None and seconds > 0 for seconds in first)
        async with control_client(engine.key, 60) as client:
            for prompt in PROMPTS:
                messages = [{"role": "system", "content": prompt}, {"role": "user", "content": "Who are you?"}]
                body = {"model": engine.models[0], "messages": messages, "max_tokens": 1}
                usage = (await client.post(f"{engine.base_url}/chat/completions", json=body)).json()["usage"]
                cached = usage["prompt_tokens_details"]["cached_tokens"]
                assert cached > 0.7 * usage["prompt_tokens"]


async def test_an_engine_that_does_not_answer_warms_nothing_and_is_no_error(tmp_path: Path) -> None:
    async with started(tmp_path) as engine:
        pass
    assert await warm(engine, engine.models[0], PROMPTS[:1]) == (None,)
