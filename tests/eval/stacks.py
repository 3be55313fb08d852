"""Stacks for the evaluations: served over HTTP, on the evaluations' model or on an engine that runs already."""

import argparse
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from tests.stack import Stack, served_stack

MODEL_SCRIPT = Path(__file__).parents[2] / "requirements" / "eval-models.sh"
_KEY = "HARMONIC_EVAL_ENGINE_KEY"


def add_engine_options(options: argparse.ArgumentParser) -> None:
    """The options that say which engine answers."""
    options.add_argument("--engine-url", default="", help="an OpenAI-compatible engine to use instead of our own")
    options.add_argument("--model", default="", help="its model; the first that it lists where none is named")
    options.add_argument("--slots", type=int, default=4)
    options.add_argument("--context", type=int, default=2048, help="tokens in each slot")


def engine_settings(asked: argparse.Namespace) -> dict[str, object]:
    """The settings of the first stack, which owns the engine unless one was named."""
    common: dict[str, object] = {"engine.slots": asked.slots, "engine.context": asked.context}
    if asked.engine_url:
        return {**common, "engine.url": asked.engine_url, **({"engine.model": asked.model} if asked.model else {})}
    model = subprocess.run([MODEL_SCRIPT], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    return {**common, "engine.name": "embedded", "engine.model": model, "engine.start_seconds": 300.0}


@asynccontextmanager
async def stacks(folder: Path, asked: argparse.Namespace, *settings: dict[str, object]) -> AsyncIterator[list[Stack]]:
    """One stack for each of *settings*, all on one engine: the first owns it, the others are given its address."""
    async with AsyncExitStack() as parts:
        served: list[Stack] = []
        for place, own in enumerate(settings):
            engine = engine_settings(asked) if not served else _same_engine(served[0], asked)
            home = folder / f"stack-{place}"
            home.mkdir(parents=True, exist_ok=True)
            served.append(await parts.enter_async_context(served_stack(home, {**engine, **own})))
        yield served


def client(stack: Stack) -> httpx.AsyncClient:
    """A patient client."""
    return httpx.AsyncClient(base_url=stack.url, headers={"authorization": f"Bearer {stack.key}"}, timeout=1800)


def _same_engine(owner: Stack, asked: argparse.Namespace) -> dict[str, object]:
    if asked.engine_url:
        return engine_settings(asked)
    engine = owner.daemon.engine
    os.environ[_KEY] = engine.key or ""
    return {
        "engine.url": engine.base_url,
        "engine.api_key_env": _KEY,
        "engine.slots": asked.slots,
        "engine.context": asked.context,
    }
