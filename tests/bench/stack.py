"""How long the stack takes to start, what it weighs, and what it leaves of the engine's speed.

`python -m tests.bench stack [--rounds N] [--model FILE] [--slots N] [--tokens N]` starts it in a fresh home, on the
demonstration model unless another GGUF file is named, and prints a table. A card counts where `up` would use it.
The speeds are taken by the client in C (floor/load.c): one in Python needs as much of the CPU as the daemon. Needs gcc.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil

from harmonic_stack.host.describe import hardware_line
from launcher import AgentSpec, EngineSettings, detect_hardware, local_model, plan, running_engine
from launcher.embedded_devices import usable_by_embedded, with_card
from launcher.loopback import free_port
from tests.bench.contenders import build
from tests.cli import Home

GRACE = 120  # seconds that a burst may take
PROMPT = "Tell me a long story about a lighthouse and the people who keep it."


async def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--model", type=Path, help="a GGUF file; the demonstration model where none is named")
    options.add_argument("--slots", type=int, default=4)
    options.add_argument("--tokens", type=int, default=64, help="tokens of each stream")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="hs-") as folder:
        home = Home(Path(folder) / "home").make()
        home.env["HARMONIC_ENGINE__SLOTS"] = str(asked.slots)
        if asked.model is not None:
            home.env["HARMONIC_ENGINE__MODEL"] = str(asked.model.resolve())
        first = await _start(home)
        await home.run("down")
        second = await _start(home)
        try:
            memory = {name: _pss(pids) for name, pids in (await _processes(home)).items()}
        finally:
            await home.run("down")
        through, direct = await _speeds(Path(folder), asked)
    ratios = [ours / bare for ours, bare in zip(through, direct, strict=True)]
    rows = [
        ("start to the ready banner, first / second", f"{first:.1f} s / {second:.1f} s"),
        *((f"memory of the {name} (Pss)", f"{size / 1e6:.0f} MB") for name, size in memory.items()),
        (f"tokens/s through the stack, {asked.slots} slots", f"{statistics.median(through):.1f}"),
        (f"tokens/s of the engine asked directly, {asked.slots} slots", f"{statistics.median(direct):.1f}"),
        ("ratio, median of the pairs (min to max)", _spread(ratios)),
    ]
    model = asked.model.name if asked.model is not None else "demonstration model"
    load = f"{asked.slots} slots, {asked.tokens} tokens, {asked.rounds} rounds"
    _print(f"{hardware_line(detect_hardware())}; {model}, {load}")
    _print("\n| what | figure |\n|---|---|")
    for row in rows:
        _print(f"| {row[0]} | {row[1]} |")


async def _start(home: Home) -> float:
    begun = time.monotonic()
    ran = await home.run("up", "--detach", "--port", str(free_port()))
    assert ran.code == 0, ran.err
    return time.monotonic() - begun


async def _processes(home: Home) -> dict[str, list[int]]:
    status = await home.json("status")
    store = status["spine"]["pid"]
    engine = status["engine"]["pids"]
    daemon = next(p for p in home.processes() if "up" in p.cmdline())
    return {"daemon": [daemon.pid], "engine": engine, **({"store": [store]} if store else {})}


def _pss(pids: list[int]) -> int:
    return sum(psutil.Process(pid).memory_full_info().pss for pid in pids)


async def _speeds(folder: Path, asked: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Aggregate tokens/s at all slots of one engine, in turn: through the stack, and asked directly."""
    facts = local_model(asked.model)
    agents = [AgentSpec("executive", 1, facts.name)]
    hardware = detect_hardware()
    settings = await with_card(EngineSettings(kind="embedded", model=asked.model, slots=asked.slots), hardware)
    hardware = (await usable_by_embedded(settings, hardware)).hardware
    planned = plan(hardware, agents, {facts.name: facts}, context=settings.context, slots=asked.slots)
    through, direct = [], []
    load = build(folder)["load"]
    async with running_engine(settings, planned, run_dir=folder, log_dir=folder, report=lambda _: None) as engine:
        assert engine.key is not None
        home = Home(folder / "beside").make()
        home.env |= {"HARMONIC_ENGINE__API_KEY_ENV": "ENGINE_KEY", "ENGINE_KEY": engine.key}
        home.env["HARMONIC_MERGE__JUDGE"] = "false"  # after 10 s without a query it is examined, on the same engine
        ran = await home.run("up", "--detach", "--engine", engine.base_url, "--port", str(free_port()))
        assert ran.code == 0, ran.err
        try:
            stack = _Address((await home.json("status"))["url"] + "/v1", (await home.run("key", "show")).out.strip())
            bare = _Address(engine.base_url, engine.key)
            body = _body(facts.name, asked.tokens)
            for each in (stack, bare):  # warms both up
                await _check_whole(each, body, asked)
            for turn in range(asked.rounds):
                for each in (stack, bare) if turn % 2 else (bare, stack):
                    (through if each is stack else direct).append(await _burst(load, each, body, asked))
        finally:
            await home.run("down")
    return through, direct


@dataclass(frozen=True)
class _Address:
    url: str
    key: str


def _body(model: str, tokens: int) -> dict[str, Any]:
    return {
        "model": model,
        "messages": [{"role": "user", "content": PROMPT}],
        "max_tokens": tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def _check_whole(address: _Address, body: dict[str, Any], asked: argparse.Namespace) -> None:
    """See that each of the streams has all its tokens: the client in C counts none."""
    headers = {"authorization": f"Bearer {address.key}"}

    async def one() -> int:
        async with client.stream("POST", f"{address.url}/chat/completions", json=body, headers=headers) as answer:
            answer.raise_for_status()
            last: dict[str, Any] = {}
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    last = json.loads(line[6:])
        return int(last["usage"]["completion_tokens"])

    async with httpx.AsyncClient(timeout=GRACE) as client:
        counts = await asyncio.gather(*(one() for _ in range(asked.slots)))
    assert set(counts) == {asked.tokens}, counts


async def _burst(load: Path, address: _Address, body: dict[str, Any], asked: argparse.Namespace) -> float:
    """Tokens/s of one stream for each slot, all begun together, until the last has ended."""
    parts = urlsplit(address.url)
    words = [
        str(parts.port),
        f"{parts.path}/chat/completions",
        str(asked.slots),
        "0.01",
        json.dumps(body),
        "",
        str(GRACE),
    ]
    environment = os.environ | {"BENCH_KEY": address.key}
    client = await asyncio.create_subprocess_exec(load, *words, stdout=asyncio.subprocess.PIPE, env=environment)
    told = json.loads((await client.communicate())[0])
    assert (told["req"], told["err"]) == (asked.slots, 0), told
    return float(asked.slots * asked.tokens / told["secs"])


def _spread(figures: list[float]) -> str:
    return f"{statistics.median(figures):.3f} ({min(figures):.3f} to {max(figures):.3f})"


def _print(text: str) -> None:
    print(text)  # noqa: T201 - this is its output


asyncio.run(main())
