"""`tune`: measure the embedded engine on this box, and let the next plan take its slots from that."""

import asyncio
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from harmonic_stack.cli.output import say, show_json, show_table
from harmonic_stack.config import Config
from harmonic_stack.host.lock import held_lock
from harmonic_stack.host.paths import Paths
from harmonic_stack.host.planning import calibrations_file, engine_settings
from launcher import AgentSpec, default_threads, detect_hardware, local_model, plan, running_engine
from launcher.calibration import Record, calibration_here, keep_record, subject
from launcher.embedded_engine import EmbeddedEngine
from launcher.engine import EngineSettings
from launcher.form import choose
from launcher.knee import knee, levels_up_to
from launcher.profiles import choose_profile
from launcher.tune import measure
from launcher.tune_plot import png_plot, text_plot
from launcher.types import Calibration


def tune(
    config: Annotated[Path | None, typer.Option("--config", help="Settings file to use instead of your own.")] = None,
    most: Annotated[int | None, typer.Option(min=1, help="Most slots to try; else what the profile allows.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each level; the median counts.")] = 3,
    tokens: Annotated[int, typer.Option(min=2, help="Tokens that each stream generates.")] = 32,
    picture: Annotated[Path | None, typer.Option(help="Where the plot goes as a PNG file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure tokens/s and waiting against slots, and keep the knee for the next plan. Stop the stack first."""
    settings = engine_settings(Config.load(config))
    if settings.kind not in ("auto", "embedded"):
        raise typer.BadParameter("tune measures the embedded engine; engine.name or engine.url asks for another")
    paths = Paths.find()
    paths.make()
    with held_lock(paths):
        record, found = asyncio.run(_measured(settings, paths, most, repeats=repeats, tokens=tokens))
    keep_record(calibrations_file(paths), record)
    picture = picture or paths.state / "tune.png"
    picture.write_bytes(png_plot(record.curve))
    if as_json:
        show_json({**asdict(record), "knee": knee(record.curve).slots, "peak": found.peak, "words": found.words})
        return
    show_table(
        ("slots", "tokens/s", "least", "most", "each", "TTFT s", "worst"),
        [
            (
                *(level.slots, f"{level.tokens_per_second:.1f}", f"{level.least:.1f}", f"{level.most:.1f}"),
                *(f"{level.tokens_per_second / level.slots:.1f}", f"{level.ttft:.2f}", f"{level.worst_ttft:.2f}"),
            )
            for level in record.curve
        ],
    )
    typer.echo(f"\n{text_plot(record.curve)}\n")
    typer.echo(f"{record.subject.build}, {record.subject.threads} threads, {record.subject.hardware}")
    typer.echo(f"The next plan takes {found.peak} slots: {found.words}.")
    say(f"picture: {picture}")


async def _measured(
    settings: EngineSettings, paths: Paths, most: int | None, *, repeats: int, tokens: int
) -> tuple[Record, Calibration]:
    """Start the engine with as many slots as will be tried, measure it level by level, and stop it."""
    hardware = detect_hardware().cpu_only()
    profile, facts = choose_profile(hardware), local_model(settings.model)
    planned = plan(
        hardware,
        [AgentSpec("tune", 1, facts.name)],
        {facts.name: facts},
        context=settings.context,
        slots=min(most or profile.most, profile.most),
        cache_type=settings.cache_type,
        calibration=replace(calibration_here(settings, facts, hardware), peak=None),
    )
    slots = planned.pools[0].slots
    settings = replace(settings, kind="embedded")
    async with running_engine(
        settings, planned, run_dir=paths.runtime, log_dir=paths.state / "logs", report=say
    ) as engine:
        assert isinstance(engine, EmbeddedEngine)  # asked for above
        with typer.progressbar(
            length=sum(levels_up_to(slots)) * repeats, label="measuring", file=sys.stderr
        ) as progress:
            curve = await measure(
                engine,
                facts.name,
                most=slots,
                tokens=tokens,
                repeats=repeats,
                on_run=lambda level, _: progress.update(level),
            )
    chosen = choose(settings, hardware.cpu)
    if engine.form != chosen.form:
        chosen = replace(chosen, form=engine.form, program=None)  # the one that served in the end
    threads = settings.threads or default_threads(hardware.cpu)
    about = subject(chosen.build, facts, hardware, threads=threads, cache_type=planned.cache_type)
    record = Record(about, datetime.now(UTC).date().isoformat(), planned.context, curve)
    return record, record.calibration(profile.floor)
