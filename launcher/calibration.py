"""What was measured on this box, kept for the next plan: one record per engine build, model, hardware and settings."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from launcher.engine import EngineSettings
from launcher.form import PROCESS_BYTES, EmbeddedSettings, choose
from launcher.knee import NEAR, Level, best, knee
from launcher.levers import STOCK, Levers
from launcher.probe_host import default_threads
from launcher.profiles import choose_profile
from launcher.types import CacheType, Calibration, Hardware, ModelFacts, in_gb

FORMAT = 1
SAMPLE = 1 << 20  # bytes


@dataclass(frozen=True)
class Subject:
    """What a measurement holds for: any of these changed, and it says nothing."""

    build: str
    model: str
    hardware: str
    threads: int
    cache_type: CacheType


@dataclass(frozen=True)
class Record:
    """One measured curve; *measured* is a date (ISO 8601), *context* the tokens of a slot, *levers* those that paid."""

    subject: Subject
    measured: str
    context: int
    curve: tuple[Level, ...]
    levers: Levers = STOCK

    def calibration(self, floor: int) -> Calibration:
        """Return what a plan takes from this: the slots at the knee, at least *floor*, and why in words."""
        found, top = knee(self.curve), best(self.curve)
        peak = max(found.slots, floor)
        return Calibration(
            peak,
            words=f"measured on this box on {self.measured}: {_why(found, top, self.curve, floor)}",
            levers=self.levers,
        )


def model_digest(path: Path) -> str:
    """Return 16 hex digits for a model file: of its size, its first and its last MiB; all of it would take a minute."""
    with path.open("rb") as file:
        size = path.stat().st_size
        head = file.read(SAMPLE)
        file.seek(max(0, size - SAMPLE))
        return hashlib.sha256(b"%d:" % size + head + file.read(SAMPLE)).hexdigest()[:16]


def calibration_here(settings: EngineSettings, facts: ModelFacts, hardware: Hardware) -> Calibration:
    """Return what is known of the embedded engine with this model on *hardware*: its size, and its knee if measured."""
    chosen = choose(settings, hardware.cpu)
    process = None if hardware.gpus else PROCESS_BYTES[chosen.form]  # on a card the plan's own constant
    file = settings.calibrations if isinstance(settings, EmbeddedSettings) else None
    if file is None:
        return Calibration(None, process)
    threads = settings.threads or default_threads(hardware.cpu)
    wanted = subject(chosen.build, facts, hardware, threads=threads, cache_type=settings.cache_type)
    record = find_record(file, wanted)
    if record is None:
        return Calibration(None, process)
    return replace(record.calibration(choose_profile(hardware).floor), process_bytes=process)


def subject(build: str, facts: ModelFacts, hardware: Hardware, *, threads: int, cache_type: CacheType) -> Subject:
    """Return what a measurement of this model with this build here and now holds for."""
    digest = "" if facts.path is None else model_digest(facts.path)
    return Subject(build, f"{facts.name} {digest}".strip(), hardware_words(hardware), threads, cache_type)


def hardware_words(hardware: Hardware) -> str:
    """Return this box in one line: all of it that decides how fast an engine is."""
    cpu = hardware.cpu
    parts = [cpu.model or hardware.arch, f"{cpu.logical_cores} cores", in_gb(hardware.usable_memory)]
    if cpu.quota is not None:
        parts.append(f"{cpu.quota:g} cores' time")
    return ", ".join([*parts, *(gpu.name for gpu in hardware.gpus)])


def find_record(file: Path, wanted: Subject) -> Record | None:
    """Return the record for *wanted* in *file*; None where there is none, or the file cannot be read."""
    return next((record for record in _read(file) if record.subject == wanted), None)


def keep_record(file: Path, record: Record) -> None:
    """Write *record* into *file* (0600) in place of an older one for the same subject."""
    others = [old for old in _read(file) if old.subject != record.subject]
    rows = [asdict(kept) for kept in (*others, record)]
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps({"format": FORMAT, "records": rows}, indent=1) + "\n", "utf-8")
    fresh.replace(file)


def _read(file: Path) -> list[Record]:
    try:
        content = json.loads(file.read_text("utf-8"))
        return [_record(row) for row in content["records"]] if content["format"] == FORMAT else []
    except (OSError, ValueError, KeyError, TypeError):
        return []  # as good as not measured


def _record(row: dict[str, Any]) -> Record:
    curve = tuple(Level(**level) for level in row["curve"])
    levers = Levers(**row.get("levers", {}))
    return Record(Subject(**row["subject"]), row["measured"], row["context"], curve, levers)


def _why(found: Level, top: Level, curve: Sequence[Level], floor: int) -> str:
    """Say where the knee is, and what the floor costs where it takes more slots than that."""
    words = f"{_slots(found)} the knee ({found.tokens_per_second:.0f} tokens/s)"
    if found.slots >= floor:
        return words
    words += f", and a pool has at least {floor}, so that as many agents draft at a time"
    planned = [level for level in curve if level.slots <= floor][-1]
    share = planned.tokens_per_second / top.tokens_per_second
    if share >= NEAR:
        return words
    slots, speed = planned.slots, planned.tokens_per_second
    return f"{words}; {slots} slots gave {speed:.0f}, {100 * (1 - share):.0f} % less than with {top.slots}"


def _slots(level: Level) -> str:
    return "1 slot is" if level.slots == 1 else f"{level.slots} slots are"
