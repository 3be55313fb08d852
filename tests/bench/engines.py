"""The two forms of the embedded engine side by side: tokens/s at 1, 2, 4 and 8 streams, and per second of CPU time.

`python -m tests.bench engines [--rounds N] [--tokens T] [--threads N]`. Both run at once, on the demonstration model
with the same slots, context and threads, and are asked in turn, level by level, so that the machine's drift meets both.
"""

import argparse
import asyncio
import itertools
import statistics
import tempfile
from pathlib import Path

import psutil

from harmonic_stack.host.describe import hardware_line
from launcher import AgentSpec, Plan, detect_hardware, local_model, plan, running_engine
from launcher.engine import Engine
from launcher.form import EmbeddedSettings, choose
from launcher.tune import burst

LEVELS = (1, 2, 4, 8)
CONTEXT = 1024


class Contender:
    """One form, and what was measured of it by level."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.speed: dict[int, list[float]] = {level: [] for level in LEVELS}
        self.per_cpu: dict[int, list[float]] = {level: [] for level in LEVELS}
        self.ttft: dict[int, list[float]] = {level: [] for level in LEVELS}

    async def run(self, model: str, level: int, tokens: int, numbers: "itertools.count[int]") -> None:
        """Add one burst."""
        before = self._cpu()
        run = await burst(self.engine, model, level, tokens=tokens, numbers=numbers)
        self.speed[level].append(run.tokens_per_second)
        self.per_cpu[level].append(level * tokens / (self._cpu() - before))
        self.ttft[level].append(statistics.median(run.ttfts))

    def _cpu(self) -> float:
        times = [psutil.Process(pid).cpu_times() for pid in self.engine.pids()]
        return sum(found.user + found.system for found in times)


def planned_for(slots: int) -> Plan:
    """A plan of so many slots for the demonstration model."""
    facts = local_model(None)
    agents = [AgentSpec("bench", 1, facts.name)]
    return plan(detect_hardware().cpu_only(), agents, {facts.name: facts}, context=CONTEXT, slots=slots)


async def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--tokens", type=int, default=48)
    options.add_argument("--threads", type=int, default=1)
    asked = options.parse_args()
    planned = planned_for(max(LEVELS))
    model, numbers = planned.pools[0].model, itertools.count(1)
    theirs = EmbeddedSettings(form="llama-server", threads=asked.threads)
    ours = EmbeddedSettings(form="xllamacpp", threads=asked.threads)
    with tempfile.TemporaryDirectory(prefix="hs-") as folder:
        one, two = Path(folder) / "1", Path(folder) / "2"
        async with (
            running_engine(theirs, planned, run_dir=one, log_dir=one, report=lambda _: None) as first,
            running_engine(ours, planned, run_dir=two, log_dir=two, report=lambda _: None) as second,
        ):
            contenders = Contender(first), Contender(second)
            for contender in contenders:
                await burst(contender.engine, model, 1, tokens=4, numbers=numbers)
            for _ in range(asked.rounds):
                for level in LEVELS:
                    for contender in contenders:
                        await contender.run(model, level, asked.tokens, numbers)
    builds = " against ".join(choose(settings).build for settings in (theirs, ours))
    _print(f"{hardware_line(detect_hardware())}; {_sets()}; {builds}; {model},")
    _print(f"{max(LEVELS)} slots of {CONTEXT} tokens, {asked.threads} threads, {asked.tokens} tokens a stream,")
    _print(f"medians of {asked.rounds} rounds\n")
    _table(*contenders)


def _table(first: Contender, second: Contender) -> None:
    _print("| streams | llama-server | xllamacpp | ratio (min to max) | per CPU second | TTFT s |")
    _print("|---|---|---|---|---|---|")
    for level in LEVELS:
        ratios = [a / b for a, b in zip(first.speed[level], second.speed[level], strict=True)]
        cells = (
            str(level),
            *(f"{statistics.median(each.speed[level]):.1f}" for each in (first, second)),
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
            " / ".join(f"{statistics.median(each.per_cpu[level]):.1f}" for each in (first, second)),
            " / ".join(f"{statistics.median(each.ttft[level]):.2f}" for each in (first, second)),
        )
        _print(f"| {' | '.join(cells)} |")


def _sets() -> str:
    """The instruction sets that decide which form is faster."""
    flags = detect_hardware().cpu.flags
    sets = {"AVX2": "avx2", "AVX-512": "avx512f", "VNNI": "avx512_vnni", "AMX": "amx_int8"}
    return ", ".join(f"{'' if flag in flags else 'no '}{name}" for name, flag in sets.items())


def _print(text: str) -> None:
    print(text)  # noqa: T201 - this is its output


if __name__ == "__main__":
    asyncio.run(main())
