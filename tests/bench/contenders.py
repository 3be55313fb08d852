"""What the load benches share: programs in C, the stack on a stub engine, and CPU time as the kernel counts it.

A C engine (floor/stub.c) feeds, a C client (floor/load.c) asks; both run on CPU 0, the contenders on CPU 1. Needs gcc
and Linux.
"""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from launcher.loopback import free_port
from tests.cli import COMMAND, Home

DRAFTS = 8
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
    """Somebody who stands between client and engine; ``streams`` of tokens reach the client for one request."""

    name: str
    port: int
    pid: int
    model: str
    streams: int
    key: str = "none"


@dataclass(frozen=True)
class Cost:
    """CPU microseconds, of a token and of a request; medians in ms: the age of a token on arrival, an answer's length.

    ``whole``: every answer had all its tokens.
    """

    token: float
    request: float
    age: float
    end: float
    whole: bool


def build(folder: Path) -> dict[str, Path]:
    """Compile the programs of floor/ into *folder*."""
    source = Path(__file__).with_name("floor")
    programs = {name: folder / name for name in ("stub", "load", "mergec")}
    for name, program in programs.items():
        compiler = ["gcc", "-O2", "-w", "-include", "stddef.h", "-o", str(program), str(source / f"{name}.c")]
        subprocess.run(compiler, check=True)
    return programs


def start(
    command: Sequence[str], *, cpu: int, told: Mapping[str, str] | None = None, quiet: bool = False
) -> "subprocess.Popen[bytes]":
    """Start a program on one CPU; *told* is added to its environment, and a *quiet* one is not heard."""
    output = subprocess.DEVNULL if quiet else None
    return subprocess.Popen(
        ["taskset", "-c", str(cpu), *command], env=os.environ | (told or {}), stdout=output, stderr=output
    )


async def stack(folder: Path, engine: int, *, spine: bool, model: str = "harmonic-full") -> tuple[Home, Contender]:
    """The product as shipped, on the stub at port *engine*: an executive and seven proposers."""
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
    name, streams = (model, DRAFTS + 1) if model == "harmonic-full" else ("harmonic-stack", 1)
    return home, Contender(name if spine else f"{name}, spine off", port, daemon.pid, model, streams, key)


def ask(load: Path, contender: Contender, body: Mapping[str, Any], concurrency: int, seconds: float) -> Cost:
    """Ask *contender* for so many *seconds*, so many requests at a time."""
    where = [str(contender.port), "/v1/chat/completions", str(concurrency), str(seconds)]
    before = cpu_seconds(contender.pid)
    ran = subprocess.run(
        ["taskset", "-c", "0", str(load), *where, json.dumps(body)],
        env=os.environ | {"BENCH_KEY": contender.key},
        capture_output=True,
        check=True,
        timeout=seconds + 30,
    )
    time.sleep(0.3)  # what is written in the background belongs to the cost
    told = json.loads(ran.stdout)
    micros = (cpu_seconds(contender.pid) - before) * 1e6
    return Cost(
        token=micros / max(told["tok"], 1),
        request=micros / max(told["req"], 1),
        age=told["age50"] / 1000,
        end=told["lat50"] / 1000,
        whole=not told["err"] and told["tmin"] >= body["max_tokens"] * contender.streams,
    )


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and all below it, all threads: the kernel's own count, in nanoseconds."""
    process = psutil.Process(pid)
    total = 0
    for each in (process, *process.children(recursive=True)):
        for task in Path(f"/proc/{each.pid}/task").glob("*/schedstat"):
            total += int(task.read_text().split()[0])
    return total / 1e9


def show(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201 - this is its output
