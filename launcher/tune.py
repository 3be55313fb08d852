"""Measuring an engine: tokens/s and time to the first token with 1, 2, 4, ... streams at a time."""

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from launcher.engine import Engine
from launcher.errors import EngineUnreachable
from launcher.http_client import control_client
from launcher.knee import Level, enough, levels_up_to
from launcher.power import NOTHING_READ, Ask, PowerMeter, Used

LIMIT = 120.0  # seconds without a byte after which an engine is given up
LASTING = 0.5  # seconds that one stream alone should generate: shorter bursts of an H100 differed by half
MOST_TOKENS = 256  # of a stream, however fast: prompt and answer fit into a slot of 512

# About 50 tokens, as in the papers' measurements; the number in front keeps one prompt from being another's prefix.
PROMPT = (
    "Story {number}. Write a long story about a lighthouse on a small island in the north, about the three people who "
    "keep it through the winter, and about a ship that comes in one night without any lights. Begin at once."
)


@dataclass(frozen=True)
class Run:
    """One burst of streams that began together: its tokens/s, and each stream's time to the first token."""

    tokens_per_second: float
    ttfts: tuple[float, ...]
    tokens: int = 0
    used: Used = NOTHING_READ


async def measure(
    engine: Engine,
    model: str,
    *,
    most: int,
    tokens: int = 32,
    repeats: int = 3,
    on_run: Callable[[int, Run], None] | None = None,
    ask: Ask | None = None,
) -> tuple[Level, ...]:
    """Measure *model* of *engine* level by level, up to *most* streams or until more of them bring too little.

    Each level is run *repeats* times with *tokens* tokens a stream (`lasting_tokens` tells how many are enough), after
    one short burst to warm up; *on_run* is told each run; *ask* reads the energy. Raises EngineUnreachable where a
    stream fails or ends without a token.
    """
    numbers = itertools.count(1)
    curve: list[Level] = []
    await burst(engine, model, 1, tokens=4, numbers=numbers)
    for slots in levels_up_to(most):
        runs = []
        for _ in range(repeats):
            runs.append(await burst(engine, model, slots, tokens=tokens, numbers=numbers, ask=ask))
            if on_run is not None:
                on_run(slots, runs[-1])
        curve.append(summary(slots, runs))
        if enough(curve):
            break
    return tuple(curve)


async def lasting_tokens(engine: Engine, model: str, least: int) -> int:
    """Return how many tokens a stream needs to last LASTING seconds when it runs alone: *least* to MOST_TOKENS.

    Raises EngineUnreachable as `measure` does.
    """
    numbers = itertools.count(2_000_000)
    await burst(engine, model, 1, tokens=4, numbers=numbers)
    alone = await burst(engine, model, 1, tokens=least, numbers=numbers)
    return max(least, min(MOST_TOKENS, round(LASTING * alone.tokens_per_second)))


def summary(slots: int, runs: Sequence[Run]) -> Level:
    """Return what these runs of one level show."""
    speeds = [run.tokens_per_second for run in runs]
    ttfts = [ttft for run in runs for ttft in run.ttfts]
    joules = [run.used.joules for run in runs if run.used.joules]
    busy = [run.used.busy for run in runs if run.used.busy is not None]
    return Level(
        slots,
        *(statistics.median(speeds), min(speeds), max(speeds), statistics.median(ttfts), max(ttfts)),
        tokens_per_joule=sum(run.tokens for run in runs) / sum(joules) if len(joules) == len(runs) else None,
        busy=statistics.fmean(busy) if busy else None,
    )


async def burst(
    engine: Engine,
    model: str,
    streams: int,
    *,
    tokens: int,
    numbers: "itertools.count[int]",
    ask: Ask | None = None,
) -> Run:
    """Run *streams* generations at once, prompt and first token included in the time."""
    with PowerMeter(ask) as meter:
        begun = time.monotonic()
        async with control_client(engine.key, LIMIT) as client:
            found = await asyncio.gather(
                *(_stream(client, engine, model, tokens, PROMPT.format(number=next(numbers))) for _ in range(streams))
            )
        seconds = time.monotonic() - begun
    count = sum(count for count, _ in found)
    return Run(count / seconds, tuple(first - begun for _, first in found), count, meter.used)


async def _stream(client: httpx.AsyncClient, engine: Engine, model: str, tokens: int, prompt: str) -> tuple[int, float]:
    """Run one generation; return its tokens, and when the first text came."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": tokens,
        "temperature": 0,
        "ignore_eos": True,  # llama.cpp's: every stream is as long as the others
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    first, count = 0.0, 0
    try:
        async with client.stream("POST", f"{engine.base_url}/chat/completions", json=body) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                # Only the first text and the usage matter: with 64 streams this client shares a core with the engine.
                if line.startswith("data: {") and (not first or '"usage"' in line):
                    part = json.loads(line.removeprefix("data: "))
                    first = first or (time.monotonic() if part.get("choices") else 0.0)
                    count = (part.get("usage") or {}).get("completion_tokens", count)
    except (httpx.HTTPError, ValueError) as exc:
        raise EngineUnreachable(engine.base_url, str(exc) or type(exc).__name__) from exc
    if not count:
        raise EngineUnreachable(engine.base_url, "a stream ended without a token")
    return count, first
