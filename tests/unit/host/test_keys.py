"""The API keys: made once, private, and compared without telling anything."""

import ast
import inspect
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harmonic_stack.errors import KeyFileBroken, KeyFileExposed, KeyNotFound, LastKey, UnsafeFolder
from harmonic_stack.host import keys as module
from harmonic_stack.host.keys import KEY_FORM, LOOK_SECONDS, Keys, Scope
from harmonic_stack.host.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.find({"HOME": str(tmp_path)}, short_root=tmp_path)


def write(paths: Paths, content: object, mode: int = 0o600) -> Path:
    Keys.open(paths)
    paths.keys_file.write_text(content if isinstance(content, str) else json.dumps(content))
    paths.keys_file.chmod(mode)
    return paths.keys_file


def test_two_keys_of_256_bits_are_made_at_first_use_and_kept(paths: Paths) -> None:
    first, second = Keys.open(paths), Keys.open(paths)
    texts = [first.text(Scope.INFERENCE), first.text(Scope.ADMIN)]
    assert texts == [second.text(Scope.INFERENCE), second.text(Scope.ADMIN)]
    assert len(set(texts)) == 2
    for text in texts:
        assert KEY_FORM.fullmatch(text)
        assert len(text) == len("hs-") + 43  # 43 characters of base64 hold 256 bits


def test_the_file_is_private_from_its_making_whatever_the_umask(paths: Paths) -> None:
    before = os.umask(0)
    try:
        Keys.open(paths)
    finally:
        os.umask(before)
    assert stat.S_IMODE(paths.keys_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.keys_file.parent.stat().st_mode) == 0o700
    assert [file.name for file in paths.keys_file.parent.iterdir()] == ["keys.json"]


def test_many_that_start_at_once_agree_on_the_keys(paths: Paths) -> None:
    with ThreadPoolExecutor(16) as pool:
        opened = list(pool.map(lambda _: Keys.open(paths).text(Scope.ADMIN), range(64)))
    assert len(set(opened)) == 1


def test_a_key_has_its_scope_and_nothing_else_has_one(paths: Paths) -> None:
    keys = Keys.open(paths)
    admin = keys.text(Scope.ADMIN)
    assert keys.scope_of(admin) is Scope.ADMIN
    assert keys.scope_of(keys.text(Scope.INFERENCE).encode()) is Scope.INFERENCE
    for wrong in ("", b"", admin[:-1], admin + "x", admin.upper(), "schlüssel", "\ud800", b"\xff\x00", " " + admin):
        assert keys.scope_of(wrong) is None


def test_admin_may_do_everything_and_inference_only_ask() -> None:
    assert [(own, needed) for own in Scope for needed in Scope if not own.allows(needed)] == [
        (Scope.INFERENCE, Scope.ADMIN)
    ]


def test_a_key_shows_itself_only_by_its_id(paths: Paths) -> None:
    keys = Keys.open(paths)
    for key in keys:
        assert key.text not in repr(key)
        assert key.text not in f"{keys!r} {vars(keys)}"
        assert (key.id, len(key.id)) == (Keys.id_of(key.text), 6)
        assert key.id not in key.text
    assert Keys.id_of("é") == Keys.id_of("é".encode())


def test_keys_are_compared_in_constant_time_only() -> None:
    tree = ast.parse(inspect.getsource(module.Keys))
    operators = [type(op) for node in ast.walk(tree) if isinstance(node, ast.Compare) for op in node.ops]
    assert not {ast.Eq, ast.NotEq, ast.In, ast.NotIn}.intersection(operators)
    find = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "find")
    loop = next(node for node in ast.walk(find) if isinstance(node, ast.For))
    assert not [node for node in ast.walk(loop) if isinstance(node, ast.Return | ast.Break)]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_file_that_others_can_reach_is_refused(paths: Paths, mode: int) -> None:
    Keys.open(paths)
    paths.keys_file.chmod(mode)
    with pytest.raises(KeyFileExposed) as caught:
        Keys.open(paths)
    assert caught.value.mode == mode


def test_a_folder_that_others_can_enter_is_refused(paths: Paths) -> None:
    Keys.open(paths)
    paths.keys_file.parent.chmod(0o755)
    with pytest.raises(UnsafeFolder):
        Keys.open(paths)


SECRET = "hs-" + "s" * 43


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not the JSON"),
        (f'{{"keys": "{SECRET}', "not the JSON"),
        ("[]", "not the JSON"),
        ({"version": 1}, "not the JSON"),
        ({"version": 1, "keys": [{"scope": "root", "key": SECRET}]}, "not the JSON"),
        ({"version": 1, "keys": [{"scope": "admin", "key": 7}]}, "not the JSON"),
        ({"version": 1, "keys": [{"scope": "admin", "key": SECRET}]}, "no inference key"),
        ({"version": 1, "keys": [{"scope": "admin", "key": "hs-short"}]}, "128 bits"),
        ({"version": 2, "keys": []}, "newer Harmonic Stack"),
    ],
)
def test_a_broken_file_is_refused_without_quoting_it(paths: Paths, content: object, reason: str) -> None:
    file = write(paths, content)
    with pytest.raises(KeyFileBroken, match=reason) as caught:
        Keys.open(paths)
    assert caught.value.path == file
    assert SECRET not in str(caught.value)


def test_a_link_in_the_files_place_is_not_followed(paths: Paths, tmp_path: Path) -> None:
    file = write(paths, "")
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileBroken, match="cannot be opened"):
        Keys.open(paths)


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_running_daemon_follows_the_file_within_its_time(paths: Paths) -> None:
    clock, command = Clock(), Keys.open(paths)
    running = Keys(list(command), paths.keys_file, clock)
    fresh = command.add(Scope.INFERENCE, "laptop")
    clock.now += LOOK_SECONDS
    assert running.scope_of(fresh.text) is Scope.INFERENCE
    command.revoke(fresh.id)
    assert running.scope_of(fresh.text) is Scope.INFERENCE  # it has not looked again yet
    clock.now += LOOK_SECONDS
    assert running.scope_of(fresh.text) is None


def test_a_rotated_key_ends_and_keeps_its_place(paths: Paths) -> None:
    keys = Keys.open(paths)
    old, other = keys.text(Scope.INFERENCE), keys.text(Scope.ADMIN)
    fresh = keys.rotate(Scope.INFERENCE)
    assert Keys.open(paths).text(Scope.INFERENCE) == fresh.text
    assert (keys.scope_of(old), keys.scope_of(other)) == (None, Scope.ADMIN)


def test_the_last_key_of_a_scope_is_not_revoked(paths: Paths) -> None:
    keys = Keys.open(paths)
    with pytest.raises(LastKey):
        keys.revoke(keys.id_of(keys.text(Scope.ADMIN)))
    with pytest.raises(KeyNotFound, match="there are"):
        keys.revoke("ffffff")


def test_a_file_that_breaks_under_a_running_daemon_changes_nothing(paths: Paths) -> None:
    clock = Clock()
    running = Keys(list(Keys.open(paths)), paths.keys_file, clock)
    admin = running.text(Scope.ADMIN)
    paths.keys_file.write_text("{")
    clock.now += LOOK_SECONDS
    assert running.scope_of(admin) is Scope.ADMIN


def test_two_that_add_keys_at_once_lose_none(paths: Paths) -> None:
    Keys.open(paths)
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda number: Keys.open(paths).add(Scope.INFERENCE, f"k{number}").text, range(24)))
    assert set(added) <= {key.text for key in Keys.open(paths)}
    assert stat.S_IMODE(paths.keys_file.stat().st_mode) == 0o600
