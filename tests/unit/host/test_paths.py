"""The folders: where they are, and that they are private from the start."""

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from harmonic_stack.errors import NoHomeFolder, UnsafeFolder
from harmonic_stack.host.paths import LONGEST_RUNTIME, Paths, config_file, make_folder, private_folder

USER = os.geteuid()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_xdg_folders_are_used(tmp_path: Path) -> None:
    session = tmp_path / "session"
    session.mkdir(mode=0o700)
    env = {f"XDG_{kind}_HOME": f"/{kind.lower()}" for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
    found = Paths.find({**env, "XDG_RUNTIME_DIR": str(session)})
    expected = [Path(folder) / "harmonic-stack" for folder in ("/config", "/data", "/state", session, "/cache")]
    assert [found.config, found.data, found.state, found.runtime, found.cache] == expected
    assert config_file(env) == Path("/config/harmonic-stack/harmonic.toml")


def test_without_them_they_lie_in_the_home_folder(tmp_path: Path) -> None:
    # A relative path in a variable is to be ignored (XDG base directory specification).
    found = Paths.find({"HOME": "/home/me", "XDG_DATA_HOME": "relative"}, short_root=tmp_path)
    below = (".config", ".local/share", ".local/state", ".cache")
    expected = [Path("/home/me") / folder / "harmonic-stack" for folder in below]
    assert [found.config, found.data, found.state, found.cache] == expected
    assert found.runtime == tmp_path / f"harmonic-stack-{USER}"


def test_the_user_database_names_a_home_where_the_environment_does_not() -> None:
    try:
        home = pwd.getpwuid(USER).pw_dir
    except KeyError:  # a container may run us as a user without an entry
        with pytest.raises(NoHomeFolder):
            Paths.find({})
    else:
        assert Paths.find({}).config == Paths.find({"HOME": home}).config


def test_what_systemd_hands_out_comes_first() -> None:
    env = {"HOME": "/home/me", "STATE_DIRECTORY": "/var/lib/hs:/var/lib/other", "RUNTIME_DIRECTORY": "/run/hs"}
    found = Paths.find(env)
    folders = [Path(folder) for folder in ("/var/lib/hs", "/var/lib/hs/data", "/var/lib/hs/cache")]
    assert [found.state, found.data, found.cache] == folders
    assert found.runtime == Path("/run/hs").resolve()
    assert found.config == Path("/home/me/.config/harmonic-stack")


def test_a_session_folder_that_others_can_enter_is_not_used(tmp_path: Path) -> None:
    session = tmp_path / "session"
    session.mkdir()
    session.chmod(0o755)
    found = Paths.find({"HOME": "/home/me", "XDG_RUNTIME_DIR": str(session)}, short_root=tmp_path)
    assert found.runtime == tmp_path / f"harmonic-stack-{USER}"


def test_a_runtime_folder_too_long_for_a_socket_moves_to_a_short_one(tmp_path: Path) -> None:
    long = {"HOME": "/h", "RUNTIME_DIRECTORY": "/" + "é" * (LONGEST_RUNTIME // 2)}  # two bytes each
    found, again = Paths.find(long), Paths.find(long)
    assert found.runtime == again.runtime
    assert len(os.fsencode(found.runtime / "valkey.sock")) < 60
    fits = "/" + "x" * (LONGEST_RUNTIME - 1)
    assert Paths.find({"HOME": "/h", "RUNTIME_DIRECTORY": fits}).runtime == Path(fits)


def test_folders_are_private_from_their_making(tmp_path: Path, no_umask: None) -> None:
    env = {"HOME": str(tmp_path / "home" / "me")}
    found = Paths.find(env, short_root=tmp_path)
    found.make()
    found.make()
    for folder in (found.data, found.state, found.cache, found.runtime, tmp_path / "home", found.state.parent):
        assert mode(folder) == 0o700
    assert not found.config.exists()


def test_a_folder_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(0o755)
    make_folder(tmp_path / "a" / "b")
    assert mode(tmp_path / "a") == 0o755
    assert mode(tmp_path / "a" / "b") == 0o700


def test_a_file_in_a_folders_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "a")


def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    with pytest.raises(UnsafeFolder, match="its mode is 0750"):
        private_folder(tmp_path)


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(UnsafeFolder, match="a link"):
        private_folder(tmp_path / "link")


def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    folder = Path("/")  # root's
    if USER == 0:
        folder = tmp_path / "theirs"
        folder.mkdir(mode=0o700)
        os.chown(folder, 12345, -1)
    with pytest.raises(UnsafeFolder, match="belongs to user"):
        private_folder(folder)
