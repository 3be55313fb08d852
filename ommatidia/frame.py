"""A frame: one text as other agents perceive it, small enough to ride along with every signal."""

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ommatidia.encode import Encoder, Vectors
from ommatidia.errors import BadFrame, EncoderMismatch
from ommatidia.signature import MOST_NAMES, MOST_NUMBERS, MOST_STEMS, Signature, signature

VERSION = 1
WIDEST = 4096  # no encoder of ours is wider; a longer vector is a damaged or hostile frame
_STEPS = 127  # int8 without -128, so that the sign of a vector can be turned


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A text's vector and signature, versioned and typed. The text is the record; a frame is a cache made from it.

    ``vec`` is int8, read-only; times ``scale`` (float32) it is the encoder's vector to within half a scale per entry.
    """

    enc: str
    seed: int
    vec: npt.NDArray[np.int8]
    scale: np.float32
    sig: Signature
    v: int = VERSION

    @property
    def space(self) -> str:
        """The encoder, its seed and its width: frames are comparable where this is equal."""
        return f"{self.enc}/{self.seed}/{len(self.vec)}"

    def vector(self) -> Vectors:
        """The vector as float32 of shape (dim,)."""
        return self.vec.astype(np.float32) * self.scale

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Frame):
            return NotImplemented
        return self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.space, self.vec.tobytes()))

    def to_json(self) -> dict[str, Any]:
        """A dictionary of plain values; the vector is base64 of its bytes."""
        return {
            "v": self.v,
            "enc": self.enc,
            "seed": self.seed,
            "dim": len(self.vec),
            "vec": base64.b64encode(self.vec.tobytes()).decode("ascii"),
            "scale": float(self.scale),
            "sig": {
                "nums": list(self.sig.nums),
                "neg": self.sig.neg,
                "stems": list(self.sig.stems),
                "names": list(self.sig.names),
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Frame":
        """Read a frame back; raises BadFrame naming the first field that is not what a frame has."""
        if _whole(data, "v") != VERSION:
            raise BadFrame("v", f"version {data['v']} is not {VERSION}")
        enc = data.get("enc")
        if not isinstance(enc, str) or not 0 < len(enc) <= 100:
            raise BadFrame("enc", "not an encoder's name")
        scale = data.get("scale")
        # Vectors have length 1, so no step is longer; a NaN fails the comparison too.
        if isinstance(scale, bool) or not isinstance(scale, int | float) or not 0 <= scale <= 1:
            raise BadFrame("scale", "not a number from 0 to 1")
        return cls(enc, _whole(data, "seed"), _read_vector(data), np.float32(scale), _read_signature(data.get("sig")))


def frame_of(text: str, encoder: Encoder) -> Frame:
    """Frame one text."""
    return frames_of([text], encoder)[0]


def frames_of(texts: Sequence[str], encoder: Encoder) -> list[Frame]:
    """Frame *texts* in one call of the encoder."""
    seed: int = getattr(encoder, "seed", 0)
    return [
        Frame(encoder.tag, seed, *_quantise(vector), signature(text))
        for text, vector in zip(texts, encoder.encode(texts), strict=True)
    ]


def stack(frames: Sequence[Frame]) -> Vectors:
    """The vectors of *frames* as float32 of shape (n, dim); raises EncoderMismatch where two differ in space."""
    for frame in frames[1:]:
        if frame.space != frames[0].space:
            raise EncoderMismatch(frames[0].space, frame.space)
    return np.stack([frame.vector() for frame in frames]) if frames else np.zeros((0, 0), dtype=np.float32)


def _quantise(vector: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], np.float32]:
    largest = float(np.max(np.abs(vector), initial=0.0))
    scale = np.float32(largest / _STEPS)
    vec = np.zeros(vector.shape, dtype=np.int8) if scale == 0 else np.rint(vector / scale).astype(np.int8)
    vec.setflags(write=False)
    return vec, scale


def _whole(data: Mapping[str, Any], field: str) -> int:
    value = data.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise BadFrame(field, "not a whole number of 64 bits")
    return value


def _read_vector(data: Mapping[str, Any]) -> npt.NDArray[np.int8]:
    dim, packed = _whole(data, "dim"), data.get("vec")
    if not 0 < dim <= WIDEST:
        raise BadFrame("dim", f"{dim} is not between 1 and {WIDEST}")
    if not isinstance(packed, str) or len(packed) != 4 * math.ceil(dim / 3):
        raise BadFrame("vec", f"not base64 of {dim} bytes")
    try:
        raw = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError) as broken:
        raise BadFrame("vec", "not base64") from broken
    if len(raw) != dim:
        raise BadFrame("vec", f"{len(raw)} bytes where dim says {dim}")
    return np.frombuffer(raw, dtype=np.int8)


def _read_signature(data: object) -> Signature:
    if not isinstance(data, Mapping):
        raise BadFrame("sig", "not an object")
    if not isinstance(data.get("neg"), bool):
        raise BadFrame("sig.neg", "not true or false")
    return Signature(
        _read_words(data, "nums", MOST_NUMBERS),
        data["neg"],
        _read_words(data, "stems", MOST_STEMS),
        _read_words(data, "names", MOST_NAMES),
    )


def _read_words(data: Mapping[str, Any], field: str, most: int) -> tuple[str, ...]:
    words = data.get(field)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise BadFrame(f"sig.{field}", "not a list of strings")
    if len(words) > most:
        raise BadFrame(f"sig.{field}", f"{len(words)} entries, at most {most}")
    return tuple(words)
