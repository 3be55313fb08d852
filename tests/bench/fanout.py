"""What a fan-out costs: CPU per upstream token of the stack as shipped, against the same job in C.

`python -m tests.bench fanout [--conc 8,32] [--rounds N] [--seconds S]`. One request becomes eight drafts and one merge;
the floor turns one request into eight streams and merges their tokens into one, with one write per round of its loop.
A C engine (floor/stub.c) feeds both, a C client (floor/load.c) asks; CPU time is the whole process tree's, from the
kernel. Engine and client run on CPU 0, the contenders on CPU 1. Needs gcc and Linux.
"""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harmonic_stack.host.describe import hardware_line
from launcher import detect_hardware
from launcher.loopback import free_port
from tests.bench.contenders import DRAFTS, SENTENCE, Contender, Cost, ask, build, show, stack, start
from tests.cli import Home

CELLS = (("coalesced", 0, 64), ("paced, 20 ms a token", 20, 32))  # name, ms between tokens, tokens a stream


async def main() -> None:
    """Build, start all contenders, run every cell in turn, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--conc", default="8,32")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hs-") as scratch:
        folder = Path(scratch)
        programs = build(folder)
        engine = free_port()
        children = [start([str(programs["stub"]), str(engine)], cpu=0)]
        homes: list[Home] = []
        try:
            floor = free_port()
            children.append(start([str(programs["mergec"]), str(floor), str(engine), str(DRAFTS), "t"], cpu=1))
            contenders = [Contender("the floor in C", floor, children[-1].pid, "", DRAFTS)]
            for spine in (True, False):
                home, found = await stack(folder, engine, spine=spine)
                homes.append(home)
                contenders.append(found)
            show(hardware_line(detect_hardware()))
            for concurrency in map(int, options.conc.split(",")):
                for cell in CELLS:
                    _table(programs["load"], cell, concurrency, contenders, options.rounds, options.seconds)
        finally:
            for home in homes:
                await home.run("down")
            for child in children:
                child.kill()
                child.wait()


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
    floor = statistics.median(cost.token for cost in costs[contenders[0].name])
    show(f"\n{name}, {concurrency} requests at a time, {tokens} tokens a stream, {rounds} rounds\n")
    show("| contender | CPU us per upstream token | x floor | every answer whole |\n|---|---|---|---|")
    for contender in contenders:
        found = costs[contender.name]
        micros = statistics.median(cost.token for cost in found)
        whole = "yes" if all(cost.whole for cost in found) else "no"
        show(f"| {contender.name} | {micros:.1f} | {micros / floor:.1f} | {whole} |")


def _run(load: Path, contender: Contender, delay: int, tokens: int, concurrency: int, seconds: float) -> Cost:
    body: dict[str, object] = {
        "model": contender.model or f"stub-d{delay}",
        "messages": [{"role": "user", "content": f"stub-d{delay} {SENTENCE}"}],
        "max_tokens": tokens,
        "stream": True,
    }
    if contender.model:
        body["harmonic"] = {"draft_tokens": tokens}
    return ask(load, contender, body, concurrency, seconds)


asyncio.run(main())
