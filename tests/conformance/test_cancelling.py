"""Whoever waits for the bus can be cancelled at any moment, also the one at which its answer arrives."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from spine import Bus, Channel, Signal
from spine.redis_bus import Link
from tests.conformance.conftest import Store

TIMES = 40


def note(n: int) -> Signal:
    return Signal(Channel.TASK, f"s{n % 3}", "orchestrator", "note", text=str(n))


async def lost(work: Callable[[], Awaitable[None]], chance: random.Random, *, longest: int) -> int:
    """Start *work*, cancel it after a few turns of the loop, many times; return how often it went on for a second."""
    went_on = 0
    for _ in range(TIMES):
        task = asyncio.ensure_future(work())
        for _ in range(chance.randrange(1, longest)):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=1)
        went_on += not task.done()
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=0.2)
    return went_on


@pytest.fixture
async def link(served: Store) -> AsyncIterator[Link]:
    found = Link(served.url, connections=4)
    yield found
    await found.aclose()


async def test_a_call_to_the_server_is_cancelled_at_once(link: Link) -> None:
    """Under asyncio.wait_for of Python 3.11, in which a client may send, one in five of these is lost."""

    async def ask() -> None:
        while True:
            await link.call(b"PING")
            await link.batch([(b"PING",), (b"TIME",)])

    assert await lost(ask, random.Random(1), longest=60) == 0
    assert await link.call(b"ECHO", b"still in order") == b"still in order"


async def test_readers_and_writers_are_cancelled_at_once(bus: Bus) -> None:
    async def write() -> None:
        for n in range(1_000_000):
            await bus.publish(note(n))
            await asyncio.sleep(0)

    async def follow() -> None:
        async for _ in bus.tail([Channel.TASK]):
            pass

    async def read() -> None:
        while True:
            await bus.read(Channel.TASK, limit=5)
            await asyncio.sleep(0)

    chance, writing = random.Random(2), asyncio.create_task(write())
    for work in (follow, read, write):
        assert await lost(work, chance, longest=40) == 0
    writing.cancel()
    await asyncio.wait([writing], timeout=1)
    assert writing.cancelled()
    assert bus.health().state == "ok"
