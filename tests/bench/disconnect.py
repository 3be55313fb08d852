"""How soon a client that leaves has freed what it held: the engine's sockets, and the slots.

`python -m tests.bench disconnect [--rounds N] [--embedded]` asks for a crew's answer to an open question and hangs up
at a random moment after the first draft began. Client, stack and a fake engine share one process and one event loop, so
the engine itself tells when its sockets were closed. With --embedded the demonstration model answers; then only the
slots are timed.
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

from tests.fake_engine import Act, FakeEngine, fake_engine
from tests.stack import Stack, asking, served_stack

MODEL = "harmonic-full"
WISH = "Tell me about lighthouses, at length."


async def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=50)
    options.add_argument("--embedded", action="store_true")
    asked = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="hs-") as folder:
        async with fake_engine(lambda _: Act("word " * 2_000, delay=0.01)) as engine:
            settings: dict[str, object] = {"engine.name": "embedded"} if asked.embedded else {"engine.url": engine.url}
            async with served_stack(Path(folder), settings) as stack:
                for streamed in (True, False):
                    kind = "streamed" if streamed else "whole"
                    closed, freed = await _measure(stack, None if asked.embedded else engine, streamed, asked.rounds)
                    if closed:
                        rows.append((f"engine's sockets closed, {kind}", closed))
                    rows.append((f"slots and place free, {kind}", freed))
    _print(
        f"{asked.rounds} clients that left {MODEL}, {'the embedded engine' if asked.embedded else 'a fake engine'}\n"
    )
    _print("| from the client's hang-up until | median | max |\n|---|---|---|")
    for what, figures in rows:
        _print(f"| {what} | {statistics.median(figures) * 1000:.1f} ms | {max(figures) * 1000:.1f} ms |")


async def _measure(
    stack: Stack, engine: FakeEngine | None, streamed: bool, rounds: int
) -> tuple[list[float], list[float]]:
    """Seconds until the engine's sockets were closed (empty without a fake engine), and until the slots were free."""
    chance = random.Random(1)
    closed, freed = [], []
    for _ in range(rounds):
        _, writer = await asyncio.open_connection("127.0.0.1", int(stack.url.rpartition(":")[2]))
        body = json.dumps({**asking(WISH, MODEL), "stream": streamed}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {stack.key}\r\n"
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await _until(lambda: _busy(stack) > 0)
        await asyncio.sleep(chance.uniform(0.02, 0.3))
        writer.transport.abort()
        begun = time.perf_counter()
        done: dict[str, float] = {}
        while len(done) < (1 if engine is None else 2):
            if engine is not None and engine.streaming == 0:
                done.setdefault("closed", time.perf_counter() - begun)
            if _busy(stack) == 0 and stack.daemon.orchestrator.conductor.running == 0:
                done.setdefault("freed", time.perf_counter() - begun)
            await asyncio.sleep(0)
        freed.append(done["freed"])
        closed += [done["closed"]] if "closed" in done else []
    return closed, freed


def _busy(stack: Stack) -> int:
    return sum(pool.busy for pool in stack.daemon.orchestrator.seats.pools.values())


async def _until(check: Callable[[], bool]) -> None:
    while not check():  # noqa: ASYNC110 - what is watched has no event of its own
        await asyncio.sleep(0.001)


def _print(text: str) -> None:
    print(text)  # noqa: T201 - this is its output


uvloop.run(main())
