"""Settles a tie: the model says yes or no to each tied answer, one token each, and the likelier yes wins.

Only among the tied: alone such a judge is worse than one greedy draft, on ties it gained 1.5 to 2.3 points
(docs/merging.md). Only a model that was measured fit (fitness.py); else draft 0 stands. What it says is never taken for
a probability of being right.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from harmonic_stack.answer.closed import Vote
from harmonic_stack.answer.fitness import Fitness
from harmonic_stack.chat_client import Logprobs, OnExtra
from harmonic_stack.fanout import propose_all
from harmonic_stack.prompts import judge
from harmonic_stack.query import Completion, Outcome, Seat, Status, ToolCallDelta
from harmonic_stack.run import Run

JUDGE = "judge"
# One token; 20 candidates are the most that OpenAI's API gives, and "yes" and "no" are far above the last of them.
ASKED: Mapping[str, Any] = {"max_tokens": 1, "temperature": 0.0, "logprobs": True, "top_logprobs": 20}


async def settle_tie(run: Run, vote: Vote, fitness: Fitness) -> tuple[Vote, Outcome | None]:
    """The vote with its tie settled, and what that cost; the vote as it is where nothing ties or nothing can be told.

    A guarded vote stays with draft 0, and one under a schema has no words to judge. A model whose *fitness* is not
    known, or too little, is not asked; the outcome says so.
    """
    verdict, settings = vote.verdict, run.config.merge
    if verdict is None or not verdict.tied or settings.guard or run.query.sampling.has_format:
        return vote, None
    if not settings.judge or "logprobs" not in run.seats.pool_of(run.model_of(run.executive)).can:
        return vote, None
    if not fitness.fit:
        reason = f"the tie stays with the answer asked first: {fitness.words()}"
        return vote, Outcome(Seat(len(vote.outcomes), JUDGE), Status.SKIPPED, Completion(), reason)
    # One prefill each, a quarter of a draft's time at most.
    until = asyncio.get_running_loop().time() + 0.25 * run.seats.deadline
    seats = [Seat(vote.answers.index(answer), JUDGE, sample) for sample, answer in enumerate(verdict.tied)]
    asked = await propose_all(seats, lambda seat: _ask(run, vote, seat), run.partial, until=until)
    yes = [likelihood(outcome.completion.candidates) for outcome in asked]
    known = [value for value in yes if value is not None]
    cost = Outcome(Seat(len(vote.outcomes), JUDGE), Status.OK, _summed([outcome.completion for outcome in asked]))
    if len(known) < len(yes):
        reason = next(
            (outcome.reason for outcome in asked if outcome.reason), "the engine tells no token probabilities"
        )
        return vote, replace(cost, status=Status.FAILED, reason=reason)
    best = max(range(len(known)), key=lambda at: known[at])  # of equals the one asked first
    return replace(vote, verdict=verdict.settled(verdict.tied[best], vote.answers)), cost


def likelihood(candidates: Mapping[str, float] | None) -> float | None:
    """How much of "yes" or "no" is yes, 0..1; None where neither is among the first token's candidates.

    >>> round(likelihood({"Yes": -0.1, " no": -2.0, "Maybe": -3.0}), 2)
    0.87
    """
    sums = {"yes": 0.0, "no": 0.0}
    for token, logprob in (candidates or {}).items():
        word = token.strip(" \n\t\"'*.").casefold()
        if word in sums:
            sums[word] += math.exp(logprob)
    total = sums["yes"] + sums["no"]
    return sums["yes"] / total if total else None


def first_candidates(found: dict[str, float]) -> OnExtra:
    """Takes a stream's probabilities and writes those of the first token's candidates into *found*, by token."""

    def take(extra: ToolCallDelta | Logprobs) -> None:
        if isinstance(extra, tuple) and extra and not found:
            found.update({other["token"]: other["logprob"] for other in extra[0].get("top_logprobs") or ()})

    return take


async def _ask(run: Run, vote: Vote, seat: Seat) -> Completion:
    messages = judge(run.query.messages, vote.outcomes[seat.place].text, vote.answers[seat.place] or "")
    found: dict[str, float] = {}
    model = run.model_of(run.executive)
    said = await run.ask(seat, messages, dict(ASKED), _unheard, model=model, on_extra=first_candidates(found))
    return replace(said, candidates=found)


def _unheard(_text: str, _pieces: int) -> None:
    """The word itself is shown to nobody: its probability is what counts."""


def _summed(said: Sequence[Completion]) -> Completion:
    prompts = [completion.prompt_tokens for completion in said if completion.prompt_tokens is not None]
    return Completion(
        prompt_tokens=sum(prompts) if prompts else None,
        completion_tokens=sum(completion.completion_tokens for completion in said),
        seconds=max(completion.seconds for completion in said),
        slot_wait=max(completion.slot_wait for completion in said),
    )
