"""Work for the time in which nobody asks anything."""

import asyncio
from collections.abc import Coroutine

from harmonic_stack.conductor import Conductor

LAST = 9  # the tier of calls that no query waits for: after every agent's


async def while_idle(conductor: Conductor, work: Coroutine[None, None, None]) -> bool:
    """Do *work* once no query is under way; False where one came in before it was done, and stopped it at once."""
    try:
        await conductor.idle.wait()
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
