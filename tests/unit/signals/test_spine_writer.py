"""Signals are written behind the query's back, in order and in batches; a flush waits for what was queued before it."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from harmonic_stack.signals.spine_writer import MAX_WAITING, SpineWriter
from spine import Bus, Channel, Signal, open_bus
from tests.helpers import until


class Slow:
    """A bus whose store takes its time: each batch waits to be let through."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.batches: list[int] = []
        self.gate = asyncio.Semaphore(0)

    async def publish_many(self, signals: Sequence[Signal]) -> list[str]:
        await self.gate.acquire()
        self.batches.append(len(signals))
        return await self._bus.publish_many(signals)

    def __getattr__(self, name: str) -> object:
        return getattr(self._bus, name)


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with open_bus("memory://") as found:
        yield found


def _signals(count: int) -> list[Signal]:
    return [Signal(Channel.SESSION, session="s", writer="coder", kind="turn", text=str(n)) for n in range(count)]


async def test_what_was_flushed_can_be_read_in_order(bus: Bus) -> None:
    writer = SpineWriter(bus)
    writer.put(_signals(5))
    assert await writer.flush()
    assert [signal.text for signal in await bus.recent(Channel.SESSION, "s")] == list("01234")
    await writer.aclose()


async def test_one_signal_that_is_refused_costs_no_other(bus: Bus) -> None:
    writer = SpineWriter(bus)
    small = _signals(2)
    huge = Signal(Channel.SESSION, session="s", writer="coder", kind="turn", text="x" * 300_000)
    writer.put([small[0], huge, small[1]])
    assert await writer.flush()
    assert [signal.text for signal in await bus.recent(Channel.SESSION, "s")] == ["0", "1"]
    assert writer.dropped == 1
    await writer.aclose()


async def test_what_comes_in_a_moment_is_one_batch_and_a_hurry_ends_the_moment(bus: Bus) -> None:
    slow = Slow(bus)
    slow.gate.release()
    writer = SpineWriter(slow)  # type: ignore[arg-type]  # all of a Bus by __getattr__
    for _ in range(3):
        writer.put(_signals(2))
        await asyncio.sleep(0)
    assert slow.batches == []
    writer.hurry()
    await until(lambda: slow.batches == [6], "all six are written at once")
    await writer.aclose()


async def test_a_flush_does_not_wait_for_what_comes_after_it(bus: Bus) -> None:
    slow = Slow(bus)
    writer = SpineWriter(slow)  # type: ignore[arg-type]  # all of a Bus by __getattr__
    writer.put(_signals(3))
    flushing = asyncio.create_task(writer.flush())
    await asyncio.sleep(0)
    writer.put(_signals(2))
    slow.gate.release()
    assert await flushing
    slow.gate.release()
    await writer.aclose()
    assert sum(slow.batches) == 5


async def test_a_store_that_does_not_answer_costs_signals_and_never_memory_without_bound(bus: Bus) -> None:
    slow = Slow(bus)
    writer = SpineWriter(slow)  # type: ignore[arg-type]  # all of a Bus by __getattr__
    writer.put(_signals(1))
    writer.put(_signals(MAX_WAITING + 7))
    assert writer.dropped == 8  # the first waits with them
    assert not await writer.flush(timeout=0.01)
    slow.gate.release()
    slow.gate.release()
    await writer.aclose()


async def test_a_flush_that_is_cancelled_as_it_ends_is_cancelled(bus: Bus) -> None:
    slow = Slow(bus)
    writer = SpineWriter(slow)  # type: ignore[arg-type]  # all of a Bus by __getattr__
    ended = []
    for turns in range(1, 12):
        writer.put(_signals(1))
        flushing = asyncio.create_task(writer.flush())
        await asyncio.sleep(0.001)
        slow.gate.release()
        for _ in range(turns):
            await asyncio.sleep(0)
        if flushing.cancel():
            await asyncio.wait([flushing])
            ended.append(flushing.cancelled())
    assert ended
    assert all(ended)
    await writer.aclose()
