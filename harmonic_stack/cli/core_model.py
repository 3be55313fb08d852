"""What MODEL means to `core`: a GGUF file, the demonstration model, or a model of Ollama's; and what is known of it."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from launcher import NoModel, UnknownModel, demo_model, model_name
from launcher.demo_model import recorded_sha256
from launcher.gguf_tensors import StoredTensor
from launcher.ollama_store import find_stored, stored_models
from ommatidia.tally import Figures, block_bytes, tally

DEMO = "demo"  # short for the demonstration model's name


@dataclass(frozen=True)
class Known:
    """A whole file's SHA-256 (hex) as *who* tells it."""

    who: str
    sha256: str


@dataclass(frozen=True)
class Subject:
    """The model that was asked for."""

    name: str
    path: Path
    known: Known | None


@dataclass(frozen=True)
class Measured:
    """One tensor that was read through; *figures* is None where its type is not decoded."""

    tensor: StoredTensor
    sha256: str
    figures: Figures | None


def find_subject(text: str) -> Subject:
    """The model that *text* means: a file's path first, then the demonstration model, then one of Ollama's.

    Raises:
        UnknownModel: it is none of these; BadModelFile follows at the reading, for a file that is no GGUF.
    """
    path = Path(text).expanduser()
    if path.is_file() or text.endswith(".gguf"):
        return Subject(model_name(path), path, _known_of(path))
    try:
        demo = demo_model()
    except NoModel:
        demo = None
    names = [] if demo is None else [model_name(demo)]
    if demo is not None and text.lower() in (DEMO, *names):
        return Subject(names[0], demo, _known_of(demo))
    if (stored := find_stored(text)) is not None:
        return Subject(stored.name, stored.blob, Known("Ollama's manifest", stored.sha256))
    raise UnknownModel(text, [*names, *(model.name for model in stored_models())])


def read_through(tensor: StoredTensor, *, histogram: bool, tick: Callable[[int], None]) -> Measured:
    """Read a tensor once: its hash, and its figures where its type is decoded; *tick* is told the bytes read."""
    digest = hashlib.sha256()
    block = block_bytes(tensor.type)
    whole = block is not None and tensor.size % block == 0

    def pieces() -> Iterator[bytes]:
        for piece in tensor.pieces(block if whole else None):
            digest.update(piece)
            tick(len(piece))
            yield piece

    figures = tally(tensor.type, pieces(), histogram=histogram) if whole else None
    if figures is None:
        for _ in pieces():
            pass
    return Measured(tensor, digest.hexdigest(), figures)


def _known_of(path: Path) -> Known | None:
    """What somebody else says of a file at this very place: a package, or the name it has in Ollama's folder."""
    if (recorded := recorded_sha256(path)) is not None:
        return Known("the package's list of files", recorded)
    digest = path.name.removeprefix("sha256-")
    if path.parent.name == "blobs" and digest != path.name:
        return Known("its name among Ollama's blobs", digest)
    return None
