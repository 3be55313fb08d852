"""Closed questions: drafts end in a short answer, code counts the votes, the winning draft is delivered as it is.

The rules and their evidence: docs/merging.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harmonic_stack.answer.live_answer import LiveAnswer
from harmonic_stack.fanout import propose_all
from harmonic_stack.harmonize import Verdict, agreement_confidence, canonical, final_answer, verdict
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


@dataclass(frozen=True, slots=True)
class Vote:
    """How a vote went: every seat's outcome, the answer each gave, and the verdict (None: no answer at all)."""

    outcomes: tuple[Outcome, ...]
    answers: tuple[str | None, ...]
    verdict: Verdict | None

    @property
    def agreement(self) -> Agreement | None:
        """The vote in figures, through the calibration table."""
        if self.verdict is None:
            return None
        votes, asked = self.verdict.votes, len(self.drafts)
        return Agreement(votes, asked, agreement_confidence(votes, asked))

    @property
    def drafts(self) -> list[Outcome]:
        """The drafts that came whole."""
        return [outcome for outcome in self.outcomes if outcome.status is Status.OK]


async def hold_vote(run: Run, seats: Sequence[Seat], stopping: Stopping) -> Vote:
    """Ask seats in waves until one answer leads.

    1. A wave is as many seats as could decide the vote, or (``greedy_waves``) as many as slots are free.
    2. Drafts count in the order asked; once the drafts known without a gap decide, the rest of the wave is let go.
    3. The deadline ends the vote with what is there.
    """
    outcomes: list[Outcome] = []

    def decided(known: Sequence[Outcome]) -> bool:
        answers = [_answer(run, outcome) for outcome in (*outcomes, *known)]
        return verdict(answers, lead=stopping.lead, most=stopping.most) is not None

    while len(outcomes) < len(seats):
        wave = seats[len(outcomes) :][: _wave_size(run, outcomes, stopping)]
        outcomes += await propose_all(wave, run.vote_draft, run.partial, until=run.until, decided=decided)
        if decided([]) or any(o.status is Status.LATE for o in outcomes):
            break
    answers = tuple(_answer(run, outcome) for outcome in outcomes)
    final = verdict(answers, lead=stopping.lead, most=len(answers)) if any(answers) else None
    if run.config.merge.guard and final is not None:
        final = _guarded(final, answers)
    return Vote(tuple(outcomes), answers, final)


def deliver(run: Run, vote: Vote, answer: LiveAnswer) -> Outcome:
    """Hand out the winning draft's own text, or its answer line alone where the text is longer than asked for."""
    assert vote.verdict is not None
    winner = vote.outcomes[vote.verdict.winner]
    limit = run.query.sampling.max_tokens
    if limit is not None and winner.completion.completion_tokens > limit and not run.query.sampling.has_format:
        answer.write(f"Answer: {vote.verdict.answer}")
    else:
        answer.write(winner.text)
    return winner


def rivals(vote: Vote) -> tuple[MinorityPoint, ...]:
    """The answers that lost, each with its votes and the agent that gave it first; never part of a voted answer."""
    found = vote.verdict.rivals if vote.verdict is not None else ()
    return tuple(
        MinorityPoint(str(vote.outcomes[rival.first].seat), rival.answer, votes=rival.votes) for rival in found
    )


def _answer(run: Run, outcome: Outcome) -> str | None:
    if outcome.status is not Status.OK:
        return None
    if run.query.sampling.has_format:
        return canonical(outcome.text)
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
