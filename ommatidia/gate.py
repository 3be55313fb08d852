"""The salience gate: which signals of a window are worth telling to all agents, and which stay on their own channel.

Salience is novelty x relevance: novelty alone would prefer whatever is off topic. The share that passes is a budget and
no law: a quarter suits windows in which about a quarter matters, so it is a setting, and what passed is recorded.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from ommatidia.encode import Vectors

Scores = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

BUDGET = 0.25  # share of a window that passes
NEAREST = 3  # neighbours that tell how new a signal is
_SAME = 1e-4  # less is rounding: an encoder gives one text slightly other vectors in other company
FLAGGED = 0.5  # added to the salience of a signal that contradicts another
RATE, MEMORY = 0.2, 0.98  # of the streaming threshold: how fast it moves, and how slowly its scale does


def salience(window: Vectors, question: Vectors, flagged: Mask | None = None) -> Scores:
    """The salience of each row of *window*, shape (n,), 0..1, and up to 1.5 where *flagged*.

    Args:
        window: unit or zero rows, float32 of shape (n, dim).
        question: float32 of shape (dim,).
        flagged: signals that disagree with another, bool of shape (n,).

    novelty = 1 - max(0, mean cosine to the three nearest others)^2; relevance = max(0, cosine to the question).
    """
    alike = window @ window.T
    np.fill_diagonal(alike, -np.inf)
    near = np.sort(alike, axis=1)[:, ::-1][:, : min(NEAREST, max(len(window) - 1, 0))]
    closeness = near.mean(axis=1) if near.shape[1] else np.zeros(len(window), dtype=np.float32)
    novelty = 1 - np.maximum(closeness, 0) ** 2
    novelty = np.where(novelty < _SAME, 0, novelty)
    scores: Scores = (novelty * np.maximum(window @ question, 0)).astype(np.float32)
    return scores if flagged is None else (scores + FLAGGED * flagged).astype(np.float32)


def broadcast(scores: Scores, budget: float = BUDGET) -> Mask:
    """Which rows pass: the ceil(budget x n) most salient, bool of shape (n,); of equal ones the earlier.

    >>> broadcast(np.array([0.1, 0.9, 0.3, 0.2], dtype=np.float32)).tolist()
    [False, True, False, False]
    """
    mask = np.zeros(len(scores), dtype=np.bool_)
    most = ceil(budget * len(scores))
    mask[np.argsort(-scores, kind="stable")[:most]] = True
    return mask


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate for signals that come one by one: a threshold that follows their scale and holds the budget.

    Whatever the scores' distribution, about *budget* of them pass; constant scores pass at most that often.
    """

    budget: float = BUDGET
    threshold: float = 0.0
    scale: float = 0.0

    @classmethod
    def seeded(cls, scores: Scores, budget: float = BUDGET) -> "Gate":
        """A gate that stands where *budget* of these salient scores would pass: for the first window of a stream.

        From a threshold of zero nearly all of a first window would pass.

        >>> Gate.seeded(np.array([0.1, 0.9, 0.3, 0.2], dtype=np.float32)).threshold > 0.29
        True
        """
        ranked = np.sort(scores)[::-1]
        most = ceil(budget * len(ranked))
        threshold = float(ranked[most]) if most < len(ranked) else 0.0
        scale = float(np.abs(ranked - threshold).mean()) if len(ranked) else 0.0
        return cls(budget, threshold, scale)

    def decide(self, score: float) -> tuple[bool, "Gate"]:
        """Whether a signal of this salience passes, and the gate after it."""
        passes = score > self.threshold
        scale = MEMORY * self.scale + (1 - MEMORY) * abs(score - self.threshold)
        return passes, Gate(self.budget, self.threshold + RATE * scale * (passes - self.budget), scale)
