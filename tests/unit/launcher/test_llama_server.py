"""How `llama-server` is found and called, and how one token is asked for; no process is started here."""

import os
from pathlib import Path

import pytest

from launcher.embedded import Settings
from launcher.form import EmbeddedSettings, choose
from launcher.llama_server import (
    NEEDED,
    OPTIONAL,
    arguments,
    environment,
    find_program,
    fingerprint,
    options_in,
    package_program,
)
from launcher.one_token import one_token
from launcher.types import Cpu
from tests.fake_engine import Act, fake_engine

SERVE = Settings("/models/a.gguf", "a", "the-key", port=4321, slots=3, context=512, threads=2, cache_type="q8_0")
OLD_CPU = Cpu(model=None, physical_cores=4, logical_cores=8, flags=frozenset({"avx2"}))
NEW_CPU = Cpu(model=None, physical_cores=4, logical_cores=8, flags=NEEDED | {"avx2"})
PROGRAM = Path("/bin/llama-server")


def own_program(folder: Path) -> Path:
    path = folder / "llama-server"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def value_of(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def test_the_key_is_no_argument() -> None:
    words = arguments(PROGRAM, SERVE)
    assert "the-key" not in " ".join(words)
    assert value_of(words, "--api-key-file") == "/dev/stdin"


def test_each_slot_has_the_whole_context_to_itself() -> None:
    words = arguments(PROGRAM, SERVE)
    assert (value_of(words, "--parallel"), value_of(words, "--ctx-size")) == ("3", "1536")
    assert "--no-kv-unified" in words
    assert value_of(words, "--cache-type-k") == value_of(words, "--cache-type-v") == "q8_0"


def test_it_serves_loopback_under_an_alias_without_pages_for_browsers() -> None:
    words = arguments(PROGRAM, SERVE)
    assert value_of(words, "--host") == "127.0.0.1"
    assert value_of(words, "--alias") == "a"
    assert value_of(words, "--cors-origins") == ""
    assert value_of(words, "--cache-ram") == "0"
    assert {"--no-webui", "--no-slots", "--no-cors-credentials"} <= set(words)


def test_an_option_that_a_build_does_not_know_is_left_out_with_its_value() -> None:
    known = frozenset({*OPTIONAL, "--device", "--no-mmap"}) - {"--cache-ram", "--no-slots"}
    words = arguments(PROGRAM, SERVE, known)
    assert [word for word in arguments(PROGRAM, SERVE) if word not in words] == ["--cache-ram", "--no-slots"]
    assert len(words) == len(arguments(PROGRAM, SERVE)) - 3


def test_options_are_read_from_the_heads_of_a_help_and_not_from_its_prose() -> None:
    text = (
        "-kvu,  --kv-unified, -no-kvu, --no-kv-unified\n"
        "                          shared (see --not-an-option)\n"
        "--cors-origins ORIGINS    allowed\n"
    )
    assert options_in(text) == {"--kv-unified", "--no-kv-unified", "--cors-origins"}


@pytest.mark.parametrize("name", ["LLAMA_API_KEY", "LLAMA_ARG_TOOLS", "HARMONIC_ENGINE__API_KEY_ENV"])
def test_the_environment_brings_neither_a_second_key_nor_settings(name: str) -> None:
    assert environment({name: "x", "PATH": "/bin"}) == {"PATH": "/bin"}


def test_the_packages_program_is_taken_only_by_a_cpu_that_can_run_it() -> None:
    packaged = package_program()
    if packaged is None:
        if os.environ.get("HARMONIC_REQUIRE_ALL") == "1":
            pytest.fail("the package with llama-server is not installed")
        pytest.skip("the package with llama-server is not installed")
    assert find_program(NEW_CPU, search="") == packaged
    assert find_program(OLD_CPU, search="") is None


def test_a_package_that_is_not_there_has_no_program() -> None:
    assert package_program("no_package_of_this_name") is None


def test_the_users_own_is_found_on_path_and_told_apart_by_build(tmp_path: Path) -> None:
    path = own_program(tmp_path)
    found = find_program(OLD_CPU, search=str(tmp_path))
    assert found is not None
    assert (found.path, found.pinned, found.build) == (path, False, f"llama-server {fingerprint(path)}")
    before = fingerprint(path)
    (tmp_path / "libllama.so.0").write_bytes(b"new")
    assert fingerprint(path) != before


def test_left_to_us_a_cpu_without_a_program_takes_xllamacpp(tmp_path: Path) -> None:
    settings = EmbeddedSettings(program=own_program(tmp_path))
    assert choose(settings, OLD_CPU).form == "llama-server"
    forced = choose(EmbeddedSettings(form="xllamacpp", program=settings.program), NEW_CPU)
    assert (forced.form, forced.program, forced.forced) == ("xllamacpp", None, True)
    assert forced.build.startswith("xllamacpp 20")


async def asked(act: Act, timeout: float = 5.0) -> str | None:
    async with fake_engine(lambda body: act) as fake:
        return await one_token(fake.url, "key", "fake", timeout=timeout)


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (Act(status=200, raw=[b'{"usage": {"completion_tokens": 1}}'], content_type="application/json"), None),
        (Act(raw=[b'{"usage": {"completion_tokens": 0}}'], content_type="application/json"), "0 tokens instead of one"),
        (Act(raw=[b"{}"], content_type="application/json"), "its answer counts no tokens"),
        (Act(raw=[b"no JSON"], content_type="application/json"), "its answer counts no tokens"),
        (Act(status=401, body=b"{}"), "status 401 instead of a token"),
    ],
)
async def test_one_token_is_proof_and_anything_else_a_reason(act: Act, why: str | None) -> None:
    assert await asked(act) == why


async def test_an_engine_that_dies_over_its_first_token_is_a_reason() -> None:
    assert await asked(Act(die_after=0)) is not None


async def test_a_token_that_does_not_come_in_time_is_a_reason() -> None:
    assert await asked(Act(delay=30), timeout=0.1) == "no token within 0.1 s"
