"""The vote: in the order asked, by lead or by number, ties to the one asked first."""

import pytest

from harmonic_stack.harmonize import Rival, Verdict, agreement_confidence, verdict


def test_one_answer_is_not_enough_to_lead_by_two() -> None:
    assert verdict(["14"], lead=2, most=5) is None


def test_two_that_agree_decide() -> None:
    assert verdict(["14", "14"], lead=2, most=5) == Verdict(answer="14", winner=0, votes=2, asked=2)


def test_a_draft_without_an_answer_is_asked_but_votes_for_nothing() -> None:
    assert verdict([None, "14", None, "14"], lead=2, most=9) == Verdict(answer="14", winner=1, votes=2, asked=4)


def test_the_last_draft_decides_by_majority() -> None:
    found = verdict(["a", "b", "b", "a", "b"], lead=2, most=5)
    assert found == Verdict(answer="b", winner=1, votes=3, asked=5, rivals=(Rival("a", 2, 0),))


def test_a_tie_goes_to_the_answer_asked_first() -> None:
    found = verdict(["c", "b", "a", "b", "a"], lead=2, most=5)
    assert found is not None
    assert (found.answer, found.winner, found.tied) == ("b", 1, ("b", "a"))


def test_rivals_are_listed_the_strongest_first() -> None:
    found = verdict(["x", "y", "z", "z", "w", "w", "w"], lead=9, most=7)
    assert found is not None
    assert found.rivals == (Rival("z", 2, 2), Rival("x", 1, 0), Rival("y", 1, 1))


def test_no_answer_at_all_leaves_the_first_draft() -> None:
    assert verdict([None, None], lead=2, most=2) == Verdict(answer=None, winner=0, votes=0, asked=2)
    assert verdict([None], lead=1, most=2) is None
    assert verdict([], lead=1, most=1) is None


def test_weights_are_compared_by_their_sums() -> None:
    found = verdict(["weak", "weak", "strong"], lead=2, most=3, weights=[0.5, 0.5, 3.0])
    assert found is not None
    assert (found.answer, found.votes) == ("strong", 1)


def test_a_weighted_lead_stops_early() -> None:
    assert verdict(["a", "b"], lead=2, most=9, weights=[1.0, 2.5]) is None
    assert verdict(["a", "b"], lead=2, most=9, weights=[1.0, 3.0]) is not None


@pytest.mark.parametrize(("lead", "most"), [(0, 5), (2, 0)])
def test_a_rule_that_never_asks_is_refused(lead: int, most: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        verdict(["a"], lead=lead, most=most)


def test_weights_must_match_the_answers() -> None:
    with pytest.raises(ValueError, match="2 weights for 1 answers"):
        verdict(["a"], lead=1, most=1, weights=[1.0, 1.0])


@pytest.mark.parametrize(
    ("votes", "asked", "measured"), [(2, 2, 0.80), (3, 5, 0.65), (5, 5, 0.89), (7, 9, 0.87), (1, 1, 0.47)]
)
def test_confidence_is_the_share_that_was_right_when_measured(votes: int, asked: int, measured: float) -> None:
    assert agreement_confidence(votes, asked) == pytest.approx(measured)


def test_confidence_between_measured_sizes_lies_between_them() -> None:
    assert agreement_confidence(2, 3) < agreement_confidence(3, 4) < agreement_confidence(4, 5)


@pytest.mark.parametrize(("votes", "asked"), [(3, 2), (-1, 2), (0, 0)])
def test_impossible_votes_are_refused(votes: int, asked: int) -> None:
    with pytest.raises(ValueError, match="drafts asked"):
        agreement_confidence(votes, asked)
