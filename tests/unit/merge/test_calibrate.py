"""A box's own outcomes change confidence and weights once there are enough of them, and never make certain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonic_stack.harmonize import agreement_confidence
from harmonic_stack.merge.calibrate import Calibration, Told


def test_too_few_outcomes_leave_the_shipped_figure() -> None:
    known = Calibration([Told(3, 5, right=False)] * 19, least=20)
    assert known.confidence(3, 5) == agreement_confidence(3, 5)
    known.add(Told(3, 5, right=False))
    assert known.confidence(3, 5) < agreement_confidence(3, 5)
    assert known.confidence(4, 5) == agreement_confidence(4, 5)


@given(st.integers(1, 9), st.data(), st.integers(1, 500))
def test_no_run_of_outcomes_makes_a_vote_certain(asked: int, data: st.DataObject, count: int) -> None:
    votes, right = data.draw(st.integers(1, asked)), data.draw(st.integers(0, count))
    told = [Told(votes, asked, right=at < right) for at in range(count)]
    assert 0 < Calibration(told, least=1).confidence(votes, asked) < 1


def test_a_model_weighs_its_log_odds_beside_the_executives() -> None:
    drafts = {"big": (8, 10), "even": (8, 10), "small": (3, 10), "guess": (1, 20)}
    known = Calibration([Told(2, 2, right=True, drafts=drafts)] * 3, least=20)
    assert known.weight("big", "big") == 1
    assert known.weight("even", "big") == pytest.approx(1)
    small = known.weight("small", "big")
    assert small is not None
    assert 0 < small < 0.5
    assert known.weight("guess", "big") == 0
    assert known.weight("nobody", "big") is None
    assert Calibration([], least=20).weight("small", "big") is None
