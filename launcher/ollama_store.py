"""Ollama's folder of models, read without a server: which file a name means, and what its manifest says of it."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.ollama_names import ModelName, parse_name

MODEL_LAYER = "application/vnd.ollama.image.model"
SERVICE_HOME = Path("/usr/share/ollama")  # of the user that Ollama's installer for Linux makes


@dataclass(frozen=True)
class StoredModel:
    """A model on the disk: its GGUF file, and that file's SHA-256 (hex) and size as the manifest tells them."""

    name: str
    blob: Path
    sha256: str
    size: int


def model_folders(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Return where Ollama keeps models: first the folder that a server of this user writes to."""
    if chosen := environ.get("OLLAMA_MODELS", "").strip():
        return [Path(chosen)]
    homes = [Path(environ["HOME"])] if environ.get("HOME") else []
    return [home / ".ollama" / "models" for home in [*homes, SERVICE_HOME]]


def stored_models(environ: Mapping[str, str] = os.environ) -> list[StoredModel]:
    """Return the models in the folders of this user's Ollama and of the system's, as far as they can be read.

    A manifest that cannot be read, or has no model in it, is left out.
    """
    return [model for folder in model_folders(environ) for model in _in(folder)]


def find_stored(name: str, environ: Mapping[str, str] = os.environ) -> StoredModel | None:
    """Return the model that *name* means to Ollama, None where it is not on the disk."""
    wanted = parse_name(name).short
    return next((model for model in stored_models(environ) if model.name == wanted), None)


def _in(folder: Path) -> Iterator[StoredModel]:
    try:
        manifests = sorted(folder.glob("manifests/*/*/*/*"))
    except OSError:
        return
    for path in manifests:
        host, namespace, model, tag = path.parts[-4:]
        try:
            layers = json.loads(path.read_bytes())["layers"]
            layer = next(layer for layer in layers if layer["mediaType"] == MODEL_LAYER)
            digest, size = str(layer["digest"]).removeprefix("sha256:"), int(layer["size"])
        except (OSError, ValueError, LookupError, TypeError, StopIteration):
            continue
        name = ModelName(host.lower(), namespace.lower(), model.lower(), tag.lower())
        yield StoredModel(name.short, folder / "blobs" / f"sha256-{digest}", digest, size)
