"""The manifest of a model: sizes and hashes of its files and tensors, written once and checked later."""

from pathlib import Path
from typing import Literal

import typer
from pydantic import BaseModel, ConfigDict, ValidationError

from harmonic_stack.cli.core_model import Measured
from harmonic_stack.errors import FileExists
from launcher.gguf_tensors import ModelFile, sha256_of


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileEntry(_Entry):
    """One file; its name is told for people and not compared, since files are moved."""

    name: str
    bytes: int
    sha256: str


class TensorEntry(_Entry):
    """One tensor; the innermost dimension first."""

    name: str
    type: str
    shape: tuple[int, ...]
    bytes: int
    sha256: str


class Manifest(_Entry):
    """All files of a model, and all its tensors in the order of the files."""

    version: Literal[1] = 1
    files: tuple[FileEntry, ...]
    tensors: tuple[TensorEntry, ...]


def manifest_of(files: tuple[ModelFile, ...], measured: list[Measured]) -> Manifest:
    """The manifest of a model that was read through."""
    return Manifest(
        files=tuple(FileEntry(name=file.path.name, bytes=file.size, sha256=sha256_of(file.path)) for file in files),
        tensors=tuple(_entry(each) for each in measured),
    )


def differences(manifest: Manifest, measured: list[Measured]) -> list[str]:
    """The tensors that are not as the manifest has them, are missing, or are new."""
    wanted = {entry.name: entry for entry in manifest.tensors}
    found = {each.tensor.name: _entry(each) for each in measured}
    return [name for name in {**wanted, **found} if wanted.get(name) != found.get(name)]


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest; raise FileExists rather than replace a file."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(manifest.model_dump_json(indent=1) + "\n")
    except FileExistsError:
        raise FileExists(path) from None


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; a file that is none is wrong use of the command."""
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else f"{exc.error_count()} mistakes in it"
        raise typer.BadParameter(f"{path} is no manifest of `core inspect --write-manifest`: {reason}") from exc


def _entry(each: Measured) -> TensorEntry:
    tensor = each.tensor
    return TensorEntry(name=tensor.name, type=tensor.type, shape=tensor.shape, bytes=tensor.size, sha256=each.sha256)
