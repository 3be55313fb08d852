"""What several tests share: waiting for something to become true, and small builders."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable


async def until(check: Callable[[], bool | Awaitable[bool]], what: str, timeout: float = 5.0) -> None:
    """Wait until *check* holds; fail with *what* did not happen within *timeout* seconds."""
    deadline = time.monotonic() + timeout
    while True:
        found = check()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        await asyncio.sleep(0.01)


async def close_server(server: asyncio.Server) -> None:
    """Close *server* with no connection lost on the way.

    One that was accepted and is no transport yet when its server closes is never closed by asyncio: its socket is found
    by the garbage collector, in the middle of another test.
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        loop.remove_reader(listening.fileno())
    await asyncio.sleep(0)  # what was accepted becomes a connection of the server
    server.close()
