"""Where the cosines of an encoder that nobody measured lie: read off pairs whose likeness is known.

Thresholds were found for MiniLM (docs/merging.md, docs/ommatidia.md). Another model's cosines lie elsewhere: unrelated
sentences reach 0.02 there and 0.80 with another. A threshold is carried over at equal rank: where as large a share of
the known pairs lies above it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ommatidia.encode import Encoder, Vectors
from ommatidia.pairs import known_pairs

# Ranks at which the cosines are compared, 0..1.
_RANKS = np.linspace(0, 1, 25)
# MiniLM's cosines at those ranks, as `ranked` finds them with it (a test compares).
_MINILM = (
    -0.100, -0.044, -0.023, 0.002, 0.016, 0.038, 0.065, 0.093, 0.143, 0.168, 0.223, 0.249, 0.299,
    0.433, 0.474, 0.549, 0.591, 0.615, 0.659, 0.673, 0.693, 0.719, 0.739, 0.780, 0.804,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scale:
    """An encoder's cosines at the ranks of MiniLM's, and ``told_apart``: the chance that of a related and an unrelated
    pair the related one is more alike (AUC), 0..1; a coin reaches 0.5.
    """

    cosines: tuple[float, ...]
    told_apart: float

    def like(self, cosine: float) -> float:
        """The cosine that stands as high here as *cosine* does with MiniLM."""
        return float(np.interp(cosine, (-1, *_MINILM, 1), (-1, *self.cosines, 1)))


def as_high(encoder: Encoder, cosine: float) -> float:
    """MiniLM's *cosine* as *encoder* has it: carried over where the encoder has a ``scale``, else as it is."""
    scale: Scale | None = getattr(encoder, "scale", None)
    return cosine if scale is None else scale.like(cosine)


def known_texts() -> tuple[str, ...]:
    """The sentences whose vectors ``scale_of`` takes, in its order."""
    return known_pairs().texts


def scale_of(vectors: Vectors) -> Scale:
    """Measure the encoder that made *vectors*, float32 of shape (n, dim) and length 1, of ``known_texts``."""
    pairs = known_pairs()
    alike = vectors @ vectors.T
    related, unrelated = (_of(pair, alike) for pair in (pairs.related, pairs.unrelated))
    above = (related[:, None] > unrelated).mean() + (related[:, None] == unrelated).mean() / 2
    return Scale(ranked(vectors), float(above))


def ranked(vectors: Vectors) -> tuple[float, ...]:
    """The cosines of the known pairs at every rank, each kind of pair counting as much as another."""
    pairs = known_pairs()
    alike = vectors @ vectors.T
    kinds = [_of(kind, alike) for kind in (pairs.same, pairs.related, pairs.unrelated)]
    most = max(len(kind) for kind in kinds)
    together = np.concatenate([np.repeat(kind, most // len(kind)) for kind in kinds])
    return tuple(round(float(cosine), 4) for cosine in np.quantile(together, _RANKS))


def likeness(rows: Sequence[Sequence[float]], vectors: Vectors) -> float:
    """The least cosine of a row to its vector, both of length 1; 0.0 where they are no tables of one shape.

    Raises:
        ValueError, TypeError: *rows* is no table of numbers.
    """
    before = np.array(rows, dtype=np.float32)
    return float((before * vectors).sum(axis=1).min()) if before.shape == vectors.shape and len(before) else 0.0


def _of(pairs: Sequence[tuple[int, int]], alike: Vectors) -> Vectors:
    one, other = np.array(pairs).T
    found: Vectors = alike[one, other]
    return found
