"""What a service manager is told."""

import asyncio
import socket
from pathlib import Path

from harmonic_stack.host.notify import Notifier


async def test_the_manager_hears_that_we_are_ready_alive_and_stopping(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "20000", "HOME": "/"}
        notifier = Notifier(env)
        assert env == {"HOME": "/"}  # no child speaks in our name
        notifier.ready()
        heard = [await asyncio.wait_for(asyncio.get_running_loop().sock_recv(manager, 100), 5) for _ in range(4)]
        assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        notifier.close()
        notifier.stopping()
        while (last := manager.recv(100)) == b"WATCHDOG=1":
            pass
        assert last == b"STOPPING=1"


async def test_without_a_manager_nothing_is_said_and_one_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    Notifier({}).ready()
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "soon"}).ready()
