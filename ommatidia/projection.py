"""Vectors of any width at one width: by a seeded matrix with orthonormal rows, so that likeness is kept."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from ommatidia.encode import Vectors
from ommatidia.errors import BadFrame

WIDTH = 128  # of a session's state, and of the frames of an engine's embedding model


def project(vectors: Vectors, seed: int = 0) -> Vectors:
    """Rows of shape (n, any) as float32 of shape (n, 128), at length 1; a row of zeros stays one.

    Rows of 128 keep their direction. MiniLM at 128 told as much apart as at 384 (AUC 0.976 for 0.977), but its cosines
    scatter, so thresholds made at full width no longer hold.

    Raises:
        BadFrame: the rows are not a table of finite numbers.
    """
    if vectors.ndim != 2 or not vectors.shape[1] or not np.isfinite(vectors).all():
        raise BadFrame("vec", "not rows of finite numbers")
    width = vectors.shape[1]
    placed = vectors if width == WIDTH else vectors @ projection(width, seed).T
    lengths = np.linalg.norm(placed, axis=1, keepdims=True)
    found: Vectors = (placed / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return found


def from_engine(texts: Sequence[str], answered: Sequence[Sequence[float]], seed: int = 0) -> Vectors:
    """What an engine *answered* for those *texts* that are not white space, as float32 of shape (n, 128).

    Rows have length 1; those of white space are zeros.

    Raises:
        BadFrame: there is another number of vectors, or they are no vectors of one width.
    """
    asked = [at for at, text in enumerate(texts) if text.strip()]
    if len(answered) != len(asked):
        raise BadFrame("vec", f"{len(answered)} vectors for {len(asked)} texts")
    vectors = np.zeros((len(texts), WIDTH), dtype=np.float32)
    if asked:
        try:
            rows = np.array(answered, dtype=np.float32)
        except (TypeError, ValueError) as broken:
            raise BadFrame("vec", "not vectors of one width") from broken
        vectors[asked] = project(rows, seed)
    return vectors


@cache
def projection(width: int, seed: int = 0) -> Vectors:
    """Read-only float32 of shape (128, *width*): rows of a random orthogonal basis.

    Scaled so that lengths are kept on average (Johnson, Lindenstrauss 1984).
    """
    random = np.random.default_rng([width, seed] if seed else width).standard_normal((max(width, WIDTH), WIDTH))
    basis, _ = np.linalg.qr(random)
    rows: Vectors = (basis.T[:, :width] * np.sqrt(max(width, WIDTH) / WIDTH)).astype(np.float32)
    rows.setflags(write=False)
    return rows
