"""How many pairs of answers a model tells apart as the judge of ties, in the measurement that the daemon makes.

`python -m tests.bench judge [MODEL.gguf ...]` starts the embedded engine on each model in turn (without one: on the
demonstration model), lets the daemon measure it in idle time, and prints a row for each.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from harmonic_stack.answer.fitness import NEEDED, PAIRS, Fitness
from harmonic_stack.host.describe import hardware_line
from launcher import detect_hardware
from tests.helpers import until
from tests.stack import served_stack

LIMIT = 3600.0  # seconds for one model


async def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("models", nargs="*", help="GGUF files; none: the demonstration model")
    models = options.parse_args().models or [""]
    _print(f"{hardware_line(detect_hardware())}; {len(PAIRS)} pairs, {NEEDED} needed")
    _print("\n| model | pairs right | fit | seconds |\n|---|---|---|---|")
    for model in models:
        found, name, seconds = await _measured(model)
        _print(f"| {name} | {found.right} of {found.asked} | {'yes' if found.fit else 'no'} | {seconds:.0f} |")


async def _measured(model: str) -> tuple[Fitness, str, float]:
    settings: dict[str, object] = {"engine.name": "embedded", "engine.slots": 1, "engine.start_seconds": 300.0}
    if model:
        settings["engine.model"] = model
    with tempfile.TemporaryDirectory(prefix="hs-") as folder:
        async with served_stack(Path(folder), settings, examine=True) as stack:
            examining, begun = stack.daemon.orchestrator.examining, time.monotonic()
            await until(lambda: examining.fitness.fit is not None, "all pairs were asked", LIMIT)
            return examining.fitness, examining.as_dict()["model"], time.monotonic() - begun


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is its output


if __name__ == "__main__":
    asyncio.run(main())
