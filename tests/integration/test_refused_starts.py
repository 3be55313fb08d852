"""What cannot start is told once, with its exit code; nothing stays running, and `doctor` does not call it healthy."""

from collections.abc import Callable

import psutil
import pytest

from launcher import demo_model
from launcher.loopback import free_port
from tests.cli import Home
from tests.unit.launcher.gguf_builder import F32, llama_keys, write_gguf

pytestmark = pytest.mark.timeout(60)


def no_ollama(home: Home) -> list[str]:
    home.env |= {"HARMONIC_ENGINE__NAME": "ollama", "PATH": str(home.path)}
    return ["there is no Ollama", "engine.name"]


def a_name_of_no_model(home: Home) -> list[str]:
    home.env |= {"HARMONIC_ENGINE__MODEL": "no-such-model", "PATH": str(home.path)}
    return ["'no-such-model' is no file here, and there is no Ollama", "harmonic-stack pull"]


def a_file_that_is_not_there(home: Home) -> list[str]:
    home.env["HARMONIC_ENGINE__MODEL"] = str(home.path / "none.gguf")
    return [f"{home.path}/none.gguf: No such file", "engine.model"]


def a_truncated_file(home: Home) -> list[str]:
    half = demo_model().read_bytes()[:50_000_000]
    (home.path / "half.gguf").write_bytes(half)
    home.env["HARMONIC_ENGINE__MODEL"] = str(home.path / "half.gguf")
    return ["half.gguf: truncated: 50000000 bytes, its tensors end at 98362432", "engine.model"]


def a_model_larger_than_the_memory(home: Home) -> list[str]:
    """A sparse file of twice the box's memory: the plan reads its header alone."""
    tensor = ("blk.0.ffn_up.weight", (4096, 2 * psutil.virtual_memory().total // 4096 // 4), F32)
    huge = write_gguf(home.path / "huge.gguf", llama_keys(), [("token_embd.weight", (64, 32), F32), tensor])
    home.env["HARMONIC_ENGINE__MODEL"] = str(huge)
    return ["huge needs ", "GB with one slot, ", "GB are left", "a smaller model"]


CASES: list[tuple[Callable[[Home], list[str]], int]] = [
    (no_ollama, 1),
    (a_name_of_no_model, 2),
    (a_file_that_is_not_there, 2),
    (a_truncated_file, 2),
    (a_model_larger_than_the_memory, 1),
]


@pytest.mark.parametrize(
    ("case", "code", "options"), [*((*case, ()) for case in CASES), (a_truncated_file, 2, ("--detach",))]
)
async def test_a_start_is_refused_in_one_line_and_leaves_nothing(
    home: Home, case: Callable[[Home], list[str]], code: int, options: tuple[str, ...]
) -> None:
    told = case(home)
    up = await home.run("up", *options, "--port", str(free_port()))
    assert (up.code, up.out, up.err.count("\n")) == (code, "", 1), up.err
    assert all(words in up.err for words in told), up.err
    assert home.processes() == []
    assert list((home.path / "run").rglob("*.sock")) == []


@pytest.mark.parametrize("case", [no_ollama, a_truncated_file, a_model_larger_than_the_memory])
async def test_doctor_says_wrong_where_a_start_would_be_refused(home: Home, case: Callable[[Home], list[str]]) -> None:
    words, *_, remedy = case(home)
    found = await home.run("doctor")
    assert found.code == 1
    (line,) = [line for line in found.out.splitlines() if words in line]
    assert line.startswith("wrong ")
    assert remedy in line.partition(" -> ")[2]
    assert "fit:" not in found.out


async def test_doctor_does_not_call_models_healthy_that_it_did_not_look_at(home: Home) -> None:
    settings = home.path / ".config/harmonic-stack/harmonic.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("[server]\nprot = 1\n")
    found = await home.run("doctor")
    assert found.code == 1
    assert "unknown  whether the models are there" in found.out


async def test_a_box_where_nothing_is_wrong_is_told_so_with_the_memory_that_its_models_take(home: Home) -> None:
    found = await home.run("doctor")
    assert found.code == 0, found.out
    assert "ok       the engine's models are there and fit: smollm2" in found.out
