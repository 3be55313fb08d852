"""`core inspect` and `core verify`: what a model's file holds, and whether it is the file that it should be."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from harmonic_stack.cli.core_checks import (
    Check,
    encoding_check,
    engine_check,
    finite_check,
    hash_checks,
    size_check,
)
from harmonic_stack.cli.core_manifest import Manifest, manifest_of, read_manifest, write_manifest
from harmonic_stack.cli.core_model import Measured, Subject, find_subject, read_through
from harmonic_stack.cli.output import say, show_json, show_table
from harmonic_stack.errors import FileExists
from launcher import BadModelFile
from launcher.gguf_tensors import ModelFile, model_files

app = typer.Typer(help="Look into a model's file, and check it.", no_args_is_help=True)

Model = Annotated[str, typer.Argument(help='A GGUF file, "demo", or a model of Ollama\'s such as qwen3:4b.')]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

NO_BYTES = "the file is not whole"


@app.command()
def inspect(
    model: Model,
    tensors: Annotated[bool, typer.Option("--tensors", help="Tell of each tensor, not of each type alone.")] = False,
    manifest: Annotated[
        Path | None, typer.Option("--write-manifest", help="Write the hashes of all tensors into this new file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a model's tensors: type, bytes, how many distinct weights, and their entropy. Loads no engine."""
    if manifest is not None and manifest.exists():
        raise FileExists(manifest)  # before the model is read, which takes its time
    subject = find_subject(model)
    files = model_files(subject.path)
    measured = _read(files, histogram=True)
    if manifest is not None:
        write_manifest(manifest, manifest_of(files, measured))
        say(f"manifest: {manifest}")
    summary = _by_type(measured)
    if as_json:
        more = {"tensors": [_tensor_object(each) for each in measured]} if tensors else {}
        size = sum(file.size for file in files)
        show_json({"model": subject.name, "path": str(subject.path), "bytes": size, "types": summary, **more})
        return
    if tensors:
        show_table(
            ("tensor", "shape", "type", "bytes", "distinct", "entropy", "codes", "sha256"),
            [_tensor_row(each) for each in measured],
        )
        typer.echo()
    show_table(
        ("type", "tensors", "weights", "bytes", "stored bits", "entropy", "codes"),
        [_summary_row(kind, row) for kind, row in summary.items()],
    )
    say(f"{subject.name}: {subject.path}. Bits a weight; entropy and codes are means over the tensors.")


@app.command()
def verify(
    model: Model,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="Hashes that `core inspect --write-manifest` wrote.")
    ] = None,
    no_engine: Annotated[bool, typer.Option("--no-engine", help="Leave out the pass through the engine.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a model's file: size, hashes, encoding, finite weights, tokens from the engine. Exit 1 unless all hold."""
    subject = find_subject(model)
    checks = _checks(subject, None if manifest is None else read_manifest(manifest), no_engine=no_engine)
    verified = all(check.state in ("ok", "left out") for check in checks)
    if as_json:
        show_json(
            {
                "model": subject.name,
                "path": str(subject.path),
                "verified": verified,
                "checks": [asdict(check) for check in checks],
            }
        )
    else:
        for check in checks:
            typer.echo(f"{check.state:8}  {check.name:8}  {check.words}")
        typer.echo(_verdict(checks))
    raise typer.Exit(0 if verified else 1)


def _checks(subject: Subject, manifest: Manifest | None, *, no_engine: bool) -> list[Check]:
    if not subject.path.is_file():
        raise BadModelFile(subject.path, "there is no such file")
    left_out = Check("engine", "left out", "as you asked")
    try:
        files = model_files(subject.path)
    except BadModelFile as exc:
        return [
            Check("size", "wrong", exc.reason),
            *hash_checks(subject, [subject.path], manifest, None),
            *(Check(name, "not run", NO_BYTES) for name in ("encoding", "finite")),
            left_out if no_engine else Check("engine", "not run", NO_BYTES),
        ]
    measured = _read(files, histogram=False)
    return [
        size_check(files),
        *hash_checks(subject, [file.path for file in files], manifest, measured),
        encoding_check(measured),
        finite_check(measured),
        left_out if no_engine else engine_check(subject),
    ]


def _verdict(checks: Sequence[Check]) -> str:
    """The last line; "verified" only where every check ran and held."""
    by_state = {
        state: [check.name for check in checks if check.state == state] for state in ("wrong", "not run", "left out")
    }
    bad = [f"{state}: {', '.join(names)}" for state, names in by_state.items() if names]
    if by_state["wrong"] or by_state["not run"]:
        return f"NOT verified; {'; '.join(bad)}"
    return f"verified, but for what was left out: {', '.join(by_state['left out'])}" if bad else "verified"


def _read(files: Sequence[ModelFile], *, histogram: bool) -> list[Measured]:
    stored = [tensor for file in files for tensor in file.tensors]
    with typer.progressbar(length=sum(each.size for each in stored), label="reading", file=sys.stderr) as progress:
        return [read_through(each, histogram=histogram, tick=progress.update) for each in stored]


def _by_type(measured: Sequence[Measured]) -> dict[str, dict[str, Any]]:
    """Sums of each type; entropies are means, each tensor weighing as much as it has weights."""
    found: dict[str, dict[str, Any]] = {}
    for kind in sorted({each.tensor.type for each in measured}):
        group = [each for each in measured if each.tensor.type == kind]
        weights, size = sum(each.tensor.elements for each in group), sum(each.tensor.size for each in group)
        figures = [each.figures for each in group if each.figures is not None]
        found[kind] = {
            "tensors": len(group),
            "weights": weights,
            "bytes": size,
            "stored_bits": 8 * size / weights if weights else None,
            "entropy": _mean([(each.entropy, each.weights) for each in figures]),
            "code_entropy": _mean([(each.code_entropy, each.weights) for each in figures]),
            "decoded": len(figures) == len(group),
        }
    return found


def _mean(pairs: Sequence[tuple[float | None, int]]) -> float | None:
    known = [(figure, weight) for figure, weight in pairs if figure is not None and weight]
    return sum(figure * weight for figure, weight in known) / sum(w for _, w in known) if known else None


def _tensor_object(each: Measured) -> dict[str, Any]:
    tensor, figures = each.tensor, each.figures
    return {
        "name": tensor.name,
        "shape": tensor.shape,
        "type": tensor.type,
        "bytes": tensor.size,
        "sha256": each.sha256,
        "decoded": figures is not None,
        "distinct": figures and figures.distinct,
        "entropy": figures and figures.entropy,
        "code_entropy": figures and figures.code_entropy,
        "not_finite": figures and figures.not_finite,
        "repacked": figures and figures.repacked,
    }


def _tensor_row(each: Measured) -> tuple[object, ...]:
    tensor, figures = each.tensor, each.figures
    head = (tensor.name, "x".join(map(str, tensor.shape)), tensor.type, tensor.size)
    if figures is None:
        return (*head, "not decoded", None, None, each.sha256[:12])
    return (*head, figures.distinct, _bits(figures.entropy), _bits(figures.code_entropy), each.sha256[:12])


def _summary_row(kind: str, row: dict[str, Any]) -> tuple[object, ...]:
    entropy = _bits(row["entropy"]) if row["decoded"] else "not decoded"
    sums = (row["tensors"], row["weights"], row["bytes"], _bits(row["stored_bits"]))
    return (kind, *sums, entropy, _bits(row["code_entropy"]))


def _bits(figure: float | None) -> str | None:
    return None if figure is None else f"{figure:.2f}"
