"""The plan's bytes against the resident size of the embedded engine, in both forms, on the CPU.

`python -m tests.bench memory [FILE ...] [--slots 1,4,8] [--context 2048]`: the demonstration model, each GGUF file
that is named, and shapes with random weights. Resident after one proof of all slots, one run a cell. The constants
were fitted on the demonstration model, Gemma 3 270M and the two shapes that are called so.
"""

import argparse
import asyncio
import tempfile
from itertools import product
from pathlib import Path
from typing import get_args

import psutil
from harmonic_stack.describe import hardware_line

from launcher import AgentSpec, CacheType, Calibration, detect_hardware, local_model, plan, prove_slots, running_engine
from launcher.form import PROCESS_BYTES, EmbeddedSettings, Form
from tests.bench.random_gguf import SHAPES, write

RANDOM = "fitted-llama,fitted-qwen3,held-out"
CACHES: tuple[CacheType, ...] = ("f16", "q8_0")


async def cell(model: Path | None, form: Form, slots: int, context: int, cache: CacheType, folder: Path) -> float:
    """Print one row; return its error."""
    facts = local_model(model)
    planned = plan(
        detect_hardware().cpu_only(),
        [AgentSpec("bench", 1, facts.name)],
        {facts.name: facts},
        context=context,
        slots=slots,
        cache_type=cache,
        calibration=Calibration(peak=None, process_bytes=PROCESS_BYTES[form]),
    )
    settings = EmbeddedSettings(model=model, form=form, start_timeout=120)
    async with running_engine(settings, planned, run_dir=folder, log_dir=folder, report=lambda _: None) as engine:
        proof = await prove_slots(engine, facts.name, slots)
        resident = sum(psutil.Process(pid).memory_info().rss for pid in engine.pids())
    error = planned.shared_bytes / resident - 1
    sizes = f"{planned.shared_bytes / 1e6:.0f} MB | {resident / 1e6:.0f} MB | {error:+.1%}"
    _print(f"| {facts.name} | {form} | {slots} x {planned.context}, {cache} | {sizes} | {proof.achieved} |")
    return error


async def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("files", type=Path, nargs="*")
    options.add_argument("--slots", default="1,4,8")
    options.add_argument("--context", type=int, default=2048)
    options.add_argument("--shapes", default=RANDOM)
    asked = options.parse_args()
    _print(f"{hardware_line(detect_hardware())}\n")
    _print("| model | form | slots x context, cache | planned | resident | error | slots achieved |")
    _print("|---|---|---|---|---|---|---|")
    errors = []
    with tempfile.TemporaryDirectory(prefix="hs-") as name:
        folder = Path(name)
        drawn = [write(folder / f"{shape}.gguf", SHAPES[shape]) for shape in asked.shapes.split(",")]
        for model, form in product((None, *asked.files, *drawn), get_args(Form)):
            for slots, cache in product(map(int, asked.slots.split(",")), CACHES):
                errors.append(await cell(model, form, slots, asked.context, cache, folder))
    within = sum(abs(error) <= 0.10 for error in errors)
    _print(f"\nworst {max(errors, key=abs):+.1%}, {within} of {len(errors)} within 10 %")


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is its output


if __name__ == "__main__":
    asyncio.run(main())
