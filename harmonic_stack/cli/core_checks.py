"""What `core verify` looks at, one check after the other. A check that could not run is never taken for a good one."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harmonic_stack.cli.core_manifest import Manifest, differences
from harmonic_stack.cli.core_model import Measured, Subject
from harmonic_stack.cli.output import say
from launcher import (
    AgentSpec,
    BadModelFile,
    DoesNotFit,
    EngineFailed,
    EngineNotReady,
    detect_hardware,
    plan,
    read_gguf,
    running_engine,
)
from launcher.few_tokens import Answered, few_tokens
from launcher.form import EmbeddedSettings
from launcher.gguf_tensors import ModelFile, sha256_of

NAMED = 3  # tensors that a line names at most
CONTEXT = 512  # tokens; the prompts are short


@dataclass(frozen=True)
class Check:
    """One line: what was looked at, what came of it, and the figures."""

    name: str
    state: Literal["ok", "wrong", "not run", "left out"]
    words: str
    answers: tuple[Answered, ...] = field(default=())


def size_check(files: tuple[ModelFile, ...]) -> Check:
    """Every tensor has its own bytes inside the file."""
    if misplaced := [name for file in files for name in file.misplaced]:
        return Check("size", "wrong", f"the table gives these tensors no bytes of their own: {_named(misplaced)}")
    spare = sum(file.spare for file in files)
    more = f"; {spare:,} bytes follow the last tensor" if spare else ""
    tensors, size = sum(len(file.tensors) for file in files), sum(file.size for file in files)
    return Check("size", "ok", f"{size:,} bytes hold all {tensors} tensors{more}")


def hash_checks(
    subject: Subject, paths: list[Path], manifest: Manifest | None, measured: list[Measured] | None
) -> Iterator[Check]:
    """The files, and with a manifest the tensors, are those that somebody else has told the hashes of.

    *measured* is None where the tensors could not be read.
    """
    hashes = [sha256_of(path) for path in paths] if subject.known or manifest else []
    if subject.known is not None:
        yield _compared("source", subject.known.who, [subject.known.sha256], hashes[:1])
    if manifest is not None:
        yield _compared("manifest", "the manifest", [file.sha256 for file in manifest.files], hashes)
        if measured is None:
            yield Check("tensors", "not run", "the tensors could not be read")
        elif differing := differences(manifest, measured):
            yield Check("tensors", "wrong", f"{len(differing)} are not as in the manifest: {_named(differing)}")
        else:
            yield Check("tensors", "ok", f"all {len(measured)} have the hashes of the manifest")
    elif subject.known is None:
        yield Check("hash", "not run", "no hash of this file is known; give one with --manifest FILE")


def encoding_check(measured: list[Measured]) -> Check:
    """Taken apart and put together again, every block has the same bytes: our reading of the format holds here."""
    bad = [each.tensor.name for each in measured if each.figures is not None and not each.figures.repacked]
    return _of_decoded("encoding", measured, bad, "do not encode to the same bytes again", "encode to the same bytes")


def finite_check(measured: list[Measured]) -> Check:
    """No weight is infinite or not a number."""
    bad = [each.tensor.name for each in measured if each.figures is not None and each.figures.not_finite]
    return _of_decoded("finite", measured, bad, "hold NaN or infinite weights", "hold finite weights alone")


def engine_check(subject: Subject) -> Check:
    """The embedded engine loads the model in a child and gives tokens for each of a few prompts, sense not judged."""
    try:
        answers = asyncio.run(_answers(subject.path))
    except DoesNotFit as exc:
        return Check("engine", "not run", str(exc))
    except (BadModelFile, EngineFailed, EngineNotReady) as exc:
        return Check("engine", "wrong", str(exc))
    failures = [answer.failure for answer in answers if answer.failure]
    told = "+".join(str(answer.tokens) for answer in answers)
    if failures:
        return Check("engine", "wrong", f"{len(failures)} of {len(answers)} prompts: {failures[0]}", tuple(answers))
    return Check("engine", "ok", f"{len(answers)} prompts gave {told} tokens; sense is not judged", tuple(answers))


async def _answers(path: Path) -> list[Answered]:
    """Serve the model with one slot for as long as the prompts take; it needs no running stack and disturbs none."""
    hardware, facts = detect_hardware().cpu_only(), read_gguf(path)
    planned = plan(hardware, [AgentSpec("verify", 1, facts.name)], {facts.name: facts}, context=CONTEXT, slots=1)
    settings = EmbeddedSettings(kind="embedded", model=path)
    with tempfile.TemporaryDirectory(prefix="harmonic-verify-") as folder:
        where = Path(folder)
        async with running_engine(settings, planned, run_dir=where, log_dir=where, report=say) as engine:
            return await few_tokens(engine, facts.name)


def _compared(name: str, who: str, wanted: list[str], found: list[str]) -> Check:
    if wanted == found:
        return Check(name, "ok", f"SHA-256 {found[0][:12]} is that of {who}")
    bad = next((a, b) for a, b in zip([*wanted, "none"], [*found, "none"], strict=False) if a != b)
    return Check(name, "wrong", f"SHA-256 {bad[1][:12]} is not {bad[0][:12]}, that of {who}")


def _of_decoded(name: str, measured: list[Measured], bad: list[str], wrong: str, good: str) -> Check:
    left = [each.tensor for each in measured if each.figures is None]
    if bad:
        return Check(name, "wrong", f"{len(bad)} of {len(measured)} tensors {wrong}: {_named(bad)}")
    if left:
        kinds = ", ".join(sorted({tensor.type for tensor in left}))
        rest = f"; the other {len(measured) - len(left)} {good}" if len(measured) > len(left) else ""
        return Check(name, "not run", f"{len(left)} of {len(measured)} tensors are not decoded ({kinds}){rest}")
    return Check(name, "ok", f"all {len(measured)} tensors {good}")


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
