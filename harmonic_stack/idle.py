"""Work for the time in which nobody asks anything."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress

from harmonic_stack.conductor import Conductor

LAST = 9  # the tier of calls that no query waits for: after every agent's


class InBackground:
    """Work in a task of its own, which nothing waits for and `aclose` ends."""

    _task: asyncio.Task[None] | None = None

    def _start(self, work: Coroutine[None, None, None], name: str) -> None:
        self._task = asyncio.create_task(work, name=name)

    async def aclose(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task


async def while_idle(conductor: Conductor, work: Coroutine[None, None, None], *, quiet: float = 0.0) -> bool:
    """Do *work* once no query was under way for *quiet* seconds; False where one came in before it was done.

    That query stopped it at once. An engine may still compute a prompt to its end: hence the quiet time.
    """
    try:
        await _quiet(conductor, quiet)
    except BaseException:
        work.close()
        raise
    working = asyncio.create_task(work)
    query = asyncio.create_task(conductor.busy.wait())
    try:
        await asyncio.wait({working, query}, return_when=asyncio.FIRST_COMPLETED)
        return working.done()
    finally:
        for task in (working, query):
            task.cancel()
        await asyncio.wait({working, query})


async def _quiet(conductor: Conductor, seconds: float) -> None:
    while True:
        await conductor.idle.wait()
        if not seconds:
            return
        try:
            async with asyncio.timeout(seconds):
                await conductor.busy.wait()
        except TimeoutError:
            return
