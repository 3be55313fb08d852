"""Tells a service manager that we are ready, alive and stopping, as sd_notify(3) says; without one does nothing.

One datagram to the socket that ``NOTIFY_SOCKET`` names, lines of NAME=VALUE. A watchdog wants ``WATCHDOG=1`` within
``WATCHDOG_USEC`` microseconds; it is sent from the event loop, so a loop that hangs is noticed.
"""

import asyncio
import logging
import os
import socket
from collections.abc import MutableMapping

log = logging.getLogger(__name__)


class Notifier:
    """The way to the service manager, if there is one."""

    def __init__(self, env: MutableMapping[str, str] = os.environ) -> None:
        """Take the address out of *env*, so that no program we start speaks in our name."""
        self._address = _address(env.pop("NOTIFY_SOCKET", ""))
        watchdog = env.pop("WATCHDOG_USEC", "")
        self._beat = int(watchdog) / 1e6 / 2 if watchdog.isdigit() else None
        self._timer: asyncio.TimerHandle | None = None

    def ready(self) -> None:
        """Requests are answered from now on; with a watchdog, the loop begins to tell that it turns."""
        self._send("READY=1")
        if self._beat:
            self._alive()

    def stopping(self) -> None:
        """Nothing new is taken."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """Stop telling."""
        if self._timer is not None:
            self._timer.cancel()

    def _alive(self) -> None:
        assert self._beat is not None
        self._send("WATCHDOG=1")
        self._timer = asyncio.get_running_loop().call_later(self._beat, self._alive)

    def _send(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
                way.sendto(text.encode(), self._address)
        except OSError as error:  # a manager that went away is no reason to stop serving
            log.warning("the service manager does not listen", extra={"reason": str(error)})


def _address(name: str) -> str:
    """The socket's address; a leading @ stands for Linux' abstract namespace."""
    return "\0" + name[1:] if name.startswith("@") else name
