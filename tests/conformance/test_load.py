"""More than the bus can keep, and for long: its bounds hold, its counters are true, and reading goes on."""

import asyncio
import ctypes
import gc
import random
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from spine import Bus, Channel, Retention, Signal, open_bus
from tests.conformance.conftest import Store
from tests.helpers import until

BOUND = 200
SMALL = Retention(maxlen=dict.fromkeys(Channel, BOUND), max_bytes=8 * 1024 * 1024)
SESSIONS = 4
TEXT = "x" * 1_000


def note(session: str, channel: Channel = Channel.TASK) -> Signal:
    return Signal(channel, session, "orchestrator", "note", text=TEXT)


@pytest.mark.parametrize("seconds", [5.0, pytest.param(60.0, marks=[pytest.mark.long, pytest.mark.timeout(180)])])
async def test_ten_times_what_can_be_kept_is_bounded_and_counted(store: Store, seconds: float) -> None:
    """Writers at full speed, until at least ten times the bound is said; others read and follow meanwhile."""
    said, reads, followed = 0, 0, 0
    async with store.open(retention=SMALL) as bus:
        end = time.monotonic() + seconds

        async def write(session: str) -> None:
            nonlocal said
            while time.monotonic() < end or said < 10 * SESSIONS * BOUND:
                given = await bus.publish_many([note(session)] * 20)
                said += len(given)
                await asyncio.sleep(0)

        async def read() -> None:
            nonlocal reads
            while time.monotonic() < end:
                page = await bus.read(Channel.TASK, session="s0", limit=50)
                assert len(page.signals) <= 51
                reads += 1
                await asyncio.sleep(0.01)

        async def follow() -> None:
            nonlocal followed
            async for _ in bus.tail([Channel.TASK]):
                followed += 1

        following = asyncio.create_task(follow())
        async with asyncio.TaskGroup() as group:
            for n in range(SESSIONS):
                group.create_task(write(f"s{n}"))
            group.create_task(read())
        following.cancel()
        await asyncio.wait([following], timeout=10)
        assert following.cancelled()
        stats = (await bus.stats())[Channel.TASK]
    assert said >= 10 * SESSIONS * BOUND
    assert stats.entries + stats.dropped == said
    assert stats.entries <= SESSIONS * (BOUND + 100)
    assert stats.bytes is not None
    assert stats.bytes < SESSIONS * (BOUND + 100) * 3_000
    assert reads > 0
    assert followed > 0


async def test_the_bytes_of_a_bus_without_a_store_are_bounded() -> None:
    unbounded = Retention(maxlen=dict.fromkeys(Channel, None), max_bytes=4 * 1024 * 1024)
    async with open_bus("memory://", retention=unbounded) as bus:
        said = 0
        for n in range(40):
            said += len(await bus.publish_many([note(f"s{n % 7}", Channel(n % 2))] * 500))
        stats = await bus.stats()
    assert sum(s.bytes or 0 for s in stats) <= 4 * 1024 * 1024
    assert sum(s.entries + s.dropped for s in stats) == said == 20_000


@pytest.mark.long
@pytest.mark.timeout(420)
async def test_five_minutes_at_work_leave_nothing_behind(store: Store, tmp_path: Path) -> None:
    """Writers, readers that come and go, stats, forgetting: memory, tasks and descriptors stay where they were."""
    me, chance = psutil.Process(), random.Random(9)
    async with store.open(record=tmp_path / "record", retention=SMALL) as bus:
        await work(bus, chance, 20.0)
        before = await held(bus), me.num_fds(), len(asyncio.all_tasks())
        said = await work(bus, chance, 280.0)
        after = await held(bus), me.num_fds(), len(asyncio.all_tasks())
    print(f"said {said}; MiB {before[0] / 2**20:.1f} and then {after[0] / 2**20:.1f}")  # noqa: T201 - for the docs
    assert said > 10_000
    assert after[0] - before[0] < 16 * 1024 * 1024
    assert after[1] - before[1] <= 4
    assert after[2] == before[2]


async def held(bus: Bus) -> int:
    """Return the bytes that this process holds on to, not what its allocator keeps of what was given back.

    A store that was slow (a busy disk holds it up for seconds) is waited for: until then what was said stands here.
    """
    await until(lambda: bus.health().state == "ok", "the store is back", timeout=30)
    gc.collect()
    with suppress(AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
    return psutil.Process().memory_info().rss


async def work(bus: Bus, chance: random.Random, seconds: float) -> int:
    """Do a bit of everything for *seconds* and return how many signals were said."""
    said, turn, end = 0, 0, time.monotonic() + seconds
    while time.monotonic() < end:
        turn += 1
        session = f"s{chance.randrange(30)}"
        signals = [note(session, Channel(chance.choice([0, 1, 3, 4, 5]))) for _ in range(10)]
        said += len(await bus.publish_many(signals))
        if turn % 5 == 0:
            tail = bus.tail(after="0")
            await anext(tail)
            await tail.aclose()
            await bus.read(Channel.TASK, kind="note", limit=20)
        if turn % 50 == 0:
            kept = await bus.recent(Channel.META, count=5)
            await bus.publish(note(session, Channel.PERSISTENT))
            await bus.forget(session)
            await bus.insert([signal for signal in kept if signal.session == session])
            await bus.stats()
        await asyncio.sleep(0.002)
    return said
