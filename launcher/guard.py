"""Stand between the daemon and one program, so that the program never outlives the daemon.

Run by path, `python -I -S guard.py LOG LOG_BYTES GRACE SECRET_BYTES PROGRAM [ARG ...]`, with nothing but the standard
library, for a start in some 20 milliseconds. Standard input first brings SECRET_BYTES for the program's own standard
input and one byte to go, then stays open: its end of file means that the daemon wants the program gone, or is gone
itself. The program leads a process group; the whole group gets TERM, and KILL after GRACE seconds. Its output goes to
LOG, with two older files kept. Standard output tells the daemon `pid N`, then `exit CODE` (negative: a signal), or
`error TEXT` if nothing was started.
"""

import os
import select
import signal
import sys
import time

OLDER_LOGS = 2
POLL = 0.02
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class Log:
    """An appended file that moves aside when it is full."""

    def __init__(self, path: str, limit: int) -> None:
        self._path = path
        self._limit = limit
        self._open()

    def write(self, data: bytes) -> None:
        try:
            if self._size and self._size + len(data) > self._limit:
                os.close(self._file)
                for age in range(OLDER_LOGS, 0, -1):
                    newer = self._path if age == 1 else f"{self._path}.{age - 1}"
                    if os.path.exists(newer):  # noqa: PTH110 - pathlib would double the start-up time
                        os.replace(newer, f"{self._path}.{age}")  # noqa: PTH105
                self._open()
            os.write(self._file, data)
            self._size += len(data)
        except OSError:
            return  # a full disk costs the log, not the program

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._size = os.fstat(self._file).st_size


class Guard:
    """The program, its output and the daemon's lifeline."""

    def __init__(self, log: Log, grace: float) -> None:
        self._log = log
        self._grace = grace
        self._pid = 0
        self._status: int | None = None
        self._output, self._program_output = os.pipe()
        os.set_blocking(self._output, False)
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._waker, False)

    def run(self, program: list[str], secret: bytes) -> None:
        """Start *program* and stay until its whole group is gone."""
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)  # the wake-up pipe brings the number
        signal.set_wakeup_fd(self._waker)
        try:
            self._pid = self._spawn(program, secret)
        except OSError as exc:
            say(f"error {exc.strerror}")
            self._log.write(f"{program[0]}: {exc.strerror}\n".encode())
            return
        os.close(self._program_output)
        say(f"pid {self._pid}")
        self._watch()
        self._end_group()
        self._copy_output()
        say(f"exit {self._status}")

    def _spawn(self, program: list[str], secret: bytes) -> int:
        # At most a pipe's buffer (64 KiB), so writing before anyone reads cannot block.
        stdin, writer = os.pipe()
        os.write(writer, secret)
        os.close(writer)
        pid = os.posix_spawnp(
            program[0],
            program,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, stdin, 0),
                (os.POSIX_SPAWN_DUP2, self._program_output, 1),
                (os.POSIX_SPAWN_DUP2, self._program_output, 2),
            ],
            setpgroup=0,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # Python ignores these two, and ignoring is inherited
        )
        os.close(stdin)
        return pid

    def _watch(self) -> None:
        """Copy output until the program ends, the daemon lets go, or someone asks this guard to end."""
        poll = select.poll()
        for fd in (0, self._output, self._wake):
            poll.register(fd, select.POLLIN)
        while not self._reap():
            for fd, _ in poll.poll():
                if fd == 0 and not os.read(0, 1):
                    return
                if fd == self._output and not self._copy_output():
                    poll.unregister(fd)  # the program closed its output and lives on
                if fd == self._wake and set(os.read(self._wake, 512)) - {signal.SIGCHLD}:
                    return

    def _end_group(self) -> None:
        """Send TERM, wait, send KILL: to the whole group, also when its leader is already gone."""
        # The kernel gives the group's number to nobody else while the group has a member. If it has none, nobody can
        # have the number yet: pids go round in turn, and the leader was reaped just now.
        self._signal(signal.SIGTERM)
        if not self._gone_within(self._grace):
            self._signal(signal.SIGKILL)
            self._gone_within(1.0)

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self._reap() or self._signal(0):
            if time.monotonic() > deadline:
                return False
            self._copy_output()
            time.sleep(POLL)
        return True

    def _signal(self, number: int) -> bool:
        """Signal the group; False if it has no member (macOS says "not permitted" of a group of zombies)."""
        try:
            os.killpg(self._pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def _reap(self) -> bool:
        """Collect every child that has ended, orphans that came to us included; tell whether the program has."""
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._pid:
                    self._status = os.waitstatus_to_exitcode(ended[1])
        except ChildProcessError:
            pass  # none is left
        return self._status is not None

    def _copy_output(self) -> bool:
        """Copy what is there to the log; False at the end of the output."""
        try:
            while data := os.read(self._output, 65536):
                self._log.write(data)
        except BlockingIOError:
            return True
        return False


def adopt_orphans() -> None:
    """Have what the program's children leave behind come to us, so that it is reaped also where init does not."""
    if sys.platform == "linux":
        try:
            import ctypes

            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        except (ImportError, OSError, AttributeError):
            return  # the group is ended all the same; only waiting for it takes the whole grace


def say(line: str) -> None:
    """Tell the daemon, if it is still there."""
    try:
        os.write(1, f"{line}\n".encode())
    except OSError:
        return


def main(arguments: list[str]) -> None:
    """Read the secret and guard the program until it is gone."""
    log, log_bytes, grace, secret_bytes, *program = arguments
    words = b""
    while len(words) <= int(secret_bytes):  # one byte more: the daemon's go, sent once it knows this guard
        if not (part := os.read(0, int(secret_bytes) + 1 - len(words))):
            return  # the daemon is gone, or has changed its mind, before anything was started
        words += part
    adopt_orphans()
    Guard(Log(log, int(log_bytes)), float(grace)).run(program, words[:-1])


if __name__ == "__main__":
    main(sys.argv[1:])
