"""A command on a terminal of its own, as a person sees and types it."""

import asyncio
import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.cli import COMMAND, Home
from tests.helpers import until

CTRL_C, CTRL_D = "\x03", "\x04"
DIM, PLAIN = "\x1b[2m", "\x1b[0m"


class Terminal:
    """A command on a terminal of its own: what it shows, and keys for it."""

    def __init__(self, process: asyncio.subprocess.Process, master: int) -> None:
        self.process, self._master, self.shown, self._seen = process, master, b"", 0
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        try:
            self.shown += os.read(self._master, 65_536)
        except OSError:  # nobody is at the other end any more
            self.close()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)

    @property
    def text(self) -> str:
        """All that was shown, its lines ended by line feeds alone."""
        return self.shown.decode().replace("\r\n", "\n")

    async def sees(self, text: str, timeout: float = 30) -> None:
        """Wait until *text* is shown after what was waited for before."""
        try:
            await until(lambda: text.encode() in self.shown[self._seen :], f"{text!r} is shown", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; shown was {self.shown!r}") from None
        self._seen = self.shown.index(text.encode(), self._seen) + len(text.encode())

    async def ends(self, timeout: float = 20) -> int:
        """Wait for the command's end; its exit code."""
        async with asyncio.timeout(timeout):
            return await self.process.wait()

    def types(self, text: str) -> None:
        """Press keys."""
        os.write(self._master, text.encode())

    def resize(self, rows: int, columns: int) -> None:
        """Make the window as large; the program is told by a signal."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@asynccontextmanager
async def terminal(home: Home, *words: str, **environment: str) -> AsyncIterator[Terminal]:
    """Run a command on a terminal of its own, which it is in control of: keys such as Ctrl-C are signals to it."""
    master, slave = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *words,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=home.environment | {"TERM": "xterm-256color"} | environment,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    shown = Terminal(process, master)
    try:
        yield shown
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            with suppress(TimeoutError):
                await shown.ends()
        if process.returncode is None:  # a conversation goes on after Ctrl-C
            process.kill()
            await process.wait()
        shown.close()
        os.close(master)
