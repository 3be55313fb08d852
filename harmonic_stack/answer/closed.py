"""Closed questions: drafts end in a short answer, code counts the votes, the winning draft is delivered as it is.

The rules and their evidence: docs/merging.md.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from harmonic_stack.answer.live_answer import LiveAnswer
from harmonic_stack.fanout import attempt, propose_all
from harmonic_stack.harmonize import Verdict, final_answer, json_answer, verdict
from harmonic_stack.merge.calibrate import Calibration
from harmonic_stack.query import Agreement, MinorityPoint, Mode, Outcome, Seat, Status
from harmonic_stack.run import Run


@dataclass(frozen=True, slots=True)
class Stopping:
    """When a vote is decided: one answer leads by ``lead``, or ``most`` drafts were asked."""

    lead: int
    most: int
    greedy_waves: bool  # True: a wave takes all free slots; False: no more drafts than could decide


def stopping_of(run: Run) -> Stopping:
    """The stopping rule of the way of answering that was asked for; harmonic-deep hears all its drafts."""
    merge, mode, asked = run.config.merge, run.query.mode, run.query.options.most
    if mode is Mode.AUTO:
        return Stopping(merge.lead, asked or merge.most, greedy_waves=False)
    if mode is Mode.FULL:
        return Stopping(merge.full_lead, asked or merge.full_most, greedy_waves=True)
    most = asked or min(run.config.deep.most, run.config.limits.most)
    return Stopping(most + 1, most, greedy_waves=True)


class Vote(msgspec.Struct, frozen=True):
    """How a vote went: every seat's outcome, the answer each gave, and the verdict (None: no answer at all).

    ``beside`` are drafts of models that have no vote yet, with their answers: reported, not counted.
    """

    outcomes: tuple[Outcome, ...]
    answers: tuple[str | None, ...]
    verdict: Verdict | None
    beside: tuple[Outcome, ...] = ()
    answers_beside: tuple[str | None, ...] = ()

    def agreement(self, calibration: Calibration) -> Agreement | None:
        """The vote in figures, through the calibration table."""
        if self.verdict is None:
            return None
        votes, asked = self.verdict.votes, sum(outcome.status is Status.OK for outcome in self.outcomes)
        return Agreement(votes, asked, calibration.confidence(votes, asked), self.verdict.answer)


async def hold_vote(
    run: Run,
    seats: Sequence[Seat],
    stopping: Stopping,
    *,
    weights: Mapping[str, float] | None = None,
    beside: Sequence[Seat] = (),
) -> Vote:
    """Ask seats in waves until one answer leads.

    1. A wave is as many seats as could decide the vote, or (``greedy_waves``) as many as slots are free.
    2. Drafts count in the order asked; once the drafts known without a gap decide, the rest of the wave is let go.
    3. The deadline ends the vote with what is there.
    4. An agent's votes weigh what *weights* says, 1 where it says nothing. Seats *beside* draft at the same time and
       have no vote; once it is decided, those that are not done are let go.
    """
    drafting = {seat: asyncio.create_task(attempt(seat, run.vote_draft, run.partial)) for seat in beside}
    try:
        outcomes = await _voted(run, seats, stopping, weights)
        others = [_as_it_stands(run, seat, draft) for seat, draft in drafting.items()]
    finally:
        for draft in drafting.values():
            draft.cancel()
        if drafting:
            await asyncio.wait(drafting.values())
    answers = tuple(_answer(run, outcome) for outcome in outcomes)
    final = None
    if any(answers):
        final = verdict(answers, lead=stopping.lead, most=len(answers), weights=_weights_of(outcomes, weights))
    if run.config.merge.guard and final is not None:
        final = _guarded(final, answers)
    told = tuple(_answer(run, outcome) for outcome in others)
    return Vote(tuple(outcomes), answers, final, tuple(others), told)


async def _voted(
    run: Run, seats: Sequence[Seat], stopping: Stopping, weights: Mapping[str, float] | None
) -> list[Outcome]:
    outcomes: list[Outcome] = []

    def decided(known: Sequence[Outcome]) -> bool:
        so_far = [*outcomes, *known]
        answers = [_answer(run, outcome) for outcome in so_far]
        weighed = _weights_of(so_far, weights)
        return verdict(answers, lead=stopping.lead, most=stopping.most, weights=weighed) is not None

    while len(outcomes) < len(seats):
        wave = seats[len(outcomes) :][: _wave_size(run, outcomes, stopping)]
        outcomes += await propose_all(wave, run.vote_draft, run.partial, until=run.until, decided=decided)
        if decided([]) or any(o.status is Status.LATE for o in outcomes):
            break
    return outcomes


def _as_it_stands(run: Run, seat: Seat, draft: "asyncio.Task[Outcome]") -> Outcome:
    """A draft beside the vote: whole, or let go."""
    if draft.done():
        return draft.result()
    draft.cancel()
    return Outcome(seat, Status.SKIPPED, run.partial(seat), "the vote was decided without it")


def _weights_of(outcomes: Sequence[Outcome], weights: Mapping[str, float] | None) -> list[float] | None:
    return [weights.get(outcome.seat.agent, 1.0) for outcome in outcomes] if weights else None


def deliver(run: Run, vote: Vote, answer: LiveAnswer) -> Outcome:
    """Hand out the winning draft's own text, or its answer line alone where the text is longer than asked for."""
    assert vote.verdict is not None
    winner = vote.outcomes[vote.verdict.winner]
    limit = run.query.sampling.max_tokens
    if limit is not None and winner.completion.completion_tokens > limit and not run.query.sampling.has_format:
        answer.write_whole(f"Answer: {vote.verdict.answer}")
    else:
        answer.write_whole(winner.text)
    return winner


def rivals(vote: Vote) -> tuple[MinorityPoint, ...]:
    """The answers that lost, each with its votes and the agent that gave it first; never part of a voted answer."""
    verdict = vote.verdict
    if verdict is None:
        return ()
    lost = [
        MinorityPoint(str(vote.outcomes[rival.first].seat), rival.answer, votes=rival.votes) for rival in verdict.rivals
    ]
    beside = zip(vote.beside, vote.answers_beside, strict=True)
    # What a model without a vote says is told too, with no votes.
    known = {verdict.answer, *(rival.answer for rival in verdict.rivals)}
    lost += [MinorityPoint(str(o.seat), answer, votes=0) for o, answer in beside if answer and answer not in known]
    return tuple(lost)


def _answer(run: Run, outcome: Outcome) -> str | None:
    if outcome.status is not Status.OK:
        return None
    if run.query.sampling.has_format:
        return json_answer(outcome.text)
    return final_answer(outcome.text, run.query.question)


def _wave_size(run: Run, outcomes: Sequence[Outcome], stopping: Stopping) -> int:
    left = stopping.most - len(outcomes)
    counts: dict[str, int] = {}
    for answer in (_answer(run, outcome) for outcome in outcomes):
        if answer is not None:
            counts[answer] = counts.get(answer, 0) + 1
    ranked = [*sorted(counts.values(), reverse=True), 0, 0]
    needed = max(stopping.lead - (ranked[0] - ranked[1]), 1)
    return min(left, max(needed, run.free_slots) if stopping.greedy_waves else needed)


def _guarded(found: Verdict, answers: Sequence[str | None]) -> Verdict:
    """Draft 0's answer, unless a rival leads it by two votes (``merge.guard``)."""
    first = answers[0] if answers else None
    if first is None or first == found.answer:
        return found
    own = sum(answer == first for answer in answers)
    return found if found.votes - own >= 2 else Verdict(answer=first, winner=0, votes=own, asked=found.asked)
