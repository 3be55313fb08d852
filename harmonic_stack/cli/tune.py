"""`tune`: measure the embedded engine on this box, and let the next plan take its slots from that."""

import asyncio
import itertools
import os
import sys
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from harmonic_stack.cli.output import say, show_json, show_table
from harmonic_stack.config import Config
from harmonic_stack.host.lock import held_lock
from harmonic_stack.host.paths import Paths
from harmonic_stack.host.planning import calibrations_file, engine_settings
from launcher import (
    AgentSpec,
    Engine,
    EngineSettings,
    Hardware,
    ModelFacts,
    Plan,
    default_threads,
    detect_hardware,
    local_model,
    plan,
    running_engine,
)
from launcher.calibration import Record, calibration_here, keep_record, subject
from launcher.embedded_devices import usable_by_embedded, with_card
from launcher.embedded_engine import EmbeddedEngine, told_by
from launcher.form import Chosen, choose
from launcher.knee import knee, levels_up_to
from launcher.levers import STOCK, Levers, Tried, candidates
from launcher.llama_server import options_in
from launcher.power import find_source
from launcher.profiles import choose_profile
from launcher.trial import try_levers
from launcher.tune import lasting_tokens, measure
from launcher.tune_plot import png_plot, text_plot

LEAST_TOKENS = 32  # that a stream generates, unless the caller says otherwise


def tune(
    config: Annotated[Path | None, typer.Option("--config", help="Settings file to use instead of your own.")] = None,
    most: Annotated[int | None, typer.Option(min=1, help="Most slots to try; else what the profile allows.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each level; the median counts.")] = 3,
    tokens: Annotated[
        int | None, typer.Option(min=2, help="Tokens that each stream generates; else half a second's, 32 to 256.")
    ] = None,
    no_levers: Annotated[bool, typer.Option("--no-levers", help="Leave the engine's levers as they are.")] = False,
    picture: Annotated[Path | None, typer.Option(help="Where the plot goes as a PNG file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure tokens/s and waiting against slots, and keep the knee and the levers that pay. Stop the stack first."""
    settings = engine_settings(Config.load(config))
    if settings.kind not in ("auto", "embedded"):
        raise typer.BadParameter("tune measures the embedded engine; engine.name or engine.url asks for another")
    paths = Paths.find()
    paths.make()
    _warn_of_others()
    with held_lock(paths):
        tuned = asyncio.run(_tuned(settings, paths, most, repeats=repeats, tokens=tokens, levers=not no_levers))
    record, found = tuned.record, tuned.record.calibration(tuned.floor)
    keep_record(calibrations_file(paths), record)
    picture = picture or paths.state / "tune.png"
    picture.write_bytes(png_plot(record.curve))
    if as_json:
        tried = [{**asdict(each), "gain": each.gain} for each in tuned.tried]
        knee_slots = knee(record.curve).slots
        show_json({**asdict(record), "knee": knee_slots, "peak": found.peak, "words": found.words, "tried": tried})
        return
    show_table(
        ("slots", "tokens/s", "least", "most", "each", "TTFT s", "worst", "tokens/J"),
        [
            (
                *(level.slots, f"{level.tokens_per_second:.1f}", f"{level.least:.1f}", f"{level.most:.1f}"),
                *(f"{level.tokens_per_second / level.slots:.1f}", f"{level.ttft:.2f}", f"{level.worst_ttft:.2f}"),
                "-" if level.tokens_per_joule is None else f"{level.tokens_per_joule:.2f}",
            )
            for level in record.curve
        ],
    )
    typer.echo(f"\n{text_plot(record.curve)}\n")
    typer.echo(f"{record.subject.build}, {record.subject.threads} threads, {record.subject.hardware}")
    if tuned.tried:
        typer.echo("")
        show_table(("lever", "gain", ""), [(each.name, _gain(each), _outcome(each)) for each in tuned.tried])
        typer.echo("")
    typer.echo(f"The next plan takes {found.peak} slots: {found.words}.")
    if said := record.levers.words():
        typer.echo(f"The next start tells the engine what paid: {said}.")
    say(f"picture: {picture}")


@dataclass(frozen=True)
class Tuned:
    """What was measured: the record that is kept, and what became of each lever."""

    record: Record
    floor: int  # the fewest slots of a pool
    tried: tuple[Tried, ...]


@dataclass(frozen=True)
class _Bench:
    """What every engine of one measurement shares."""

    settings: EngineSettings
    hardware: Hardware
    facts: ModelFacts
    paths: Paths
    serial: "itertools.count[int]" = field(default_factory=itertools.count)

    def planned(self, slots: int) -> Plan:
        """The plan for so many slots, or as many as fit."""
        known = calibration_here(self.settings, self.facts, self.hardware)
        return plan(
            self.hardware,
            [AgentSpec("tune", 1, self.facts.name)],
            {self.facts.name: self.facts},
            context=self.settings.context,
            slots=slots,
            cache_type=self.settings.cache_type,
            calibration=replace(known, peak=None, levers=STOCK),
        )

    def start(self, planned: Plan) -> AbstractAsyncContextManager[Engine]:
        """Start the embedded engine for *planned*, beside others."""
        number = next(self.serial)
        run_dir, log_dir = self.paths.runtime / f"tune{number}", self.paths.state / "logs"
        return running_engine(self.settings, planned, run_dir=run_dir, log_dir=log_dir, report=say)


async def _tuned(
    settings: EngineSettings, paths: Paths, most: int | None, *, repeats: int, tokens: int | None, levers: bool
) -> Tuned:
    """Measure level by level on an engine with as many slots as will be tried, then try the levers at the knee."""
    here = await asyncio.to_thread(detect_hardware)
    settings = await with_card(settings, here)
    usable = await usable_by_embedded(settings, here)
    say(usable.words)
    hardware = usable.hardware
    profile = choose_profile(hardware)
    bench = _Bench(replace(settings, kind="embedded"), hardware, local_model(settings.model), paths)
    planned = bench.planned(min(most or profile.most, profile.most))
    slots = planned.pools[0].slots
    with find_source(gpu=usable.gpu) as ask, _progress(sum(levels_up_to(slots)) * repeats, "measuring") as progress:
        async with bench.start(planned) as engine:
            assert isinstance(engine, EmbeddedEngine)  # asked for above
            tokens = tokens or await lasting_tokens(engine, bench.facts.name, LEAST_TOKENS)
            curve = await measure(
                engine,
                bench.facts.name,
                most=slots,
                tokens=tokens,
                repeats=repeats,
                on_run=lambda level, _: progress.update(level),
                ask=ask,
            )
    chosen = choose(bench.settings, hardware.cpu)
    if engine.form != chosen.form:
        chosen = replace(chosen, form=engine.form, program=None)  # the one that served in the end
    threads = settings.threads or default_threads(hardware.cpu)
    about = subject(chosen.build, bench.facts, hardware, threads=threads, cache_type=planned.cache_type)
    record = Record(about, datetime.now(UTC).date().isoformat(), planned.context, curve)
    keep_record(calibrations_file(paths), record)  # the levers take minutes, and whoever breaks off keeps this
    if not levers:
        return Tuned(record, profile.floor, ())
    peak = record.calibration(profile.floor).peak or slots
    kept, tried = await _levers(bench, chosen, min(peak, slots), pairs=repeats + 1, tokens=tokens)
    return Tuned(replace(record, levers=kept), profile.floor, tried)


async def _levers(
    bench: _Bench, chosen: Chosen, slots: int, *, pairs: int, tokens: int
) -> tuple[Levers, tuple[Tried, ...]]:
    """Try each lever that this build knows; none where two engines do not fit side by side."""
    planned = bench.planned(slots)
    cpu, settings = bench.hardware.cpu, bench.settings
    threads = settings.threads or default_threads(cpu)
    listed = candidates(
        cpu.physical_cores or cpu.logical_cores,
        threads=threads,
        fixed_threads=settings.threads is not None,
        gpu=bool(bench.hardware.gpus),
        cache_type=planned.cache_type,
    )
    if 2 * planned.shared_bytes > planned.budget_bytes:
        return STOCK, tuple(Tried(lever.name, slots, why="two engines do not fit side by side") for lever in listed)
    program = chosen.program
    known = None if program is None or program.pinned else options_in(await told_by(program.path, "--help"))
    unknown = tuple(
        Tried(lever.name, slots, why=f"this build does not know {lever.option}")
        for lever in listed
        if known is not None and lever.option not in known
    )
    names = {each.name for each in unknown}
    with _progress(len(listed) - len(unknown), "levers") as progress:
        kept, tried = await try_levers(
            lambda pulled: bench.start(replace(planned, levers=pulled)),
            bench.facts.name,
            [lever for lever in listed if lever.name not in names],
            slots=slots,
            tokens=tokens,
            pairs=pairs,
            on_tried=lambda _: progress.update(1),
        )
    return kept, (*tried, *unknown)


def _warn_of_others() -> None:
    """Say so where other programs keep the processor busy: what is measured then holds for such hours alone."""
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    if load > cores / 2:
        say(f"other programs are busy (load {load:.1f} on {cores} cores): measure again when they are not")


def _progress(length: int, label: str) -> Any:
    return typer.progressbar(length=length, label=label, file=sys.stderr)


def _gain(tried: Tried) -> str:
    return f"{tried.gain:+.0%}" if tried.without else "-"


def _outcome(tried: Tried) -> str:
    """What became of it, and for what is the user's to set how."""
    if tried.why:
        return f"not tried: {tried.why}"
    if tried.kept:
        return "kept"
    return f"yours to set: {tried.yours}" if tried.pays else "does not pay"
