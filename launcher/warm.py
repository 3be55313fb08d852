"""Each agent's prompt computed once before it is needed: what follows it then starts at the engine's cache."""

import asyncio
import json
import time
from collections.abc import Sequence

import httpx

from launcher.engine import Engine
from launcher.http_client import control_client
from launcher.speech import CHAT_PATH, has_token, probe_body

LIMIT = 120.0  # seconds without a byte
QUESTION = "."


async def warm(
    engine: Engine, model: str, prompts: Sequence[str], *, question: str = QUESTION
) -> tuple[float | None, ...]:
    """Have *model* compute these system prompts and one token each; return the seconds to each one's first token.

    All at once, so that each takes a slot of its own: one after another, prompts that begin alike would take the slot
    of the one before. Pays where the engine has a slot for each; a prompt that fails is None, and no error.
    """
    return tuple(await asyncio.gather(*(_first_token(engine, model, prompt, question) for prompt in prompts)))


async def _first_token(engine: Engine, model: str, prompt: str, question: str) -> float | None:
    body = probe_body(engine, model, question, 1)
    body["messages"] = [{"role": "system", "content": prompt}, *body["messages"]]
    begun = time.monotonic()
    try:
        async with (
            control_client(engine.key, LIMIT) as client,
            client.stream("POST", engine.base_url + CHAT_PATH[engine.dialect], json=body) as answer,
        ):
            first = None
            async for line in answer.aiter_lines():
                if first is None and has_token(engine.dialect, line):
                    first = time.monotonic() - begun
            return first  # read to its end: a stream that is broken off may leave its slot busy
    except (httpx.HTTPError, json.JSONDecodeError):
        return None
