"""The admission gate: bounded, fair between keys, and a place that is given up is never lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from harmonic_stack.conductor import Conductor
from harmonic_stack.errors import KeyTooBusy, ShuttingDown, TooBusy
from tests.helpers import until


class Crowd:
    """Queries of several keys that stay inside until they are let go; ``order`` is that in which they got in."""

    def __init__(self, conductor: Conductor) -> None:
        self.conductor, self.order = conductor, list[str]()
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._go: dict[str, asyncio.Event] = {}

    async def come(self, name: str, *, tier: int = 1) -> None:
        """A query whose key is the first letter of its name."""
        self._go[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._stay(name, tier))
        await asyncio.sleep(0)

    async def leave(self, name: str) -> None:
        """Let a query that is inside finish."""
        self._go[name].set()
        await self.tasks[name]
        await asyncio.sleep(0)

    def tiers(self) -> tuple[dict[int, int], dict[int, int]]:
        """How many of each tier are inside, and how many wait."""
        told = (self.conductor.running_by_tier(), self.conductor.waiting_by_tier())
        inside, waiting = ({tier: count for tier, count in each.items() if count} for each in told)
        return inside, waiting

    async def _stay(self, name: str, tier: int) -> None:
        async with self.conductor.admitted(name, name[0], tier=tier):
            self.order.append(name)
            await self._go[name].wait()


@asynccontextmanager
async def crowd(*, running: int = 1, depth: int = 10, seconds: float = 60, per_key: int = 10) -> AsyncIterator[Crowd]:
    """A conductor with a crowd, all of whom go home at the end."""
    found = Crowd(Conductor(running=running, depth=depth, seconds=seconds, per_key=per_key))
    try:
        yield found
    finally:
        for task in found.tasks.values():
            task.cancel()
        await asyncio.gather(*found.tasks.values(), return_exceptions=True)
        assert (found.conductor.running, found.conductor.waiting) == (0, 0)
        assert found.tiers() == ({}, {})


async def test_keys_take_turns() -> None:
    async with crowd() as people:
        for name in ("a0", "a1", "a2", "a3", "b1", "c1", "b2"):
            await people.come(name)
        assert [each.query for each in people.conductor.queue()] == ["a1", "b1", "c1", "a2", "b2", "a3"]
        for name in ("a0", "a1", "b1", "c1", "a2", "b2", "a3"):
            await people.leave(name)
        assert people.order == ["a0", "a1", "b1", "c1", "a2", "b2", "a3"]


async def test_no_more_run_at_once_than_may_and_a_query_knows_where_it_came() -> None:
    async with crowd(running=2) as people:
        for name in ("a1", "b1", "c1", "d1"):
            await people.come(name)
        assert people.order == ["a1", "b1"]
        await people.leave("b1")
        assert people.order == ["a1", "b1", "c1"]
        assert [people.conductor.position_of(name) for name in ("a1", "c1", "gone")] == [0, 1, 0]


async def test_a_full_queue_says_when_to_come_back() -> None:
    async with crowd(depth=1) as people:
        await people.come("a1")
        await people.come("b1")
        await people.come("c1")
        refused = people.tasks["c1"].exception()
        assert type(refused) is TooBusy
        assert refused.retry_after == pytest.approx(2 * people.conductor.mean_seconds)
        assert people.conductor.refused == {"depth": 1}


async def test_one_key_has_its_limit_while_others_get_in() -> None:
    async with crowd(running=5, per_key=2) as people:
        for name in ("a1", "a2", "a3", "b1"):
            await people.come(name)
        assert isinstance(people.tasks["a3"].exception(), KeyTooBusy)
        assert people.order == ["a1", "a2", "b1"]


async def test_who_waits_too_long_is_sent_away_and_the_place_is_not_lost() -> None:
    async with crowd(seconds=0.02) as people:
        await people.come("a1")
        await people.come("b1")
        await until(people.tasks["b1"].done, "the wait is over")
        assert isinstance(people.tasks["b1"].exception(), TooBusy)
        await people.leave("a1")
        await people.come("c1")
        assert people.order == ["a1", "c1"]


async def test_a_place_that_comes_with_a_cancellation_goes_to_the_next() -> None:
    async with crowd() as people:
        for name in ("a1", "b1", "c1"):
            await people.come(name)
        people.tasks["a1"].cancel()
        await asyncio.sleep(0)  # a1's place has been handed to b1, which has not run yet
        people.tasks["b1"].cancel()
        await until(lambda: "c1" in people.order, "the place goes on to the third")
        assert people.order == ["a1", "c1"]


async def test_a_client_that_leaves_the_queue_leaves_no_trace() -> None:
    async with crowd() as people:
        await people.come("a1")
        await people.come("b1")
        people.tasks["b1"].cancel()
        await until(people.tasks["b1"].done, "the client has left")
        assert people.conductor.waiting == 0


async def test_each_tier_is_counted_by_itself_also_while_a_place_changes_hands() -> None:
    async with crowd() as people:
        await people.come("a1", tier=3)
        await people.come("b1", tier=2)
        await people.come("c1", tier=2)
        assert people.tiers() == ({3: 1}, {2: 2})
        people.tasks["a1"].cancel()
        await asyncio.sleep(0)  # the place has been handed to b1, which has not run yet
        assert people.order == ["a1"]
        assert people.tiers() == ({2: 1}, {2: 1})
        people.tasks["b1"].cancel()
        await until(lambda: "c1" in people.order, "the place goes on to the third")
        assert people.tiers() == ({2: 1}, {})


async def test_a_closed_conductor_finishes_what_it_has() -> None:
    async with crowd() as people:
        await people.come("a1")
        await people.come("b1")
        people.conductor.close()
        await people.come("c1")
        assert isinstance(people.tasks["c1"].exception(), ShuttingDown)
        await people.leave("a1")
        assert people.order == ["a1", "b1"]


async def test_the_time_to_come_back_follows_how_long_queries_take() -> None:
    now = [0.0]
    conductor = Conductor(running=2, depth=5, seconds=60, per_key=5, clock=lambda: now[0])
    for _ in range(40):
        async with conductor.admitted("q", "a"):
            now[0] += 30.0
    assert conductor.mean_seconds == pytest.approx(30.0, rel=0.01)
    assert conductor.retry_after() == pytest.approx(15.0, rel=0.01)
