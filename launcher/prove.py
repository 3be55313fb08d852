"""Proof that the slots promised are there: short generations at once, and how many of them overlapped in time."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from launcher.engine import Engine
from launcher.http_client import control_client
from launcher.speech import CHAT_PATH, failure_in, has_token, probe_body

PROMPT = "Count from 1 to 100: 1, 2, 3,"
# The second, longer round is only run when the first fell short: a slot may just have started late.
ROUNDS = (8, 32)


@dataclass(frozen=True)
class Proof:
    """What one pool was promised and what it achieved; *reason* says why these differ."""

    pool: str
    promised: int
    achieved: int
    reason: str | None
    seconds: float


@dataclass(frozen=True)
class _Run:
    """One generation: the times of its first and last token, or why there are none."""

    first: float = 0.0
    last: float = 0.0
    tokens: int = 0
    failure: str | None = None


async def prove_slots(engine: Engine, model: str, promised: int, *, timeout: float = 60.0) -> Proof:
    """Run *promised* short streams of *model* at once and count those that overlap between first and last token.

    A slow, clamped or broken engine is no error: the proof then holds the reason. Ends after *timeout* seconds.
    """
    begun = time.monotonic()
    best, runs = 0, []
    for tokens in ROUNDS:
        left = timeout - (time.monotonic() - begun)
        if left > 0 and best < promised:
            runs = await asyncio.gather(*(_generate(engine, model, tokens, left) for _ in range(promised)))
            best = max(best, most_at_once([(run.first, run.last) for run in runs if run.tokens]))
    reason = None if best >= promised else _reason(runs, best, promised, engine.shortfall(model))
    return Proof(model, promised, best, reason, seconds=time.monotonic() - begun)


def most_at_once(spans: Sequence[tuple[float, float]]) -> int:
    """Return how many of these closed spans of time have a moment in common.

    >>> most_at_once([(0, 2), (1, 3), (2, 4), (5, 6)])
    3
    """
    # The largest overlap is reached at the start of some span.
    return max((sum(first <= start <= last for first, last in spans) for start, _ in spans), default=0)


def _reason(runs: Sequence[_Run], achieved: int, promised: int, known: str | None) -> str:
    failures = sorted({run.failure for run in runs if run.failure})
    if failures:
        count = sum(run.failure is not None for run in runs)
        return f"{count} of {promised} generations failed: {'; '.join(failures)}"
    return known or f"at most {achieved} of {promised} generations ran at a time; the engine queued the others"


async def _generate(engine: Engine, model: str, tokens: int, timeout: float) -> _Run:
    """Run one stream and note when its tokens came."""
    body = probe_body(engine, model, PROMPT, tokens)
    first, last, count = 0.0, 0.0, 0
    failure = None
    try:
        async with (
            asyncio.timeout(timeout),
            control_client(engine.key, timeout) as client,
            client.stream("POST", engine.base_url + CHAT_PATH[engine.dialect], json=body) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                return _Run(failure=f"status {answer.status_code}")
            async for line in answer.aiter_lines():
                failure = failure_in(engine.dialect, line) or failure
                if has_token(engine.dialect, line):
                    last = time.monotonic()
                    first = first or last
                    count += 1
    except TimeoutError:
        failure = f"not finished after {timeout:.0f} s"
    except httpx.HTTPError as exc:
        failure = str(exc) or type(exc).__name__
    return _Run(first, last, count, failure or (None if count else "no token came"))
