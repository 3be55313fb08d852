"""Asks several agents at once; one agent's failure is data, never the end of the answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from harmonic_stack.errors import EngineStreamFailed
from harmonic_stack.query import Completion, Outcome, Seat, Status

log = logging.getLogger(__name__)

Propose = Callable[[Seat], Awaitable[Completion]]
Partial = Callable[[Seat], Completion]
Decided = Callable[[Sequence[Outcome]], bool]


def _never(_: Sequence[Outcome]) -> bool:
    return False


async def propose_all(
    seats: Sequence[Seat], propose: Propose, partial: Partial, *, until: float, decided: Decided = _never
) -> list[Outcome]:
    """Ask all *seats* at once; give their outcomes in the order asked, not in that of arrival.

    1. Every seat is one task; what it raises becomes a failed outcome.
    2. As long as the outcomes from the first seat on are known without a gap, *decided* is asked whether they
       settle the matter: early finishers must not decide, they are the worse ones (docs/merging.md).
    3. At *until* (the loop's clock, seconds) or once decided, the rest is cancelled: late, or skipped.

    Cancellation of the caller passes through and frees every slot at once.
    """
    tasks = {asyncio.create_task(attempt(seat, propose, partial), name=f"propose:{seat}"): seat for seat in seats}
    outcomes: dict[Seat, Outcome] = {}
    pending = set(tasks)
    rest = Status.LATE
    try:
        while pending:
            left = until - asyncio.get_running_loop().time()
            done, pending = await asyncio.wait(pending, timeout=max(left, 0), return_when=asyncio.FIRST_COMPLETED)
            outcomes.update((tasks[task], task.result()) for task in done)
            if not done:
                break
            if pending and decided(_prefix(seats, outcomes)):
                rest = Status.SKIPPED
                break
    finally:
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending)
    for seat in seats:
        if seat not in outcomes:
            outcomes[seat] = Outcome(seat, rest, partial(seat), _why(rest))
    return [outcomes[seat] for seat in seats]


async def attempt(seat: Seat, propose: Propose, partial: Partial) -> Outcome:
    """Make one seat's call; whatever it raises becomes an outcome with what had been written until then."""
    try:
        completion = await propose(seat)
    except TimeoutError:
        return Outcome(seat, Status.LATE, partial(seat), _why(Status.LATE))
    except EngineStreamFailed as error:
        reason = f"{error.reason}: {error.detail}"[:500]
        return Outcome(seat, Status.FAILED, partial(seat), reason, refused=error.blames_the_request)
    except Exception as error:  # an agent that breaks in any way is data; a cancellation passes
        log.exception("a draft failed", extra={"agent": seat.agent})
        return Outcome(seat, Status.FAILED, partial(seat), type(error).__name__)
    if not completion.text.strip() and not completion.tool_calls:
        return Outcome(seat, Status.FAILED, replace(completion, text=""), "the draft is empty")
    return Outcome(seat, Status.OK, completion)


def _prefix(seats: Sequence[Seat], outcomes: dict[Seat, Outcome]) -> list[Outcome]:
    known: list[Outcome] = []
    for seat in seats:
        if seat not in outcomes:
            break
        known.append(outcomes[seat])
    return known


def _why(status: Status) -> str:
    return "not finished at the deadline" if status is Status.LATE else "the vote was decided without it"
