"""How long a named agent takes to its first token: its prompt new to the engine, against warmed after the start.

`python -m tests.bench warming [--rounds N]` starts the stack in turn with `engine.warm` off and on, with nine slots for
the nine agents on the demonstration model, asks every agent one question, one after another, and prints a table.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from harmonic_stack.host.describe import hardware_line
from launcher import detect_hardware
from tests.helpers import until
from tests.stack import Stack, asking, served_stack

QUESTION = "What should I do first?"
SLOTS = 9


async def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=3)
    rounds = options.parse_args().rounds
    cold, warm = [], []
    for _ in range(rounds):
        cold.append(await _round(warm=False))
        warm.append(await _round(warm=True))
    ratios = [statistics.median(a) / statistics.median(b) for a, b in zip(cold, warm, strict=True)]
    _print(f"{hardware_line(detect_hardware())}; demonstration model, {SLOTS} slots, {rounds} rounds of {SLOTS} agents")
    _print("\n| seconds to the first token | median | worst |\n|---|---|---|")
    for name, found in (("prompts new", cold), ("prompts warmed", warm)):
        flat = [seconds for each in found for seconds in each]
        _print(f"| {name} | {statistics.median(flat):.3f} | {max(flat):.3f} |")
    _print(
        f"\ncold / warm, median of the rounds: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    )


async def _round(*, warm: bool) -> list[float]:
    """One start: the seconds to each agent's first token, in the order of the crew."""
    settings: dict[str, object] = {"engine.name": "embedded", "engine.slots": SLOTS, "engine.warm": warm}
    with tempfile.TemporaryDirectory(prefix="hs-") as folder:
        async with served_stack(Path(folder), settings) as stack, stack.client() as client:
            agents = [agent.name for agent in stack.daemon.crew.enabled]
            if warm:
                await until(lambda: stack.daemon.warming.as_dict()["warmed"] == len(agents), "all are warm", 120)
            return [await _first_token(client, stack, agent) for agent in agents]


async def _first_token(client: httpx.AsyncClient, stack: Stack, agent: str) -> float:
    body = asking(QUESTION, agent, stream=True, max_tokens=2, temperature=0)
    begun = time.monotonic()
    first = None
    async with client.stream("POST", f"{stack.url}/v1/chat/completions", json=body) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if first is None and '"delta":{"content":' in line:
                first = time.monotonic() - begun
    assert first is not None, f"{agent} said nothing"
    return first


def _print(text: str) -> None:
    print(text)  # noqa: T201 - this is its output


if __name__ == "__main__":
    asyncio.run(main())
