"""One daemon a user: a lock held by the kernel, and a note of where the daemon can be reached.

The lock is the truth: it goes with the process that holds it, however that ends. The note only informs, and a process
named in it is signalled only if it is the one that holds the lock.
"""

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from harmonic_stack.errors import AlreadyRunning, NotRunning
from harmonic_stack.host.paths import Paths
from launcher import ProcessId


@dataclass(frozen=True, slots=True)
class Note:
    """A daemon as its lock's note describes it; ``url`` is None until it serves."""

    process: ProcessId
    url: str | None = None

    def write(self, path: Path) -> None:
        """Replace the note."""
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps({"process": asdict(self.process), "url": self.url}), "utf-8")
        fresh.replace(path)


@contextmanager
def held_lock(paths: Paths) -> Iterator[Path]:
    """Hold the lock for as long as the block runs; yields the path of the note.

    Raises:
        AlreadyRunning: another daemon of this user holds it.
    """
    file = os.open(paths.runtime / "daemon.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    note = paths.runtime / "daemon.json"
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = read_note(paths)
            raise AlreadyRunning(other.process.pid if other else 0, other.url if other else None) from None
        own = ProcessId.of(os.getpid())
        assert own is not None  # it is this process
        Note(own).write(note)
        yield note
        note.unlink(missing_ok=True)
    finally:
        os.close(file)


def is_locked(paths: Paths) -> bool:
    """True while a daemon of this user runs."""
    try:
        file = os.open(paths.runtime / "daemon.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def read_note(paths: Paths) -> Note | None:
    """The note of the last daemon; None without a readable one."""
    try:
        found = json.loads((paths.runtime / "daemon.json").read_text("utf-8"))
        return Note(ProcessId(**found["process"]), found["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def running_daemon(paths: Paths) -> Note:
    """The daemon that runs now.

    Raises:
        NotRunning: none does.
    """
    note = read_note(paths)
    if note is None or not is_locked(paths) or not note.process.alive():
        raise NotRunning
    return note


def stop_daemon(paths: Paths, timeout: float) -> bool:
    """Ask the daemon to stop and wait until its lock is free; True if it was within *timeout* seconds.

    Raises:
        NotRunning: none runs.
    """
    note = running_daemon(paths)
    os.kill(note.process.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while is_locked(paths):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
