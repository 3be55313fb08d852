"""Ollama's folder of models, read without Ollama."""

import json
from pathlib import Path

import pytest

from launcher.ollama_store import find_stored, stored_models

DIGEST = "ab" * 32


def kept(folder: Path, place: str, content: object) -> None:
    path = folder / "manifests" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def manifest(digest: str = DIGEST, kind: str = "model") -> dict[str, object]:
    layer = {"mediaType": f"application/vnd.ollama.image.{kind}", "digest": f"sha256:{digest}", "size": 7}
    other = {"mediaType": "application/vnd.ollama.image.template", "digest": "sha256:00", "size": 1}
    return {"layers": [other, layer]}


@pytest.mark.parametrize("name", ["qwen3:4b", "library/qwen3:4b", "QWEN3:4b"])
def test_a_name_means_the_file_of_its_manifest(tmp_path: Path, name: str) -> None:
    kept(tmp_path, "registry.ollama.ai/library/qwen3/4b", manifest())
    found = find_stored(name, {"OLLAMA_MODELS": str(tmp_path)})
    assert found is not None
    assert (found.name, found.sha256, found.size) == ("qwen3:4b", DIGEST, 7)
    assert found.blob == tmp_path / "blobs" / f"sha256-{DIGEST}"


def test_a_model_of_another_registry_keeps_its_letters_on_the_disk(tmp_path: Path) -> None:
    kept(tmp_path, "hf.co/Someone/Model-GGUF/Q4_K_M", manifest())
    assert find_stored("hf.co/someone/model-gguf:q4_k_m", {"OLLAMA_MODELS": str(tmp_path)}) is not None


def test_without_a_folder_of_its_own_it_is_looked_for_at_home(tmp_path: Path) -> None:
    kept(tmp_path / ".ollama/models", "registry.ollama.ai/library/tiny/latest", manifest())
    assert find_stored("tiny", {"HOME": str(tmp_path)}) is not None
    assert find_stored("tiny", {"HOME": str(tmp_path), "OLLAMA_MODELS": str(tmp_path / "elsewhere")}) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"layers": 5}', '{"layers": [{}]}', manifest(kind="adapter")])
def test_a_manifest_that_tells_nothing_hides_no_other(tmp_path: Path, content: object) -> None:
    kept(tmp_path, "registry.ollama.ai/library/broken/latest", content)
    kept(tmp_path, "registry.ollama.ai/library/whole/latest", manifest())
    assert [model.name for model in stored_models({"OLLAMA_MODELS": str(tmp_path)})] == ["whole:latest"]
