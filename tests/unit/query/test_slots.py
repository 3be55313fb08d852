"""Slots are handed out one at a time, the executive first, and never lost."""

import asyncio

from harmonic_stack.slots import SlotPool
from tests.helpers import until


async def test_no_more_calls_run_than_there_are_slots() -> None:
    pool, running, most = SlotPool(3), 0, 0

    async def call() -> None:
        nonlocal running, most
        async with pool.slot(1):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(call() for _ in range(20)))
    assert (most, pool.busy, pool.waiting) == (3, 0, 0)


async def test_a_lower_tier_is_served_first_and_equal_ones_in_order() -> None:
    pool, served = SlotPool(1), []
    release = asyncio.Event()

    async def call(name: str, tier: int) -> None:
        async with pool.slot(tier):
            if name == "first":
                await release.wait()
            served.append(name)

    tasks = [asyncio.create_task(call("first", 3))]
    await until(lambda: pool.busy == 1, "the first call holds the slot")
    for name, tier in (("specialist", 3), ("director", 2), ("executive", 1), ("director 2", 2)):
        tasks.append(asyncio.create_task(call(name, tier)))
    await until(lambda: pool.waiting == 4, "four calls wait")
    release.set()
    await asyncio.gather(*tasks)
    assert served == ["first", "executive", "director", "director 2", "specialist"]


async def test_a_cancelled_waiter_loses_no_slot() -> None:
    pool = SlotPool(1)
    async with pool.slot(1):
        waiter = asyncio.create_task(_hold(pool))
        await until(lambda: pool.waiting == 1, "a call waits")
        waiter.cancel()
        await asyncio.wait([waiter])
    async with asyncio.timeout(1), pool.slot(1):
        assert pool.busy == 1


async def test_a_slot_that_comes_together_with_the_cancellation_is_handed_on() -> None:
    pool = SlotPool(1)
    async with pool.slot(1):
        waiter = asyncio.create_task(_hold(pool))
        await until(lambda: pool.waiting == 1, "a call waits")
    waiter.cancel()  # its turn was just given, and it has not run yet
    await asyncio.wait([waiter])
    assert pool.busy == 0


async def _hold(pool: SlotPool) -> None:
    async with pool.slot(2):
        pass
