"""How drafts relate: what is new in each, what is to the point, and how alike they are.

All three take unit or zero rows, float32 of shape (n, dim), and never divide by zero. Novelty alone prefers whatever is
off topic: use novelty x relevance. Likeness is of text: cosine is blind to contradiction.
"""

import numpy as np
import numpy.typing as npt

from ommatidia.encode import Vectors
from ommatidia.frame import Frame, stack

Figures = npt.NDArray[np.float32]

# Added to the diagonal, so that drafts that repeat each other do not make the system singular; it moves a novelty by no
# more than itself times the number of drafts.
_RIDGE = 1e-6


def agreement(vectors: Vectors) -> Figures:
    """The cosine of each pair, shape (n, n), in -1..1; a row of zeros agrees with nothing, itself included."""
    figures: Figures = np.clip(vectors @ vectors.T, -1.0, 1.0)
    return figures


def novelty(vectors: Vectors) -> Figures:
    """The share of each row that its peers do not span, shape (n,), in 0..1: 1 - |Q^T x|^2, Q a basis of the others.

    A row alone is all new; a repeated row is not new at all; a row of zeros says nothing, so it is not new either.
    """
    if not len(vectors):
        return np.zeros(0, dtype=np.float32)
    # The residual of row i after projecting it on all others is 1 / (G^-1)_ii, G being the matrix of inner products:
    # one inversion for all rows, where a basis for each row would take n decompositions.
    gram = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    inverse = np.linalg.inv(gram + _RIDGE * np.eye(len(gram)))
    return np.clip(1.0 / np.diag(inverse) - _RIDGE, 0.0, 1.0).astype(np.float32)


def relevance(vectors: Vectors, question: Vectors) -> Figures:
    """How far each row is to the point, shape (n,): cosine to *question* (dim,) plus mean cosine to the others."""
    alike = agreement(vectors)
    others = max(len(vectors) - 1, 1)
    figures: Figures = vectors @ question + (alike.sum(axis=1) - np.diag(alike)) / np.float32(others)
    return figures


def similarity(a: Frame, b: Frame) -> float:
    """The cosine of two frames, 0 where one is empty; raises EncoderMismatch where their encoders differ."""
    one, other = stack([a, b])
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else 0.0
