"""Frames: small, versioned, read back exactly, never compared across encoders."""

import json
from typing import Any

import numpy as np
import pytest

from ommatidia import BadFrame, EncoderMismatch, Frame, Hash512, frame_of, similarity

TEXT = "The Betz limit is 59.3 percent of the energy of the wind."


def frame(seed: int = 0) -> Frame:
    return frame_of(TEXT, Hash512(seed))


def test_a_frame_keeps_the_vector_to_within_half_a_step() -> None:
    kept, vector = frame(), Hash512().encode([TEXT])[0]
    assert np.max(np.abs(kept.vector() - vector)) <= kept.scale / 2 + 1e-6
    assert similarity(kept, kept) == pytest.approx(1)


def test_a_frame_is_read_back_exactly() -> None:
    assert Frame.from_json(json.loads(json.dumps(frame().to_json()))) == frame()


def test_a_frame_is_small() -> None:
    assert frame().vec.nbytes == 512
    assert len(json.dumps(frame().to_json())) < 1200


def test_a_frame_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        frame().vec[0] = 1


def test_frames_of_two_encoders_are_never_compared() -> None:
    with pytest.raises(EncoderMismatch) as refusal:
        similarity(frame(seed=0), frame(seed=1))
    assert (refusal.value.a, refusal.value.b) == ("hash512-2/0/512", "hash512-2/1/512")


def test_an_empty_text_has_a_frame_that_is_like_nothing() -> None:
    empty = frame_of("", Hash512())
    assert similarity(empty, frame()) == 0
    assert Frame.from_json(empty.to_json()) == empty


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("v", 2, "v"),
        ("v", None, "v"),
        ("enc", "", "enc"),
        ("enc", 5, "enc"),
        ("seed", "0", "seed"),
        ("seed", True, "seed"),
        ("dim", 0, "dim"),
        ("dim", 10**9, "dim"),
        ("dim", 510, "vec"),
        ("vec", "AAAA", "vec"),
        ("vec", "!" * 684, "vec"),
        ("vec", 7, "vec"),
        ("scale", -1.0, "scale"),
        ("scale", float("nan"), "scale"),
        ("scale", float("inf"), "scale"),
        ("scale", "1", "scale"),
        ("sig", None, "sig"),
        ("sig", {"nums": [], "neg": 0, "stems": [], "names": []}, "sig.neg"),
        ("sig", {"nums": [1], "neg": False, "stems": [], "names": []}, "sig.nums"),
        ("sig", {"nums": [], "neg": False, "stems": ["s"] * 33, "names": []}, "sig.stems"),
        ("sig", {"nums": [], "neg": False, "stems": []}, "sig.names"),
    ],
)
def test_a_damaged_frame_is_refused_by_its_field(field: str, value: Any, named: str) -> None:
    with pytest.raises(BadFrame) as refusal:
        Frame.from_json({**frame().to_json(), field: value})
    assert refusal.value.field == named


def test_a_frame_that_lacks_everything_is_refused() -> None:
    with pytest.raises(BadFrame):
        Frame.from_json({})
