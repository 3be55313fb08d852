"""uvicorn around the application: our socket, our signals, our limits."""

import asyncio
import errno
import math
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from harmonic_stack.api.app import App
from harmonic_stack.api.protocol import HardenedProtocol
from harmonic_stack.config import Server as Limits
from harmonic_stack.errors import AddressUnusable, PortInUse
from harmonic_stack.host.ports import owner_of

BACKLOG = 2048
# What the system may hold of an answer for a client that does not read; left to itself, Linux grows it to 4 MB.
SEND_BUFFER = 262_144


class DaemonServer(uvicorn.Server):
    """uvicorn without its own signal handlers: the daemon decides when it stops, and in which order.

    While what was begun is finished, and for ``lame_duck_seconds`` at least, connections are still accepted: whoever
    asks is told 503, and ``/ready`` tells a proxy to send its callers elsewhere. Then nothing listens any more.
    """

    when_serving: Callable[[], None] = staticmethod(lambda: None)
    when_stopping: Callable[[], None] = staticmethod(lambda: None)
    busy: Callable[[], bool] = staticmethod(lambda: False)  # whether a stop waits before it closes the door
    drain_seconds: float = 0.0
    lame_duck_seconds: float = 0.0
    _not_before: float = 0.0  # monotonic: until then the door stays open
    _until: float | None = None  # monotonic: what runs then is cancelled; None before a stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and say so."""
        await super().startup(sockets)
        self.when_serving()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to ``serve_until_signal``."""
        yield

    def stop(self) -> None:
        """Take nothing new and finish what is under way; a second call stops at once."""
        if self._until is not None:
            self.force_exit = True
        else:
            now = time.monotonic()
            self._not_before, self._until = now + self.lame_duck_seconds, now + self.drain_seconds
            self.when_stopping()
        self.should_exit = self.force_exit or self._waited_enough()

    async def on_tick(self, counter: int) -> bool:
        """Look, ten times a second, whether a stop has waited long enough."""
        self.should_exit = self.should_exit or self._waited_enough()
        return await super().on_tick(counter)

    def _waited_enough(self) -> bool:
        now = time.monotonic()
        return self._until is not None and (now >= self._until or (now >= self._not_before and not self.busy()))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nothing more; what still runs has what is left of the time."""
        if self._until is not None:
            self.config.timeout_graceful_shutdown = math.ceil(max(self._until - time.monotonic(), 0.0))
        await super().shutdown(sockets)


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening socket for the API.

    Raises:
        PortInUse: another program has the port.
        AddressUnusable: the host is no address of this box, or this user may not have the port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # every connection inherits it
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(host, port, owner_of(port)) from error
        raise AddressUnusable(host, port, error.strerror or str(error)) from error
    found.setblocking(False)
    return found


def make_server(app: App, limits: Limits) -> DaemonServer:
    """A server for *app* within *limits*."""
    protocol = type("Protocol", (HardenedProtocol,), {"limits": limits, "lane": app.lane})
    server = DaemonServer(
        uvicorn.Config(
            app,
            http=protocol,
            ws="none",  # a WebSocket would come in past the door
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=int(limits.idle_seconds),
        )
    )
    server.drain_seconds, server.lame_duck_seconds = limits.drain_seconds, limits.lame_duck_seconds
    return server


async def serve_until_signal(server: DaemonServer, listening: socket.socket, when_serving: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; a second one does not wait for requests under way.

    *when_serving* is called once requests are answered and signals are heeded.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    server.when_serving = when_serving
    try:
        await server.serve(sockets=[listening])
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
