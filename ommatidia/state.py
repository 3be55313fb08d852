"""A session's state: three exponential averages of its frames, on three timescales, in 1,536 bytes.

Plain averages: feeding one level's error to the next spans the same space for any linear reader, and reads back worse.
Forgetting is zeros: a state that was reset and fed again is byte for byte that of a fresh one.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ommatidia.encode import Vectors
from ommatidia.errors import BadFrame
from ommatidia.projection import WIDTH, projection

Levels = npt.NDArray[np.float32]

TAUS = (4.0, 32.0, 128.0)  # turns: current topic, session, across sessions
# A surprise this many standard deviations above its running mean is a spike.
SPIKE = 3.0
_FOLLOW = 1 / 16
_TINY = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """``levels``: float32 of shape (3, 128), read-only. ``turns``: frames taken. ``mean``, ``var``: of the surprise."""

    levels: Levels
    turns: int = 0
    mean: float = 0.0
    var: float = 0.0

    @classmethod
    def fresh(cls) -> "State":
        """The state of a session that said nothing."""
        return cls(_frozen(np.zeros((len(TAUS), WIDTH), dtype=np.float32)))

    def after(self, vector: Vectors) -> tuple["State", "Surprise"]:
        """The state after one frame of shape (128,), and how much that frame surprised it.

        h_k <- h_k + (1 - exp(-1 / tau_k)) (x - h_k); surprise_k = |x - h_k| / (|x| + |h_k|), before the update, 0..1.

        Raises:
            BadFrame: the vector has another width, or holds what is no finite number.
        """
        if vector.shape != (WIDTH,) or not np.isfinite(vector).all():
            raise BadFrame("vec", f"a state takes {WIDTH} finite numbers")
        levels = self.levels + _steps()[:, None] * (vector - self.levels)
        lengths = np.linalg.norm(vector) + np.linalg.norm(self.levels, axis=1)
        surprise = np.linalg.norm(vector - self.levels, axis=1) / np.maximum(lengths, _TINY)
        fast = float(surprise[0])
        spike = self.turns >= len(TAUS) and fast > self.mean + SPIKE * max(self.var, _TINY) ** 0.5
        off = fast - self.mean
        known = State(
            _frozen(levels.astype(np.float32)),
            self.turns + 1,
            self.mean + _FOLLOW * off,
            (1 - _FOLLOW) * (self.var + _FOLLOW * off * off),
        )
        return known, Surprise(tuple(float(each) for each in surprise), spike)

    def census(self) -> dict[str, object]:
        """What the state holds, for a person to look at: turns, bytes, and each level's length and timescale."""
        lengths = np.linalg.norm(self.levels, axis=1)
        return {
            "turns": self.turns,
            "bytes": self.levels.nbytes,
            "levels": [
                {"tau": tau, "length": round(float(length), 4)} for tau, length in zip(TAUS, lengths, strict=True)
            ],
            "surprise_mean": round(self.mean, 4),
            "surprise_sd": round(self.var**0.5, 4),
        }

    def to_bytes(self) -> bytes:
        """The levels as 1,536 bytes, little-endian."""
        return self.levels.astype("<f4").tobytes()

    def to_json(self) -> dict[str, object]:
        """All of it as plain values; the levels are base64 of their bytes."""
        packed = base64.b64encode(self.to_bytes()).decode("ascii")
        return {"levels": packed, "turns": self.turns, "mean": self.mean, "var": self.var}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "State":
        """Read a state back; raises BadFrame naming the first field that is not what a state has."""
        try:
            raw = base64.b64decode(data["levels"], validate=True)
            turns, mean, var = int(data["turns"]), float(data["mean"]), float(data["var"])
        except (KeyError, TypeError, ValueError) as broken:
            raise BadFrame("state", "not a state") from broken
        if len(raw) != 4 * len(TAUS) * WIDTH or turns < 0 or not np.isfinite([mean, var]).all():
            raise BadFrame("state", f"not {4 * len(TAUS) * WIDTH} bytes with finite figures")
        return cls(_frozen(np.frombuffer(raw, "<f4").reshape(len(TAUS), WIDTH).astype(np.float32)), turns, mean, var)


@dataclass(frozen=True, slots=True)
class Surprise:
    """How far a frame stood from each level, 0..1; ``spike``: far more than this session's frames use to."""

    levels: tuple[float, ...]
    spike: bool


def projected(vector: Vectors) -> Vectors:
    """*vector* of any width at the state's 128: by a seeded matrix with orthonormal rows, so that likeness is kept."""
    if len(vector) == WIDTH:
        return vector
    found: Vectors = (projection(len(vector)) @ vector).astype(np.float32)
    return found


@cache
def _steps() -> Levels:
    return _frozen((1 - np.exp(-1 / np.array(TAUS))).astype(np.float32))


def _frozen(array: Levels) -> Levels:
    array.setflags(write=False)
    return array
