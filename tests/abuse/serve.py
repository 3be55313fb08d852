"""The served stack in a process of its own: `python -m tests.abuse.serve FOLDER SETTINGS`.

It says where it listens on its first line of output; for each line of input it answers with its own figures, as JSON.
"""

import asyncio
import ctypes
import gc
import json
import logging
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import uvloop

from harmonic_stack.config import Log
from harmonic_stack.host.logs import set_up_logging
from tests.stack import Stack, paths_in, served_stack


async def main() -> None:
    """Serve until the input ends."""
    folder, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
    set_up_logging(Log(level="debug"), paths_in(folder))
    for chatty in ("asyncio", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with served_stack(folder, settings) as stack:
        _say({"url": stack.url, "key": stack.key, "admin": stack.admin})
        while await lines.readline():
            _say(await figures(stack))


async def figures(stack: Stack) -> dict[str, Any]:
    """What is held right now: memory in bytes, tasks, descriptors, places and slots.

    Memory is that in use: what is garbage is collected, and what the C library keeps for later is given back first.
    """
    await stack.daemon.writer.flush()
    gc.collect()
    with suppress(AttributeError, OSError):  # another C library may have no such call
        ctypes.CDLL(None).malloc_trim(0)
    process, orchestrator = psutil.Process(), stack.daemon.orchestrator
    return {
        "rss": process.memory_info().rss,
        "descriptors": process.num_fds(),
        "tasks": len(asyncio.all_tasks()),
        "running": orchestrator.conductor.running,
        "waiting": orchestrator.conductor.waiting,
        "busy": sum(pool.slots.busy for pool in orchestrator.seats.pools.values()),
        "threads": process.num_threads(),
    }


def _say(content: dict[str, Any]) -> None:
    print(json.dumps(content), flush=True)  # noqa: T201 - this is how it is asked


if __name__ == "__main__":
    uvloop.run(main())
