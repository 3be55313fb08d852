"""Contradictions are flagged with their evidence; what merely differs is not."""

import pytest

from harmonic_stack.merge.contradiction import contradiction, contradictions

FLAGGED = [
    ("The hive holds 12 frames.", "The hive holds 4 frames.", "12 vs 4"),
    ("The museum opens at 9 on Sundays.", "On Sundays the museum opens at 10.", "9 vs 10"),
    ("Basil survives a frost.", "Basil does not survive a frost.", "not"),
    ("The pool isn't heated in winter.", "The pool is heated in winter.", "not"),
    ("Peter Krogh made the rule popular in 2005.", "The rule was made popular in 1995 by Peter Krogh.", "2005 vs 1995"),
]
FINE = [
    ("The hive holds 12 frames.", "The hive holds 12 frames in summer."),
    ("The hive holds 12 frames.", "The barn holds 4 horses."),
    ("Oslo has 12 museums.", "Bergen has 4 museums."),
    ("The garden is 12 m long.", "The garden is 4 m wide and 12 m long."),
    ("Basil survives a frost.", "Basil likes sun."),
    ("Not only basil survives frost.", "Basil survives frost."),
    ("Schedule backups so that photos are not lost.", "Schedule backups of photos that might be lost."),
    ("", "Basil survives a frost."),
]


@pytest.mark.parametrize(("one", "other", "evidence"), FLAGGED)
def test_a_contradiction_is_flagged_both_ways_with_its_evidence(one: str, other: str, evidence: str) -> None:
    flag, back = contradiction(one, other), contradiction(other, one)
    assert flag is not None
    assert flag.evidence == evidence
    assert back is not None
    assert set(back.evidence.split(" vs ")) == set(evidence.split(" vs "))


@pytest.mark.parametrize(("one", "other"), FINE)
def test_what_merely_differs_is_not_flagged(one: str, other: str) -> None:
    assert contradiction(one, other) is None


def test_a_sentence_never_contradicts_itself_and_pairs_are_told_by_place() -> None:
    said = [one for one, _, _ in FLAGGED]
    assert all(contradiction(text, text) is None for text in said)
    assert [(a, b) for a, b, _ in contradictions(said, [other for _, other, _ in FLAGGED])] == [
        (at, at) for at in range(len(FLAGGED))
    ]
