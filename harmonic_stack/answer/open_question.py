"""Open questions: the executive's own words are the base, or an aggregator's over whole drafts; code appends the rest.

The rules and their evidence: docs/merging.md.
"""

import asyncio
import secrets
from collections.abc import Sequence

from msgspec.structs import replace

from harmonic_stack.answer.live_answer import LiveAnswer
from harmonic_stack.answer.unfence import Unfenced
from harmonic_stack.fanout import attempt, propose_all
from harmonic_stack.prompts import merge
from harmonic_stack.query import Completion, Outcome, Seat, Status
from harmonic_stack.run import Run

AGGREGATOR = "aggregator"


async def base_live(run: Run, seats: Sequence[Seat], answer: LiveAnswer) -> list[Outcome]:
    """Stream draft 0 as the answer from its first token, while the other seats draft beside it.

    A base that dies before its first token is replaced by the next whole draft in the order asked; one that dies later
    keeps its text, and the next draft follows on a new line under its agent's name.
    """
    first, *peers = seats
    call = attempt(first, lambda seat: _base(run, seat, answer), answer.partial)
    base = asyncio.create_task(call, name=f"propose:{first}")
    try:
        others = await propose_all(peers, run.peer_draft, run.partial, until=run.until) if peers else []
        outcome = await base
    finally:
        base.cancel()
    if outcome.status is not Status.OK:
        stand_in(answer, others)
    return [outcome, *others]


def stand_in(answer: LiveAnswer, others: Sequence[Outcome]) -> None:
    """Let the next whole draft in the order asked answer, in place of a base that failed or after what it said."""
    second = next((other for other in others if other.status is Status.OK), None)
    if second is not None:
        heading = f"\n\n{second.seat} answers:\n" if answer.text.strip() else ""
        answer.write_whole(heading + second.text)


async def aggregate(run: Run, outcomes: Sequence[Outcome], answer: LiveAnswer) -> Outcome:
    """Stream one text over the whole drafts, by the executive's model without its role prompt.

    One that fails or says nothing is replaced by the first draft's text; one that breaks off is followed by it.
    """
    drafts = [outcome for outcome in outcomes if outcome.status is Status.OK]
    limit = run.query.sampling.max_tokens or run.config.draft.max_tokens
    fence = secrets.token_hex(8)
    unfenced = Unfenced(fence, answer.write)
    messages, kept = merge(
        run.query.messages,
        [draft.text for draft in drafts],
        fence=fence,
        context=run.context,
        room=max(run.seats.context - limit, run.seats.context // 2),
    )
    model = run.model_of(run.executive)
    found = await attempt(
        Seat(len(outcomes), AGGREGATOR),
        lambda seat: run.ask(seat, messages, run.callers_parameters(), unfenced.write, model=model),
        answer.partial,
    )
    unfenced.close()
    if found.status is Status.OK and not answer.text.strip():
        found = replace(found, status=Status.FAILED, reason="it only copied its prompt")
    if found.status is not Status.OK:
        stand_in(answer, drafts)
    elif kept < len(drafts):
        return replace(found, reason=f"{len(drafts) - kept} drafts did not fit its context")
    return found


async def _base(run: Run, seat: Seat, answer: LiveAnswer) -> Completion:
    """Draft 0's call: it must begin before the deadline, and may then take its time."""
    async with asyncio.timeout_at(run.until) as limit:

        def write(text: str, pieces: int) -> None:
            if not answer.pieces:
                limit.reschedule(None)
            answer.write(text, pieces)

        return await run.base(seat, write)
