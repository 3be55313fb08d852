"""What a publish costs beside the client library's own XADD: ``python -m tests.bench publish [--rounds N]``.

All stand on one server, the embedded one on a Unix socket with its log synced every second, and take turns within one
run: the bus, redis-py's `xadd` with the same eleven fields, redis-py's `xadd` with one field of the same size; the same
bound (MAXLEN ~) everywhere. One at a time, and fifty in one round trip. Prints medians over the rounds of each round's
p50, in microseconds of one signal.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import redis.asyncio as client

from spine import Bus, Channel, Retention, Signal, open_bus
from spine.wire import encode
from tests.conformance.servers import Server, embedded_program

AT_ONCE = 50
Step = Callable[[], Awaitable[object]]


async def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--calls", type=int, default=200)
    asked = options.parse_args()
    server = Server(embedded_program(), "--appendfsync", "everysec").start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            async with open_bus(server.url, record=Path(folder) / "record") as bus:
                raw = client.Redis.from_url(server.url, protocol=2)
                _print(f"p50 in us of one signal, median of {asked.rounds} interleaved rounds of {asked.calls} calls\n")
                _print("| entry | calls | bus | raw XADD, same fields | ratio | raw XADD, one field | ratio |")
                _print("|---|---|---|---|---|---|---|")
                for size in (1_000, 64_000):
                    for at_once in (1, AT_ONCE):
                        calls = max(asked.calls // at_once * (4 if size < 10_000 else 1), 4)
                        _print(await _row(bus, raw, size, at_once, asked.rounds, calls))
                await raw.aclose()
    finally:
        server.remove()


async def _row(bus: Bus, raw: client.Redis, size: int, at_once: int, rounds: int, calls: int) -> str:
    signal = Signal(Channel.TASK, "bench", "orchestrator", "note", text="x" * (size - 110), payload={"n": 1}, query="q")
    fields = encode(signal, time=time.time())
    bound = Retention().maxlen[Channel.TASK]
    one_field = {b"data": b"x" * sum(map(len, fields.values()))}

    def adding(name: str, content: dict[bytes, bytes]) -> Step:
        async def one() -> object:
            return await raw.xadd(name, content, maxlen=bound, approximate=True)

        async def many() -> object:
            pipe = raw.pipeline(transaction=False)
            for _ in range(at_once):
                pipe.xadd(name, content, maxlen=bound, approximate=True)
            return await pipe.execute()

        return one if at_once == 1 else many

    ours: Step = (lambda: bus.publish(signal)) if at_once == 1 else (lambda: bus.publish_many([signal] * at_once))
    steps = {"bus": ours, "same": adding("raw", fields), "one": adding("raw1", one_field)}
    took: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name in [*steps][turn % 3 :] + [*steps][: turn % 3]:
            found = await _p50(steps[name], calls) / at_once
            if turn:  # the first round warms all up
                took[name].append(found)
    figures = {name: statistics.median(values) for name, values in took.items()}
    ratios = [statistics.median(a / b for a, b in zip(took["bus"], took[n], strict=True)) for n in ("same", "one")]
    us = {name: f"{1e6 * value:.0f}" for name, value in figures.items()}
    how = "one at a time" if at_once == 1 else f"{at_once} in one round trip"
    return (
        f"| {size // 1000} KB | {how} | {us['bus']} | {us['same']} | {ratios[0]:.2f} | {us['one']} | {ratios[1]:.2f} |"
    )


async def _p50(step: Step, calls: int) -> float:
    took = []
    for _ in range(calls):
        begun = time.perf_counter()
        await step()
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is its output


asyncio.run(main())
