"""Broken settings: each mistake is one exact line with its place, what was wrong and what is allowed."""

from pathlib import Path

import pytest

from harmonic_stack.config import Config, Limits, Server
from harmonic_stack.errors import ConfigError

SERVER = ", ".join(Server.model_fields)
SECTIONS = ", ".join(Config.model_fields)
PORT = "a whole number from 0 to 65535"

BROKEN = {
    # Keys that are none.
    "[server]\nprot = 1": f'2:1 server.prot: unknown key (allowed {SERVER}; did you mean "port"?)',
    "[sever]\nport = 1": f'1:2 sever: unknown key (allowed {SECTIONS}; did you mean "server"?)',
    "port = 1": f'1:1 port: unknown key (allowed {SECTIONS}; did you mean "server.port"?)',
    "[server]\ntemperature = 1": (
        f'2:1 server.temperature: unknown key (allowed {SERVER}; did you mean "draft.temperature"?)'
    ),
    '[server]\n"odd key" = 1': f'2:1 server."odd key": unknown key (allowed {SERVER})',
    "[limits.deep]\nx = 1": f"1:9 limits.deep: unknown key (allowed {', '.join(Limits.model_fields)})",
    # Types.
    '\n[server]\n  port = "8420"': f'3:3 server.port: must be a whole number (got "8420", allowed {PORT})',
    "server = {port = true}": f"1:11 server.port: must be a whole number (got true, allowed {PORT})",
    "server.port = 1.5": f"1:8 server.port: must be a whole number (got 1.5, allowed {PORT})",
    "[server]\nport = [1]": f"2:1 server.port: must be a whole number (got [1], allowed {PORT})",
    "[server.port]\nx = 1": f"1:9 server.port: must be a whole number (got a table, allowed {PORT})",
    "[server]\nport = 2026-01-31": f"2:1 server.port: must be a whole number (got 2026-01-31, allowed {PORT})",
    "[server]\nauth = 'no'": '2:1 server.auth: must be true or false (got "no", allowed true or false)',
    "[server]\nhost = 1": "2:1 server.host: must be text (got 1, allowed text)",
    "[server]\nheader_seconds = '1'": (
        '2:1 server.header_seconds: must be a number (got "1", allowed a number above 0, at most 86400)'
    ),
    "log = 5": "1:1 log: must be a table (got 5, allowed a table of level, format)",
    "[[log]]\nlevel = 'info'": "1:3 log: must be a table (got [a table], allowed a table of level, format)",
    "[server]\nallowed_hosts = 'box'": (
        '2:1 server.allowed_hosts: must be a list (got "box", '
        'allowed a list of host names without scheme or port, such as ["box.lan"])'
    ),
    # Ranges, choices, forms.
    "[server]\nport = 65536": f"2:1 server.port: is too large (got 65536, allowed {PORT})",
    "[engine]\nslots = -1": "2:1 engine.slots: is too small (got -1, allowed a whole number from 0 to 512)",
    "[draft]\ntemperature = nan": (
        "2:1 draft.temperature: must be a finite number (got nan, allowed a number from 0 to 2)"
    ),
    "[engine]\nname = 'vllm'": (
        '2:1 engine.name: is none of the choices (got "vllm", allowed "auto", "embedded", "openai", "ollama")'
    ),
    "[server]\nallowed_hosts = [\n  'box.lan',\n  'http://box',\n]": (
        '4:3 server.allowed_hosts[1]: is no bare host name (got "http://box", '
        'allowed a list of host names without scheme or port, such as ["box.lan"])'
    ),
    "[server]\nallowed_origins = ['*']": (
        '2:20 server.allowed_origins[0]: is no origin (got "*", '
        'allowed a list of origins such as ["http://box.lan:3000"], no wildcards)'
    ),
    "[spine]\nprefix = 'a:b'": (
        '2:1 spine.prefix: has the wrong form (got "a:b", allowed at most 64 of a-z A-Z 0-9 . _ -)'
    ),
    "version = 2": "1:1 version: was written for a newer Harmonic Stack (got 2, allowed 1)",
    # What could be a secret is not repeated.
    "[engine]\napi_key_env = 'sk-1234'": (
        "2:1 engine.api_key_env: has the wrong form (got a hidden value, allowed the name of an environment variable)"
    ),
    "[engine]\nurl = 'http://me:secret@box'": (
        "2:1 engine.url: is no address of an engine (got a hidden value, "
        'allowed an http(s) URL without password or query, such as "http://127.0.0.1:8000/v1")'
    ),
    "[spine]\nurl = 'redis://:secret@box:99999'": (
        "2:1 spine.url: is no address of a bus (got a hidden value, "
        'allowed "embedded", "redis://HOST[:PORT][/DB]", "unix://[USER:PASSWORD@]/PATH" or "memory://")'
    ),
    # Values that do not go together.
    "[server]\nhost = '0.0.0.0'\nauth = false": (
        "3:1 server.auth: is off while others can reach 0.0.0.0 (got false, allowed true, or a loopback server.host)"
    ),
    "[engine]\nname = 'openai'": (
        '2:1 engine.name: needs an engine.url (got "openai", allowed "auto" or "embedded", or an engine.url beside it)'
    ),
    "[engine]\nname = 'embedded'\nurl = 'http://box'": (
        "2:1 engine.name: leaves engine.url without use "
        '(got "embedded", allowed "auto", "openai" or "ollama", or no engine.url)'
    ),
    "[encoder]\nmodel = 'nomic'": (
        '2:1 encoder.model: needs an encoder.engine (got "nomic", allowed an encoder.engine beside it, or "")'
    ),
    "[encoder]\nengine = 'ollama'": (
        '2:1 encoder.engine: needs an encoder.model (got "ollama", allowed an encoder.model beside it, or "")'
    ),
    "[encoder]\nengine = 'vllm'\nmodel = 'nomic'": (
        "2:1 encoder.engine: is no engine that embeds "
        '(got a hidden value, allowed "ollama", an http(s) URL without password or query, '
        'or "" for what is installed here)'
    ),
    "[merge]\nmost = 10": "2:1 merge.most: exceeds limits.most (got 10, allowed at most 9)",
    "[limits]\nmost = 8": "2:1 limits.most: is below merge.full_most (got 8, allowed at least 9)",
    # No TOML.
    "[server]\nport = 1\nport = 2": "3:9: is not TOML: Cannot overwrite a value",
    "[server\nport = 1": "1:8: is not TOML: Expected ']' at the end of a table declaration",
    '[server]\nhost = """x': "2:12: is not TOML: Unterminated string",
}


def mistakes(folder: Path, text: str | bytes, **sources: dict[str, object]) -> list[str]:
    file = folder / "h.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        Config.load(file, env=sources.get("env", {}), flags=sources.get("flags"))
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.problems)
    return [line.removeprefix(f"{folder}/") for line in lines]


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: text.replace("\n", " ")[:40])
def test_a_mistake_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    mark = BROKEN[text]
    assert mistakes(tmp_path, text) == [f"h.toml:{mark}"]


def test_all_mistakes_of_all_sources_are_told_at_once(tmp_path: Path) -> None:
    lines = mistakes(
        tmp_path,
        "[log]\nlevel = 'loud'\n[server]\nport = -1\nprot = 1\n",
        env={"HARMONIC_SERVER__PORT": "1", "HARMONIC_ENGINE__SLOTS": "many"},
        flags={"server.port": 70000, "server.prt": 1},
    )
    assert [line.partition(": ")[0] for line in lines] == [
        "h.toml:2:1 log.level",
        "h.toml:4:1 server.port",
        "h.toml:5:1 server.prot",
        "environment HARMONIC_ENGINE__SLOTS",
        "command line server.prt",
        "command line server.port",
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HARMONIC_SERVER__PRT", "HARMONIC_SERVER__PORT"),
        ("HARMONIC_SEVER__PORT", "HARMONIC_SERVER__PORT"),
        ("HARMONIC_SERVER_PORT", "HARMONIC_SERVER__PORT"),
        ("HARMONIC_server__port", "HARMONIC_SERVER__PORT"),
        ("HARMONIC_LOG", "HARMONIC_LOG__LEVEL"),
    ],
)
def test_a_misspelt_variable_stops_the_start(tmp_path: Path, name: str, meant: str) -> None:
    line = f'environment {name}: unknown setting (did you mean "{meant}"?)'
    assert mistakes(tmp_path, "", env={name: "1"}) == [line]


def test_a_value_of_the_environment_is_blamed_by_the_variables_name(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "", env={"HARMONIC_MERGE__GUARD": "yes"}) == [
        'environment HARMONIC_MERGE__GUARD: must be true or false (got "yes", allowed true or false)'
    ]


def test_a_conflict_is_blamed_on_the_side_that_somebody_set(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "", env={"HARMONIC_LIMITS__MOST": "8"}, flags={"log.level": "info"}) == [
        "environment HARMONIC_LIMITS__MOST: is below merge.full_most (got 8, allowed at least 9)"
    ]
    assert mistakes(tmp_path, "[merge]\nmost = 10", env={"HARMONIC_MERGE__MOST": "11"}) == [
        "environment HARMONIC_MERGE__MOST: exceeds limits.most (got 11, allowed at most 9)"
    ]
    assert mistakes(tmp_path, "[server]\nhost = '0.0.0.0'", flags={"server.auth": False}) == [
        "command line server.auth: is off while others can reach 0.0.0.0 "
        "(got false, allowed true, or a loopback server.host)"
    ]


def test_text_that_is_not_utf8_is_placed(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "# é\nhost = ".encode() + b"\xff") == ["h.toml:2:8: is not UTF-8 text"]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.load(tmp_path, env={})
    assert str(caught.value) == f"{tmp_path}: cannot be read: Is a directory"


def test_nesting_without_end_is_refused(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "a = " + "[" * 100_000) == ["h.toml: is nested too deeply"]


def test_a_value_cannot_break_its_line_or_colour_the_terminal(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, '[log]\nlevel = "a\\nb\\u001b[31m\\u202e"')
    assert line.isprintable()
    (line,) = mistakes(tmp_path, f'[log]\nlevel = "{"x" * 1000}"')
    assert len(line) < 200
