"""Vectors of any width at another: by a seeded matrix with orthonormal rows, so that likeness is kept."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from ommatidia.encode import Vectors
from ommatidia.errors import BadFrame

WIDTH = 128  # of a session's state
WIDEST = 512  # of the vectors that an engine's embedding model is compared by: 516 bytes a frame
# Numbers of a vector that is taken at all: four times the widest model that we know of. The matrix grows with it.
_MOST = 16_384


def project(vectors: Vectors, seed: int = 0, *, width: int = WIDTH) -> Vectors:
    """Rows of shape (n, any) as float32 of shape (n, *width*), at length 1; a row of zeros stays one.

    Rows of *width* keep their direction. From others cosines scatter, the more the narrower: what 128 cost MiniLM is
    told in docs/ommatidia.md.

    Raises:
        BadFrame: the rows are not a table of finite numbers, or have more than 16,384.
    """
    if vectors.ndim != 2 or not 0 < vectors.shape[1] <= _MOST or not np.isfinite(vectors).all():
        raise BadFrame("vec", f"not rows of 1 to {_MOST} finite numbers")
    own = vectors.shape[1]
    placed = vectors if own == width else vectors @ projection(own, seed, to=width).T
    lengths = np.linalg.norm(placed, axis=1, keepdims=True)
    found: Vectors = (placed / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return found


def from_engine(
    texts: Sequence[str], answered: Sequence[Sequence[float]], seed: int = 0, *, unasked: int = WIDEST
) -> Vectors:
    """What an engine *answered* for those *texts* that are not white space, as float32 of shape (n, width).

    The width is the model's own where it is at most 512; wider vectors are projected to 512. It is *unasked* where all
    texts are white space. Rows have length 1; those of white space are zeros.

    Raises:
        BadFrame: there is another number of vectors, or they are no vectors of one width.
    """
    asked = [at for at, text in enumerate(texts) if text.strip()]
    if len(answered) != len(asked):
        raise BadFrame("vec", f"{len(answered)} vectors for {len(asked)} texts")
    if not asked:
        return np.zeros((len(texts), unasked), dtype=np.float32)
    try:
        rows = np.array(answered, dtype=np.float32)
    except (TypeError, ValueError) as broken:
        raise BadFrame("vec", "not vectors of one width") from broken
    placed = project(rows, seed, width=min(rows.shape[-1] if rows.ndim else 0, WIDEST))
    vectors = np.zeros((len(texts), placed.shape[1]), dtype=np.float32)
    vectors[asked] = placed
    return vectors


@cache
def projection(width: int, seed: int = 0, *, to: int = WIDTH) -> Vectors:
    """Read-only float32 of shape (*to*, *width*): rows of a random orthogonal basis.

    Scaled so that lengths are kept on average (Johnson, Lindenstrauss 1984).
    """
    random = np.random.default_rng([width, seed] if seed else width).standard_normal((max(width, to), to))
    basis, _ = np.linalg.qr(random)
    rows: Vectors = (basis.T[:, :width] * np.sqrt(max(width, to) / to)).astype(np.float32)
    rows.setflags(write=False)
    return rows
