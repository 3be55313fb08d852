"""What the answer lacks or answers otherwise, appended verbatim and attributed, within the length asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from harmonic_stack.answer.live_answer import LiveAnswer
from harmonic_stack.encoder_off_loop import OffLoop
from harmonic_stack.harmonize import (
    Differing,
    Point,
    append_points,
    coverage,
    differing_answers,
    final_answer,
    minority_points,
    tell_differing,
)
from harmonic_stack.prompts import estimate_tokens
from harmonic_stack.query import MinorityPoint, Outcome, Status
from harmonic_stack.run import Run


@dataclass(frozen=True, slots=True)
class Found:
    """The points found, and the share of them that stand in the answer (None: there were none)."""

    points: tuple[MinorityPoint, ...] = ()
    coverage: float | None = None


async def append_minority(
    run: Run, outcomes: Sequence[Outcome], base: Outcome, answer: LiveAnswer, meaning: OffLoop
) -> Found:
    """Append the points of other drafts that the answer lacks, as far as settings and the caller's limits let it.

    Drafts that are short answers are no sentences to add: those that differ from the answer's stand first, beside it.
    """
    mode = run.config.merge.minority
    drafts = [outcome for outcome in outcomes if outcome.status is Status.OK]
    if mode == "off" or run.query.sampling.has_format or len(drafts) < 2:
        return Found()
    differing = differing_answers(answer.text, [draft.text for draft in drafts])
    texts, most = [draft.text for draft in drafts], run.config.merge.points
    found = await meaning.run(
        lambda encoder: minority_points(run.query.question, answer.text, texts, encoder=encoder, most=most)
    )
    # A point that tells such an answer again is told by it.
    told = {each.answer for each in differing}
    chosen = [point for point in found if point.kept and not (told and final_answer(point.text) in told)]
    names = [str(draft.seat) for draft in drafts]
    parts = [tell_differing(each, names) for each in differing] + [append_points([point], names) for point in chosen]
    fits = _fitting(run, base, parts) if mode == "append" else [False] * len(parts)
    if any(fits):
        shown = "".join(part for part, fit in zip(parts, fits, strict=True) if fit)
        answer.write_whole(shown)
    beside = [_answered(each, names, kept=fit) for each, fit in zip(differing, fits, strict=False)]
    points = [_reported(point, names, kept=fit) for point, fit in zip(chosen, fits[len(differing) :], strict=True)]
    kept = [point for point, fit in zip(chosen, fits[len(differing) :], strict=True) if fit]
    return Found((*beside, *points), coverage(found, kept))


def _answered(found: Differing, names: Sequence[str], *, kept: bool) -> MinorityPoint:
    holders = tuple(names[place] for place in found.holders)
    return MinorityPoint(holders[0], found.text, votes=len(holders), kept=kept, holders=holders)


def _reported(point: Point, names: Sequence[str], *, kept: bool) -> MinorityPoint:
    return MinorityPoint(
        names[point.draft],
        point.text,
        round(point.relevance, 3),
        kept=kept,
        holders=tuple(names[place] for place in point.holders),
        against=None if point.against is None else point.against.text,
        evidence=None if point.against is None else point.against.evidence,
    )


def _fitting(run: Run, base: Outcome, parts: Sequence[str]) -> list[bool]:
    """Which parts still fit the caller's ``max_tokens``, whole; none where the base already ran into it."""
    limit = run.query.sampling.max_tokens
    if limit is None:
        return [True] * len(parts)
    if base.completion.finish == "length":
        return [False] * len(parts)
    left = limit - base.completion.completion_tokens
    fits: list[bool] = []
    for part in parts:
        left -= estimate_tokens(part)
        fits.append(left >= 0)
    return fits
