"""The launcher on a box with a GPU: plan against the card's memory, slots, levers, energy, warmed prompts.

`python -m tests.bench gpu --program LLAMA_SERVER --out FILE [--shape qwen3-4b] [--only PART,...]`: with random weights
in a model's shape, so nothing is fetched. Every part writes its results into FILE as soon as it has them.
`--cpu` runs it without a card, to try the bench itself.
"""

import argparse
import asyncio
import itertools
import json
import random
import re
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pynvml

from launcher import AgentSpec, Plan, default_threads, detect_hardware, local_model, plan, prove_slots, running_engine
from launcher.engine import Engine
from launcher.form import EmbeddedSettings
from launcher.http_client import control_client
from launcher.levers import STOCK, Levers, candidates
from launcher.power import Ask, PowerMeter, find_source
from launcher.trial import try_levers
from launcher.tune import PROMPT, Run, burst, summary
from launcher.types import Calibration, Hardware
from launcher.warm import warm
from tests.bench.random_gguf import SHAPES, write

CONTEXT = 2048
AGENTS, PROMPT_WORDS = 16, 1500


@dataclass
class Bench:
    """What all parts share."""

    hardware: Hardware
    model: Path
    program: Path
    folder: Path
    tokens: int
    most: int
    ask: Ask | None
    cpu: bool
    kept: Levers = STOCK
    serial: "itertools.count[int]" = field(default_factory=itertools.count)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def name(self) -> str:
        """The model's name."""
        return local_model(self.model).name

    def planned(self, slots: int, levers: Levers = STOCK) -> Plan:
        """The plan for one agent with so many slots."""
        facts = local_model(self.model)
        known = Calibration(peak=None, levers=levers)
        agents = [AgentSpec("bench", 1, facts.name)]
        return plan(self.hardware, agents, {facts.name: facts}, context=CONTEXT, slots=slots, calibration=known)

    @asynccontextmanager
    async def engine(self, slots: int, levers: Levers = STOCK) -> AsyncIterator[Engine]:
        """The product's own start of that plan."""
        own = self.folder / str(next(self.serial))
        settings = EmbeddedSettings(model=self.model, program=self.program, form="llama-server", start_timeout=90)
        planned = self.planned(slots, levers)
        async with running_engine(settings, planned, run_dir=own, log_dir=own, report=lambda _: None) as engine:
            yield engine

    def memory(self, engine: Engine | None) -> int:
        """Bytes in use: on the card, or by the engine's processes."""
        if self.cpu:
            return sum(psutil.Process(pid).memory_info().rss for pid in (engine.pids() if engine else ()))
        pynvml.nvmlInit()
        try:
            return int(pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(0)).used)
        finally:
            pynvml.nvmlShutdown()

    async def burst(self, engine: Engine, streams: int) -> Run:
        """One burst with its energy."""
        return await burst(engine, self.name, streams, tokens=self.tokens, numbers=self.numbers, ask=self.ask)


async def levers(bench: Bench) -> dict[str, Any]:
    """`tune`'s own trial of every lever, at the most slots."""
    cores = bench.hardware.cpu.physical_cores or 1
    threads = default_threads(bench.hardware.cpu)
    tries = candidates(cores, threads=threads, fixed_threads=False, gpu=not bench.cpu)
    bench.kept, tried = await try_levers(
        lambda pulled: bench.engine(bench.most, pulled),
        bench.name,
        tries,
        slots=bench.most,
        tokens=bench.tokens,
        pairs=3 if not bench.cpu else 4,
    )
    return {"kept": asdict(bench.kept), "tried": [{**asdict(each), "gain": each.gain} for each in tried]}


async def tuned(bench: Bench) -> dict[str, Any]:
    """What was kept against the stock settings, interleaved: streamed as the product does, and whole answers."""
    runs: dict[str, list[Run]] = {"stock": [], "tuned": []}
    whole: dict[str, list[float]] = {"stock": [], "tuned": []}
    async with bench.engine(bench.most) as stock, bench.engine(bench.most, bench.kept) as ours:
        both = {"stock": stock, "tuned": ours}
        for engine in both.values():
            await burst(engine, bench.name, bench.most, tokens=8, numbers=bench.numbers)
        for _ in range(5):
            for name, engine in both.items():
                runs[name].append(await bench.burst(engine, bench.most))
        for _ in range(3):
            for name, engine in both.items():
                whole[name].append(await _whole(bench, engine, bench.most))
    ratios = [b.tokens_per_second / a.tokens_per_second for a, b in zip(runs["stock"], runs["tuned"], strict=True)]
    wholes = [b / a for a, b in zip(whole["stock"], whole["tuned"], strict=True)]
    return {
        "slots": bench.most,
        "streamed": {name: asdict(summary(bench.most, found)) for name, found in runs.items()},
        "ratios": ratios,
        "ratio": statistics.median(ratios),
        "whole": whole,
        "whole_ratio": statistics.median(wholes),
    }


async def memory(bench: Bench) -> list[dict[str, Any]]:
    """The plan's bytes against what the card gave, and the slots promised against those achieved."""
    rows = []
    sizes = [1, 8, 16, 32] if bench.most >= 32 else [1, 4, bench.most]
    cases = [(slots, STOCK) for slots in sizes] + [(sizes[-1], bench.kept), (sizes[-1], Levers(ubatch=1024))]
    for slots, pulled in cases:
        before, begun = bench.memory(None), time.monotonic()
        async with bench.engine(slots, pulled) as engine:
            seconds = time.monotonic() - begun
            loaded = bench.memory(engine) - before
            proof = await prove_slots(engine, bench.name, slots)
            busy = bench.memory(engine) - before
        planned = bench.planned(slots, pulled).shared_bytes
        rows.append(
            {
                "slots": slots,
                "levers": pulled.words(),
                "planned": planned,
                "loaded": loaded,
                "proven": busy,
                "error": planned / busy - 1,
                "promised": proof.promised,
                "achieved": proof.achieved,
                "start_s": seconds,
                "reason": proof.reason,
            }
        )
        await asyncio.sleep(0.0 if bench.cpu else 1.0)  # the driver takes a moment to have the memory back
    return rows


async def warmed(bench: Bench) -> dict[str, Any]:
    """Seconds to the first token for as many agents as slots, all at once: their prompts new, then in the cache."""
    words = re.findall(r"(?<= )[a-z]+", PROMPT)  # each is one token where a blank comes before it
    chance = random.Random(1)
    agents = AGENTS if not bench.cpu else 4
    length = PROMPT_WORDS if not bench.cpu else 150
    prompts = [" ".join(chance.choice(words) for _ in range(length)) for _ in range(agents)]
    rounds: dict[str, list[float | None]] = {}
    async with bench.engine(agents, bench.kept) as engine:
        await burst(engine, bench.name, agents, tokens=4, numbers=bench.numbers)
        for name in ("cold", "warm", "warm again"):
            question = f"{name}: which ship comes in one night?"
            rounds[name] = list(await warm(engine, bench.name, prompts, question=question))
    found = {name: [value for value in values if value is not None] for name, values in rounds.items()}
    return {
        "agents": agents,
        "words": length,
        "failed": sum(value is None for values in rounds.values() for value in values),
        **{name: {"p50": statistics.median(values), "max": max(values)} for name, values in found.items()},
    }


async def curve(bench: Bench) -> dict[str, Any]:
    """Tokens/s, tokens per joule and utilisation against streams, stock and tuned in turn."""
    sizes = [n for n in (1, 2, 4, 8, 12, 16, 24, 32) if n <= bench.most]
    runs: dict[str, dict[int, list[Run]]] = {"stock": {n: [] for n in sizes}, "tuned": {n: [] for n in sizes}}
    async with bench.engine(bench.most) as stock, bench.engine(bench.most, bench.kept) as ours:
        both = {"stock": stock, "tuned": ours}
        for engine in both.values():
            await burst(engine, bench.name, 1, tokens=8, numbers=bench.numbers)
        for _, slots in itertools.product(range(3), sizes):
            for name, engine in both.items():
                runs[name][slots].append(await bench.burst(engine, slots))
    return {name: [asdict(summary(slots, found)) for slots, found in levels.items()] for name, levels in runs.items()}


async def idle(bench: Bench) -> dict[str, Any]:
    """Power with nothing loaded, and with the model loaded and no request."""
    with PowerMeter(bench.ask) as nothing:
        await asyncio.sleep(1.5)
    async with bench.engine(bench.most):
        await asyncio.sleep(1.0)
        with PowerMeter(bench.ask) as loaded:
            await asyncio.sleep(1.5)
    return {"nothing": asdict(nothing.used), "loaded": asdict(loaded.used)}


async def _whole(bench: Bench, engine: Engine, streams: int) -> float:
    """Tokens/s of answers that come in one piece."""

    async def one(client: httpx.AsyncClient) -> int:
        message = {"role": "user", "content": PROMPT.format(number=next(bench.numbers))}
        body = {"model": bench.name, "messages": [message], "max_tokens": bench.tokens, "ignore_eos": True}
        answer = await client.post(f"{engine.base_url}/chat/completions", json={**body, "temperature": 0})
        return int(answer.raise_for_status().json()["usage"]["completion_tokens"])

    begun = time.monotonic()
    async with control_client(engine.key, 120) as client:
        counts = await asyncio.gather(*(one(client) for _ in range(streams)))
    return sum(counts) / (time.monotonic() - begun)


PARTS: dict[str, Callable[[Bench], Coroutine[Any, Any, Any]]] = {
    "levers": levers, "tuned": tuned, "memory": memory, "warmed": warmed, "curve": curve, "idle": idle,
}  # fmt: skip


async def main() -> None:
    """Run the parts and write what each found."""
    options = argparse.ArgumentParser()
    options.add_argument("--program", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--shape", choices=SHAPES, default="qwen3-4b")
    options.add_argument("--tokens", type=int, default=100)
    options.add_argument("--most", type=int, default=32)
    options.add_argument("--only", default=",".join(PARTS))
    options.add_argument("--seconds", type=float, default=480.0, help="after which no further part begins")
    options.add_argument("--sampling", action="store_true", help="take backend sampling for kept, without a trial")
    options.add_argument("--cpu", action="store_true")
    asked = options.parse_args()
    begun = time.monotonic()
    here = detect_hardware()
    results: dict[str, Any] = {"shape": asked.shape, "tokens": asked.tokens}
    with tempfile.TemporaryDirectory(prefix="hs-") as name, find_source(gpu=not asked.cpu) as ask:
        folder = Path(name)
        model = write(folder / f"{asked.shape}.gguf", SHAPES[asked.shape])
        hardware = here.cpu_only() if asked.cpu else here
        bench = Bench(hardware, model, asked.program, folder, asked.tokens, asked.most, ask, asked.cpu)
        bench.kept = Levers(backend_sampling=asked.sampling)
        results["file"] = model.stat().st_size
        for part in asked.only.split(","):
            started = time.monotonic()
            if started - begun > asked.seconds:
                results[part] = "not run: out of time"
                continue
            try:
                results[part] = await PARTS[part](bench)
            except Exception as exc:  # noqa: BLE001 - the other parts still count
                results[part] = f"failed: {exc!r} {getattr(exc, 'log_tail', '')}"
            results[f"{part}_s"] = round(time.monotonic() - started, 1)
            asked.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
            print(part, json.dumps(results[part]), flush=True)  # noqa: T201 - this is its output


if __name__ == "__main__":
    asyncio.run(main())
