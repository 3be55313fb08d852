"""A model's name as Ollama reads it, and its size as its registry tells."""

from pathlib import Path

import pytest

from launcher.ollama_api import same_model
from launcher.ollama_names import parse_name, remote_size
from tests.ollama_registry import Published, registry


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("qwen3", "qwen3:latest", True),
        ("Qwen3:4B", "qwen3:4b", True),
        ("qwen3:4b", "registry.ollama.ai/library/qwen3:4b", True),
        ("http://127.0.0.1:5000/library/tiny", "127.0.0.1:5000/library/tiny:latest", True),
        ("qwen3:4b", "qwen3:8b", False),
        ("ada/qwen3", "qwen3", False),
        ("127.0.0.1:5000/library/tiny", "tiny", False),
    ],
)
def test_spellings_of_one_name_are_the_same_model(one: str, other: str, same: bool) -> None:
    assert same_model(one, other) is same


@pytest.mark.parametrize("name", ["qwen3:4b", "ada/qwen3:latest", "127.0.0.1:5000/library/tiny:latest"])
def test_the_short_form_is_the_one_that_ollama_lists(name: str) -> None:
    assert parse_name(name).short == name


async def test_a_registry_tells_the_size_before_anything_is_fetched(tmp_path: Path) -> None:
    file = tmp_path / "tiny.gguf"
    file.write_bytes(bytes(5000))
    async with registry({"tiny": Published(file)}) as running:
        size = await remote_size(f"http://{running.name('tiny')}")
        assert size is not None
        assert 5000 < size < 6000
        assert await remote_size(f"http://{running.name('huge')}") is None
        assert running.sent == 0
    assert await remote_size(f"http://{running.name('tiny')}", timeout=1) is None
