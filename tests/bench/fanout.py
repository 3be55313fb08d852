"""What a fan-out costs: CPU per upstream token of the stack as shipped, against the same job in C.

`python -m tests.bench fanout [--conc 8,32] [--rounds N] [--seconds S]`. One request becomes eight drafts and one merge;
the floor turns one request into eight streams and merges their tokens into one, with one write per round of its loop.
A C engine (floor/stub.c) feeds both, a C client (floor/load.c) asks; CPU time is the whole process tree's, from the
kernel. Engine and client run on CPU 0, the contenders on CPU 1. Needs gcc and Linux.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from harmonic_stack.host.describe import hardware_line
from launcher import detect_hardware
from launcher.loopback import free_port
from tests.cli import COMMAND, Home

DRAFTS = 8
CELLS = (("coalesced", 0, 64), ("paced, 20 ms a token", 20, 32))  # name, ms between tokens, tokens a stream
SENTENCE = "Say something about harmonic parallelism. " * 5
SETTINGS = """
[server]
max_in_flight = 512
[engine]
name = "openai"
url = "http://127.0.0.1:{engine}/v1"
model = "stub"
slots = 512
context = 16384
prove = false
[crew]
file = "crew.toml"
[route]
crew = 7
[merge]
open = "aggregate"
minority = "off"
[spine]
enabled = {spine}
"""


@dataclass(frozen=True)
class Contender:
    """Somebody who turns one request into eight streams; ``streams`` of tokens reach the client for one request."""

    name: str
    port: int
    pid: int
    model: str
    streams: int
    key: str = "none"


@dataclass(frozen=True)
class Cost:
    """CPU microseconds per upstream token, and whether every answer was whole."""

    micros: float
    whole: bool


async def main() -> None:
    """Build, start all contenders, run every cell in turn, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--conc", default="8,32")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hs-") as scratch:
        folder = Path(scratch)
        programs = _build(folder)
        engine = free_port()
        children = [_start([str(programs["stub"]), str(engine)], cpu=0)]
        homes: list[Home] = []
        try:
            floor = free_port()
            children.append(_start([str(programs["mergec"]), str(floor), str(engine), str(DRAFTS), "t"], cpu=1))
            contenders = [Contender("the floor in C", floor, children[-1].pid, "", DRAFTS)]
            for spine in (True, False):
                home, found = await _stack(folder, engine, spine=spine)
                homes.append(home)
                contenders.append(found)
            _print(hardware_line(detect_hardware()))
            for concurrency in map(int, options.conc.split(",")):
                for cell in CELLS:
                    _table(programs["load"], cell, concurrency, contenders, options.rounds, options.seconds)
        finally:
            for home in homes:
                await home.run("down")
            for child in children:
                child.kill()
                child.wait()


def _build(folder: Path) -> dict[str, Path]:
    source = Path(__file__).with_name("floor")
    programs = {name: folder / name for name in ("stub", "load", "mergec")}
    for name, program in programs.items():
        compiler = ["gcc", "-O2", "-w", "-include", "stddef.h", "-o", str(program), str(source / f"{name}.c")]
        subprocess.run(compiler, check=True)
    return programs


def _start(command: Sequence[str], *, cpu: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["taskset", "-c", str(cpu), *command])


async def _stack(folder: Path, engine: int, *, spine: bool) -> tuple[Home, Contender]:
    """The product as shipped, on the stub: an executive and seven proposers."""
    home = Home(folder / ("with" if spine else "without")).make()
    names = ["executive", *(f"proposer{number}" for number in range(1, DRAFTS))]
    crew = "".join(f'[agents.{name}]\ntier = 1\nrole = "You are {name}."\n' for name in names)
    (home.path / "crew.toml").write_text(crew)
    settings = home.path / "harmonic.toml"
    settings.write_text(SETTINGS.format(engine=engine, spine=str(spine).lower()))
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *("taskset", "-c", "1", *COMMAND, "up", "--detach", "--config", str(settings), "--port", str(port)),
        env=home.environment,
    )
    assert await process.wait() == 0
    daemon = next(process for process in home.processes() if "up" in process.cmdline())
    key = (await home.run("key", "show")).out.strip()
    name = "harmonic-full" if spine else "harmonic-full, spine off"
    return home, Contender(name, port, daemon.pid, "harmonic-full", DRAFTS + 1, key)


def _table(
    load: Path,
    cell: tuple[str, int, int],
    concurrency: int,
    contenders: Sequence[Contender],
    rounds: int,
    seconds: float,
) -> None:
    name, delay, tokens = cell
    costs: dict[str, list[Cost]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            costs[contender.name].append(_run(load, contender, delay, tokens, concurrency, seconds))
    floor = statistics.median(cost.micros for cost in costs[contenders[0].name])
    _print(f"\n{name}, {concurrency} requests at a time, {tokens} tokens a stream, {rounds} rounds\n")
    _print("| contender | CPU us per upstream token | x floor | every answer whole |\n|---|---|---|---|")
    for contender in contenders:
        found = costs[contender.name]
        micros = statistics.median(cost.micros for cost in found)
        whole = "yes" if all(cost.whole for cost in found) else "no"
        _print(f"| {contender.name} | {micros:.1f} | {micros / floor:.1f} | {whole} |")


def _run(load: Path, contender: Contender, delay: int, tokens: int, concurrency: int, seconds: float) -> Cost:
    body: dict[str, Any] = {
        "model": contender.model or f"stub-d{delay}",
        "messages": [{"role": "user", "content": f"stub-d{delay} {SENTENCE}"}],
        "max_tokens": tokens,
        "stream": True,
    }
    if contender.model:
        body["harmonic"] = {"draft_tokens": tokens}
    where = [str(contender.port), "/v1/chat/completions", str(concurrency), str(seconds)]
    before = _cpu_seconds(contender.pid)
    ran = subprocess.run(
        ["taskset", "-c", "0", str(load), *where, json.dumps(body)],
        env=os.environ | {"BENCH_KEY": contender.key},
        capture_output=True,
        check=True,
        timeout=seconds + 30,
    )
    time.sleep(0.3)  # what is written in the background belongs to the cost
    told = json.loads(ran.stdout)
    micros = (_cpu_seconds(contender.pid) - before) / max(told["tok"], 1) * 1e6
    return Cost(micros, whole=not told["err"] and told["tmin"] >= tokens * contender.streams)


def _cpu_seconds(pid: int) -> float:
    """CPU time of a process and all below it, all threads: the kernel's own count, in nanoseconds."""
    process = psutil.Process(pid)
    total = 0
    for each in (process, *process.children(recursive=True)):
        for task in Path(f"/proc/{each.pid}/task").glob("*/schedstat"):
            total += int(task.read_text().split()[0])
    return total / 1e9


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is its output


asyncio.run(main())
