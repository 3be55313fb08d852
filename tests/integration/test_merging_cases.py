"""Drafts of a real model with known answers: the merge is better than the first draft, and keeps what one draft saw.

The folder of cases is named by HARMONIC_MERGING_CASES; docs/merging.md holds the figures as measured.
"""

import os
import statistics
from pathlib import Path

import pytest

from harmonic_stack.harmonize import closed_question, final_answer
from ommatidia import Cached, Encoder, Hash512, best_encoder
from tests.bench.merging import Case, extract, load, replay, retain


@pytest.fixture(scope="module")
def folder() -> Path:
    named = os.environ.get("HARMONIC_MERGING_CASES")
    if not named:
        if os.environ.get("HARMONIC_REQUIRE_ALL") == "1":
            pytest.fail("HARMONIC_MERGING_CASES names no folder of cases, and HARMONIC_REQUIRE_ALL=1")
        pytest.skip("HARMONIC_MERGING_CASES names no folder of cases")
    return Path(named)


@pytest.fixture(scope="module")
def closed(folder: Path) -> list[Case]:
    return load(folder / "closed.jsonl.gz")


@pytest.fixture(scope="module")
def opened(folder: Path) -> list[Case]:
    return load(folder / "open.jsonl.gz")


@pytest.mark.parametrize(("lead", "most", "right", "asked"), [(3, 9, 0.60, 6.8), (2, 5, 0.555, 3.8)])
def test_the_vote_beats_the_first_draft(closed: list[Case], lead: int, most: int, right: float, asked: float) -> None:
    answers = extract(closed)
    votes = replay(closed, answers, lead=lead, most=most)
    first = replay(closed, answers, lead=1, most=1)
    assert statistics.mean(votes.right) >= right
    assert statistics.mean(votes.right) >= statistics.mean(first.right) + 0.03
    assert statistics.mean(votes.asked) <= asked


def test_no_family_is_worse_for_the_vote(closed: list[Case]) -> None:
    for family in {case["family"] for case in closed}:
        cases = [case for case in closed if case["family"] == family]
        answers = extract(cases)
        voted, first = (replay(cases, answers, lead=lead, most=most) for lead, most in ((3, 9), (1, 1)))
        assert sum(voted.right) >= sum(first.right), family


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "fact"), [(Hash512(), 0.87), (best_encoder(), 0.89)])
def test_a_planted_fact_reaches_the_answer_and_off_topic_hardly_ever_does(
    opened: list[Case], encoder: Encoder, fact: float
) -> None:
    found = retain(opened, Cached(encoder, 20_000))
    assert statistics.mean(found.fact) >= fact
    assert statistics.mean(found.off_topic) <= 0.06
    assert statistics.mean(found.points) <= 2.2


def test_every_question_is_told_for_what_it_is(closed: list[Case], opened: list[Case]) -> None:
    assert [case["question"] for case in closed if not closed_question(case["question"])] == []
    assert [case["question"] for case in opened if closed_question(case["question"])] == []


def test_an_open_draft_has_no_short_answer(opened: list[Case]) -> None:
    for case in opened:
        for draft in case["drafts"]:
            assert final_answer(draft) is None
            assert final_answer(draft, case["question"]) is None
