"""A process is known by pid and start time; a stranger with the same pid is never touched."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.process import ProcessId, end_leftover, read_record, write_record


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A program that leads its own group."""
    program = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield program
    program.kill()
    program.wait()


def test_a_reused_pid_is_never_signalled(sleeper, tmp_path: Path) -> None:
    stranger = ProcessId(sleeper.pid, "started long ago")
    assert not stranger.alive()
    assert not stranger.signal_group(signal.SIGKILL)
    write_record(tmp_path / "engine.json", stranger)
    assert not end_leftover(tmp_path / "engine.json", grace=0.1)
    assert sleeper.poll() is None


def test_what_a_killed_daemon_left_is_ended(sleeper, tmp_path: Path) -> None:
    record = tmp_path / "run" / "engine.json"
    left = ProcessId.of(sleeper.pid)
    assert left is not None
    assert left.family() == [sleeper.pid]
    write_record(record, left)
    assert read_record(record) == left
    assert end_leftover(record, grace=0.1)
    assert sleeper.wait(5) == -signal.SIGTERM
    assert not record.exists()


def test_a_start_time_is_the_same_at_every_reading() -> None:
    assert ProcessId.of(os.getpid()) == ProcessId.of(os.getpid())


def test_no_process_has_no_identity(sleeper) -> None:
    known = ProcessId.of(sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    assert known is not None
    assert not known.alive()
    assert known.family() == []
    assert ProcessId.of(sleeper.pid) is None


@pytest.mark.parametrize("text", ["", "null", "[]", '{"pid": "x", "started": ""}', '{"pid": 1}'])
def test_an_unreadable_record_ends_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "engine.json").write_text(text)
    assert read_record(tmp_path / "engine.json") is None
    assert not end_leftover(tmp_path / "engine.json", grace=0.1)
