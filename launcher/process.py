"""Processes of ours, known by pid and start time: a number that was given to another program is never signalled."""

import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    started: str  # opaque: compared, never computed with

    @classmethod
    def of(cls, pid: int) -> "ProcessId | None":
        """Return the process that has this pid now, or None."""
        started = _started(pid)
        return None if started is None else cls(pid, started)

    def alive(self) -> bool:
        """Tell whether this very process still runs."""
        return _started(self.pid) == self.started

    def signal_group(self, number: int) -> bool:
        """Send *number* to the group that this process leads; False, and nothing sent, if it is no longer there."""
        if not self.alive():
            return False
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    def family(self) -> list[int]:
        """Return the pids of this process and of all that descend from it."""
        if not self.alive():
            return []
        try:
            return [self.pid, *(child.pid for child in psutil.Process(self.pid).children(recursive=True))]
        except psutil.Error:
            return []


def write_record(path: Path, process: ProcessId) -> None:
    """Note *process* in *path*, for the next start in case this one has no time to clean up."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.write_text(json.dumps(asdict(process)), "utf-8")
    fresh.replace(path)


def read_record(path: Path) -> ProcessId | None:
    """Return the process noted in *path*; None without a readable note."""
    try:
        noted = json.loads(path.read_text("utf-8"))
        return ProcessId(int(noted["pid"]), str(noted["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def end_leftover(path: Path, grace: float) -> bool:
    """End the group of the process noted in *path*, if it still runs; tell whether there was one.

    It blocks for at most *grace* seconds between TERM and KILL.
    """
    left = read_record(path)
    path.unlink(missing_ok=True)
    if left is None or not left.signal_group(signal.SIGTERM):
        return False
    deadline = time.monotonic() + grace
    while left.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    left.signal_group(signal.SIGKILL)
    return True


def _started(pid: int) -> str | None:
    """Return when *pid* was started, in a form that a changed clock does not change; None for no process."""
    try:
        # The kernel's own count of ticks since boot, field 22; field 2, the name, may hold blanks and brackets.
        ticks = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()[19]
        return f"{ticks}@{Path('/proc/sys/kernel/random/boot_id').read_text('utf-8').strip()}"
    except (OSError, IndexError):
        pass
    try:
        return repr(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
