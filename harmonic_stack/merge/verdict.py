"""A vote in code: when enough drafts agree, which answer won, and how far to trust it (docs/merging.md)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Rival:
    """An answer that lost: how many drafts gave it, and the place of the first that did."""

    answer: str
    votes: int
    first: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a vote ended.

    ``answer``: the one that won; None where no draft gave any. ``winner``: the place of the first draft that gave it,
    and draft 0 where none did. ``votes`` of ``asked`` drafts gave it. ``rivals``: the other answers, the strongest
    first. ``tied``: the answers that led together where the tie went to the one asked first, else empty.
    """

    answer: str | None
    winner: int
    votes: int
    asked: int
    rivals: tuple[Rival, ...] = ()
    tied: tuple[str, ...] = ()

    def settled(self, answer: str, answers: Sequence[str | None]) -> "Verdict":
        """The same vote with its tie given to *answer*; *answers* are those that were voted on."""
        given = list(answers)
        others = [each for each in dict.fromkeys(given) if each is not None and each != answer]
        rivals = [Rival(each, given.count(each), given.index(each)) for each in others]
        return replace(
            self,
            answer=answer,
            winner=given.index(answer),
            votes=given.count(answer),
            rivals=tuple(sorted(rivals, key=lambda rival: -rival.votes)),
            tied=(),
        )


def verdict(
    answers: Sequence[str | None], *, lead: int, most: int, weights: Sequence[float] | None = None
) -> Verdict | None:
    """Decide the vote on *answers*, in the order in which their drafts were asked; None: ask one more.

    1. A draft without an answer (None) counts as asked and votes for nothing.
    2. It is decided once an answer leads the next by *lead*, or *most* drafts were asked. With *weights*, one for each
       draft, sums of weights are compared; without, each draft counts 1.
    3. Of equal answers the one asked first wins: draft 0 is the plain greedy draft, better than a sampled one.

    Raises ValueError for a *lead* or *most* below 1, and for weights that do not match the answers.
    """
    if lead < 1 or most < 1:
        raise ValueError(f"lead {lead} and most {most} must be at least 1")
    if weights is not None and len(weights) != len(answers):
        raise ValueError(f"{len(weights)} weights for {len(answers)} answers")
    sums: dict[str, float] = {}
    for answer, weight in zip(answers, weights or [1.0] * len(answers), strict=True):
        if answer is not None:
            sums[answer] = sums.get(answer, 0.0) + weight
    # sorted() is stable and a dict keeps the order asked: the first of equal answers stays first.
    ranked = sorted(sums, key=lambda answer: -sums[answer])
    ahead = sums[ranked[0]] - (sums[ranked[1]] if len(ranked) > 1 else 0.0) if ranked else 0.0
    if ahead < lead and len(answers) < most:
        return None
    return _decided(answers, ranked, sums)


def _decided(answers: Sequence[str | None], ranked: Sequence[str], sums: dict[str, float]) -> Verdict:
    if not ranked:
        return Verdict(answer=None, winner=0, votes=0, asked=len(answers))
    given = list(answers)
    best, *others = ranked
    tied = tuple(answer for answer in ranked if sums[answer] == sums[best])
    return Verdict(
        answer=best,
        winner=given.index(best),
        votes=given.count(best),
        asked=len(given),
        rivals=tuple(Rival(answer, given.count(answer), given.index(answer)) for answer in others),
        tied=tied if len(tied) > 1 else (),
    )


# The share of right answers by votes for the winner (1, 2, ... of K), measured on 1,200 short-answer questions in 12
# families with one model of 1.5 billion parameters (docs/merging.md, "Confidence"). K = 1: one plain greedy draft.
_RIGHT = {
    1: (0.47,),
    2: (0.25, 0.80),
    3: (0.17, 0.64, 0.88),
    5: (0.09, 0.40, 0.65, 0.88, 0.89),
    9: (0.02, 0.24, 0.47, 0.56, 0.74, 0.83, 0.87, 0.91, 0.93),
}


def agreement_confidence(votes: int, asked: int) -> float:
    """How often an answer that *votes* of *asked* drafts gave was right when measured, 0..1.

    Between the measured sizes (1, 2, 3, 5, 9 drafts) it is interpolated, by the share of votes and then by size; above
    9 the share counts as of 9. It never says 1: drafts of one model share their errors, and agree on them.
    Raises ValueError where *votes* is not from 0 to *asked*, or *asked* is below 1.
    """
    if asked < 1 or not 0 <= votes <= asked:
        raise ValueError(f"{votes} votes of {asked} drafts asked")
    share = votes / asked
    size = min(asked, max(_RIGHT))
    below, above = max(k for k in _RIGHT if k <= size), min(k for k in _RIGHT if k >= size)
    if below == above:
        return _at(share, _RIGHT[size])
    near = (size - below) / (above - below)
    return (1 - near) * _at(share, _RIGHT[below]) + near * _at(share, _RIGHT[above])


def _at(share: float, right: Sequence[float]) -> float:
    """The row *right* read at *share* of its votes, on straight lines; 0 at a share of 0."""
    known = (0.0, *right)
    at = share * len(right)
    floor = min(int(at), len(right) - 1)
    return known[floor] + (at - floor) * (known[floor + 1] - known[floor])
