"""Reading the settings: precedence, origins, paths."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from harmonic_stack.config import Config, Merge, example_toml
from harmonic_stack.errors import ConfigError

FIXTURES = Path(__file__).parent / "fixtures"


def write(folder: Path, text: str) -> Path:
    file = folder / "harmonic.toml"
    file.write_text(text)
    return file


def test_without_any_source_every_key_is_at_its_default() -> None:
    loaded = Config.load(env={"XDG_CONFIG_HOME": "/nowhere"})
    assert loaded.config == Config()
    assert loaded.path is None
    assert set(loaded.origins.values()) == {"default"}


def test_the_example_file_loads_to_the_defaults(tmp_path: Path) -> None:
    loaded = Config.load(write(tmp_path, example_toml()), env={})
    assert loaded.config == Config()


def test_flag_wins_over_environment_over_file_over_default(tmp_path: Path) -> None:
    file = write(tmp_path, "[server]\nport = 1\nmax_in_flight = 32\nmax_messages = 5\n")
    env = {"HARMONIC_SERVER__PORT": "2", "HARMONIC_SERVER__MAX_IN_FLIGHT": "33"}
    loaded = Config.load(file, env=env, flags={"server.port": 3, "server.host": None})
    server = loaded.config.server
    assert (server.port, server.max_in_flight, server.max_messages, server.host) == (3, 33, 5, "127.0.0.1")
    keys = ("server.port", "server.max_in_flight", "server.max_messages", "server.host")
    assert [loaded.origins[key] for key in keys] == ["flag", "env", f"{file}:4", "default"]


def test_the_users_own_file_is_read_without_being_named(tmp_path: Path) -> None:
    folder = tmp_path / "harmonic-stack"
    folder.mkdir()
    file = write(folder, "[server]\nport = 1\n")
    loaded = Config.load(env={"XDG_CONFIG_HOME": str(tmp_path)})
    assert (loaded.path, loaded.config.server.port) == (file, 1)


def test_a_file_that_is_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        Config.load(tmp_path / "missing.toml", env={})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("SERVER__PORT", "9000", 9000),
        ("SERVER__HEADER_SECONDS", "5", 5.0),
        ("SERVER__AUTH", "false", False),
        ("SERVER__HOST", "::1", "::1"),
        ("SERVER__ALLOWED_HOSTS", "Box.lan, fd00::1", ("box.lan", "fd00::1")),
        ("SERVER__ALLOWED_HOSTS", "", ()),
        ("ENGINE__MODEL", "42", "42"),
        ("ENGINE__CACHE_TYPE", "q8_0", "q8_0"),
        ("SPINE__URL", "redis://:secret@box:6379/2", "redis://:secret@box:6379/2"),
    ],
)
def test_the_environments_text_takes_the_type_of_its_key(name: str, text: str, value: object) -> None:
    section, key = name.lower().split("__")
    loaded = Config.load(env={"XDG_CONFIG_HOME": "/nowhere", f"HARMONIC_{name}": text})
    assert loaded.config.value((section, key)) == value


def test_variables_that_are_no_settings_are_left_alone() -> None:
    others = ("HARMONIC_REQUIRE_ALL", "HARMONIC_MERGING_CASES", "HARMONIC_HOME", "HARMONIC", "MY_HARMONIC_SERVER__PRT")
    loaded = Config.load(env={"XDG_CONFIG_HOME": "/nowhere", **dict.fromkeys(others, "1")})
    assert loaded.config == Config()


def test_a_path_in_a_file_starts_at_that_files_folder_and_a_flags_here(tmp_path: Path) -> None:
    file = write(tmp_path, '[crew]\nfile = "crew.toml"\n')
    assert Config.load(file, env={}).path_of("crew", "file") == tmp_path / "crew.toml"
    assert Config.load(file, env={}, flags={"crew.file": "x.toml"}).path_of("crew", "file") == Path("x.toml")
    assert Config.load(file, env={}).path_of("engine", "model") is None


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "harmonic.toml"
    file.write_bytes(b"\xef\xbb\xbf[server]\r\n\r\nport = 1\r\n")
    loaded = Config.load(file, env={})
    assert loaded.config.server.port == 1
    assert loaded.origins["server.port"] == f"{file}:3"


def test_settings_that_do_not_go_together_make_no_config() -> None:
    with pytest.raises(ValidationError, match=r"merge\.most exceeds limits\.most"):
        Config(merge=Merge(most=10, full_most=9))


def test_nothing_changes_after_the_start() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Config().server.port = 1  # type: ignore[misc]  # the assignment is what the test is about


@pytest.mark.parametrize("file", sorted(FIXTURES.glob("v*.toml")), ids=lambda file: file.name)
def test_a_file_of_every_released_version_still_loads(file: Path) -> None:
    assert Config.load(file, env={}).config.server.port == 9000
