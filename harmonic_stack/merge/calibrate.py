"""What this box's own outcomes say: how far to trust a vote, and how much a model's draft weighs (pure)."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harmonic_stack.merge.verdict import agreement_confidence

# The shipped table counts as so many outcomes beside the box's own: one lucky run must not make a vote certain.
_PRIOR = 8
# A short answer guessed: the measured weights took one in ten (docs/merging.md).
_CHANCE = 0.1


@dataclass(frozen=True, slots=True)
class Told:
    """One outcome: so many votes of so many drafts, whether the answer was right, and each model's drafts.

    ``drafts``: by model, how many were right of how many. Drafts of a wrong vote count as wrong, whatever they said.
    """

    votes: int
    asked: int
    right: bool
    drafts: Mapping[str, tuple[int, int]] = field(default_factory=dict)


class Calibration:
    """Counts of outcomes, and the figures that follow once there are enough of them."""

    def __init__(self, outcomes: Iterable[Told] = (), *, least: int = 20) -> None:
        """*least*: outcomes of a cell, or drafts of a model, before they count."""
        self._least = least
        self._cells: dict[tuple[int, int], tuple[int, int]] = {}
        self._models: dict[str, tuple[int, int]] = {}
        for outcome in outcomes:
            self.add(outcome)

    def add(self, outcome: Told) -> None:
        """Count one more."""
        cell = outcome.votes, outcome.asked
        right, count = self._cells.get(cell, (0, 0))
        self._cells[cell] = right + outcome.right, count + 1
        for model, (good, asked) in outcome.drafts.items():
            before = self._models.get(model, (0, 0))
            self._models[model] = before[0] + good, before[1] + asked

    def confidence(self, votes: int, asked: int) -> float:
        """How often such votes were right, 0..1 and never 1: as shipped, or as measured here from *least* on.

        The measured share is smoothed towards the shipped one as if that were 8 outcomes more.
        """
        shipped = agreement_confidence(votes, asked)
        right, count = self._cells.get((votes, asked), (0, 0))
        return shipped if count < self._least else (right + _PRIOR * shipped) / (count + _PRIOR)

    def weight(self, model: str, executive: str) -> float | None:
        """What a draft of *model* weighs in a vote where one of the *executive* model weighs 1; None: not known yet.

        logit(accuracy) - logit(chance), never below 0: a model that only guesses has no vote.
        """
        if model == executive:
            return 1.0
        own, best = self._log_odds(model), self._log_odds(executive)
        if own is None or best is None:
            return None
        return max(own, 0.0) / best if best > 0 else 1.0

    def _log_odds(self, model: str) -> float | None:
        right, count = self._models.get(model, (0, 0))
        if count < self._least:
            return None
        share = (right + 0.5) / (count + 1)
        return math.log(share / (1 - share)) - math.log(_CHANCE / (1 - _CHANCE))
