"""What only one agent saw, appended to the answer verbatim and attributed, within the length the caller asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from harmonic_stack.answer.live_answer import LiveAnswer
from harmonic_stack.encoder_off_loop import OffLoop
from harmonic_stack.harmonize import Point, append_points, coverage, minority_points
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
    """Append the points of other drafts that the answer lacks, as far as settings and the caller's limits let it."""
    mode = run.config.merge.minority
    drafts = [outcome for outcome in outcomes if outcome.status is Status.OK]
    if mode == "off" or run.query.sampling.has_format or len(drafts) < 2:
        return Found()
    texts, most = [draft.text for draft in drafts], run.config.merge.points
    found = await meaning.run(
        lambda encoder: minority_points(run.query.question, answer.text, texts, encoder=encoder, most=most)
    )
    chosen = [point for point in found if point.kept]
    names = [str(draft.seat) for draft in drafts]
    shown = _fitting(run, base, names, chosen) if mode == "append" else []
    if shown:
        answer.write(_until_stop(append_points(shown, names), run.query.sampling.stop))
    points = tuple(_reported(point, names, kept=point in shown) for point in chosen)
    return Found(points, coverage(found, shown))


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


def _fitting(run: Run, base: Outcome, names: Sequence[str], points: Sequence[Point]) -> list[Point]:
    """The whole points that still fit the caller's ``max_tokens``; none where the base already ran into it."""
    limit = run.query.sampling.max_tokens
    if limit is None:
        return list(points)
    if base.completion.finish == "length":
        return []
    left = limit - base.completion.completion_tokens
    shown: list[Point] = []
    for point in points:
        left -= estimate_tokens(append_points([point], names))
        if left >= 0:
            shown.append(point)
    return shown


def _until_stop(text: str, stop: Sequence[str]) -> str:
    places = [place for word in stop if word and (place := text.find(word)) >= 0]
    return text[: min(places)] if places else text
