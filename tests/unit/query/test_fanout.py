"""All are asked at once; outcomes stand in the order asked; one failure is data."""

import asyncio
from collections.abc import Sequence

from harmonic_stack.errors import EngineStreamFailed, StreamFault
from harmonic_stack.fanout import propose_all
from harmonic_stack.query import Completion, Outcome, Seat, Status
from tests.helpers import until

SEATS = [Seat(place, name) for place, name in enumerate(("first", "second", "third", "fourth"))]


def _partial(seat: Seat) -> Completion:
    return Completion(text="so far")


def _soon() -> float:
    return asyncio.get_running_loop().time() + 5


async def test_outcomes_stand_in_the_order_asked_whoever_finishes_first() -> None:
    async def propose(seat: Seat) -> Completion:
        await asyncio.sleep(0.03 * (len(SEATS) - seat.place))
        return Completion(text=seat.agent)

    outcomes = await propose_all(SEATS, propose, _partial, until=_soon())
    assert [outcome.text for outcome in outcomes] == [seat.agent for seat in SEATS]


async def test_failures_of_any_kind_are_data() -> None:
    async def propose(seat: Seat) -> Completion:
        if seat.place == 0:
            raise EngineStreamFailed(StreamFault.CUT, "gone")
        if seat.place == 1:
            raise ZeroDivisionError
        return Completion(text="" if seat.place == 2 else "fine")

    outcomes = await propose_all(SEATS, propose, _partial, until=_soon())
    assert [outcome.status.value for outcome in outcomes] == ["failed", "failed", "failed", "ok"]
    assert [outcome.reason for outcome in outcomes] == [
        "cut off: gone",
        "ZeroDivisionError",
        "the draft is empty",
        "",
    ]
    assert outcomes[0].text == "so far"


async def test_the_deadline_ends_the_wait_with_what_is_there() -> None:
    async def propose(seat: Seat) -> Completion:
        await asyncio.sleep(0 if seat.place < 2 else 60)
        return Completion(text="fine")

    until_then = asyncio.get_running_loop().time() + 0.2
    outcomes = await propose_all(SEATS, propose, _partial, until=until_then)
    assert [outcome.status.value for outcome in outcomes] == ["ok", "ok", "late", "late"]
    assert outcomes[3].text == "so far"


async def test_only_drafts_known_without_a_gap_may_decide_and_the_rest_is_let_go() -> None:
    first = asyncio.Event()
    asked: list[list[str]] = []
    cancelled: list[str] = []

    async def propose(seat: Seat) -> Completion:
        try:
            if seat.place == 0:
                await first.wait()
            elif seat.place == 3:
                await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(seat.agent)
            raise
        return Completion(text=seat.agent)

    def decided(known: Sequence[Outcome]) -> bool:
        asked.append([outcome.seat.agent for outcome in known])
        return len(known) >= 2

    task = asyncio.create_task(propose_all(SEATS, propose, _partial, until=_soon(), decided=decided))
    await until(lambda: asked != [], "early finishers are looked at")
    assert all(known == [] for known in asked)  # second and third are in, but not the first
    first.set()
    outcomes = await task
    assert [outcome.status for outcome in outcomes] == [Status.OK, Status.OK, Status.OK, Status.SKIPPED]
    assert cancelled == ["fourth"]


async def test_cancelling_the_caller_cancels_every_draft() -> None:
    started, cancelled = 0, 0

    async def propose(seat: Seat) -> Completion:
        nonlocal started, cancelled
        started += 1
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled += 1
            raise
        return Completion()

    task = asyncio.create_task(propose_all(SEATS, propose, _partial, until=_soon()))
    await until(lambda: started == 4, "all are asked")
    task.cancel()
    await asyncio.wait([task])
    assert (task.cancelled(), cancelled) == (True, 4)
