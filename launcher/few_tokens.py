"""Does a model generate at all: some short greedy prompts through a running engine, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from launcher.engine import Engine
from launcher.http_client import control_client

PROMPTS = ("The capital of France is", "1, 2, 3, 4,", "Write one word:")


@dataclass(frozen=True)
class Answered:
    """What one prompt gave: how many tokens, their text, and why there are none."""

    prompt: str
    tokens: int
    text: str = ""
    failure: str | None = None


async def few_tokens(
    engine: Engine, model: str, *, prompts: Sequence[str] = PROMPTS, tokens: int = 8, timeout: float = 60.0
) -> list[Answered]:
    """Ask an engine of the OpenAI dialect each of *prompts* for at most *tokens* tokens, *timeout* seconds each.

    That tokens come is all that is told: whether they make sense is for a reader to judge.
    """
    async with control_client(engine.key, timeout) as client:
        return [await _ask(client, engine, model, prompt, tokens) for prompt in prompts]


async def _ask(client: httpx.AsyncClient, engine: Engine, model: str, prompt: str, tokens: int) -> Answered:
    messages = [{"role": "user", "content": prompt}]
    body = {"model": model, "messages": messages, "max_tokens": tokens, "temperature": 0, **engine.request}
    try:
        answer = await client.post(f"{engine.base_url}/chat/completions", json=body)
        if answer.status_code != httpx.codes.OK:
            return Answered(prompt, 0, failure=f"status {answer.status_code}")
        told = answer.json()
        count, text = int(told["usage"]["completion_tokens"]), told["choices"][0]["message"]["content"] or ""
    except httpx.HTTPError as exc:
        return Answered(prompt, 0, failure=str(exc) or type(exc).__name__)
    except (ValueError, LookupError, TypeError):
        return Answered(prompt, 0, failure="its answer counts no tokens")
    return Answered(prompt, count, text, None if count > 0 else "no token came")
