"""A small program that writes onto a bus until it is killed: ``writer.py URL RECORD CHANNEL``.

It prints each id once it is acknowledged; what stands in its output was promised. On a very busy box the bus may take
its store for lost and say so: what it takes then is promised to no other process, and not printed.
"""

import asyncio
import sys
from pathlib import Path

from spine import Channel, Signal, open_bus


async def main(url: str, record: str, channel: str) -> None:
    """Write for ever."""
    async with open_bus(url, record=Path(record)) as bus:
        number = 0
        while True:
            signal = Signal(Channel(int(channel)), "mine", "orchestrator", "note", text=f"{number} " + "x" * 200)
            given = await bus.publish(signal)
            if bus.health().state == "ok" or signal.channel is Channel.PERSISTENT:
                print(given, flush=True)  # noqa: T201 - this is its output
            number += 1


asyncio.run(main(*sys.argv[1:]))
