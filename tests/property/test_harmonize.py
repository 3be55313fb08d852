"""What holds for every vote, every written answer, and every set of drafts."""

import string
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harmonic_stack.harmonize import (
    agreement_confidence,
    append_points,
    canonical,
    closed_question,
    coverage,
    final_answer,
    minority_points,
    verdict,
)

answers = st.lists(st.none() | st.sampled_from("abcd"), max_size=12)
rules = {"lead": st.integers(1, 4), "most": st.integers(1, 12)}
WORDS = "wind turbine blade energy Betz 59 percent Mars moon power coil the of is makes"
words = st.sampled_from(WORDS.split())
drafts = st.lists(
    st.lists(words, max_size=25).map(lambda said: " ".join(said).capitalize() + "."), min_size=1, max_size=5
)


@given(answers, rules["lead"], rules["most"])
def test_a_vote_stops_as_soon_as_and_only_when_its_rule_says(
    given_answers: list[str | None], lead: int, most: int
) -> None:
    votes = sorted(Counter(answer for answer in given_answers if answer is not None).values(), reverse=True)
    ahead = votes[0] - (votes[1] if len(votes) > 1 else 0) if votes else 0
    found = verdict(given_answers, lead=lead, most=most)
    assert (found is not None) == (ahead >= lead or len(given_answers) >= most)


@given(answers, rules["lead"], rules["most"])
def test_the_winner_has_the_most_votes_and_was_asked_first_among_equals(
    given_answers: list[str | None], lead: int, most: int
) -> None:
    found = verdict(given_answers, lead=lead, most=most)
    if found is None or found.answer is None:
        return
    counts = Counter(answer for answer in given_answers if answer is not None)
    best = max(counts.values())
    assert found.votes == counts[found.answer] == best
    assert found.winner == min(given_answers.index(answer) for answer, votes in counts.items() if votes == best)
    assert given_answers[found.winner] == found.answer
    assert found.asked == len(given_answers)
    assert {rival.answer: rival.votes for rival in found.rivals} == counts - Counter({found.answer: best})


@given(answers, rules["lead"], rules["most"])
def test_equal_weights_change_nothing(given_answers: list[str | None], lead: int, most: int) -> None:
    weighted = verdict(given_answers, lead=lead, most=most, weights=[1.0] * len(given_answers))
    assert weighted == verdict(given_answers, lead=lead, most=most)


@given(st.integers(1, 20), st.data())
def test_more_votes_never_mean_less_confidence_and_none_is_certain(asked: int, data: st.DataObject) -> None:
    votes = data.draw(st.integers(0, asked - 1))
    assert 0 <= agreement_confidence(votes, asked) <= agreement_confidence(votes + 1, asked) < 1


@given(st.integers(-(10**9), 10**9), st.integers(0, 4), st.sampled_from(["", " apples", "%", " km/h", " EUR"]))
def test_a_number_is_the_same_however_it_is_written(whole: int, zeros: int, unit: str) -> None:
    tail = "." + "0" * zeros if zeros else ""
    for written in (
        f"{whole}{tail}{unit}",
        f"{whole:,}{tail}{unit}",
        f"\\boxed{{{whole}{tail}}}",
        f"**{whole}{tail}{unit}**.",
    ):
        assert canonical(written) == str(whole)


@given(st.text(max_size=120))
def test_the_canonical_form_is_a_fixed_point(text: str) -> None:
    found = canonical(text)
    if found is not None:
        assert canonical(found) == found


@given(
    st.integers(-999, 999),
    st.sampled_from(["Answer: {}", "**Answer:** {}", "The final answer is {}.", "So \\boxed{{{}}}."]),
)
def test_an_answer_is_found_after_any_reasoning(value: int, form: str) -> None:
    reasoning = "First, 3 + 4 = 7.\nThen we multiply 7 by 2 and get 14.\n\n"
    assert final_answer(reasoning + form.format(value)) == str(value)


@given(st.text(alphabet=string.printable, max_size=400), st.text(alphabet=string.printable, max_size=200))
def test_no_text_breaks_the_extraction(draft: str, question: str) -> None:
    found = final_answer(draft, question)
    assert found is None or found
    assert closed_question(question) in (True, False)


@settings(max_examples=60)
@given(drafts, st.integers(0, 6))
def test_points_are_words_of_their_own_draft_and_not_of_the_base(told: list[str], most: int) -> None:
    base, question = told[0], "How do wind turbines make power?"
    points = minority_points(question, base, told, most=most)
    assert sum(point.kept for point in points) == min(most, len(points))
    for point in points:
        assert point.text in told[point.draft]
        assert point.text not in base
        assert 0 < point.novelty <= 1
    appended = append_points(points, [f"agent {at}" for at in range(len(told))])
    for point in points:
        assert point.holders[0] == point.draft
        assert not point.kept or (f"agent {point.draft} adds: {point.text}" in appended) == (
            len(point.holders) == 1 and point.against is None
        )
        assert not point.kept or point.text in appended
    covered = coverage(points, [point for point in points if point.kept])
    assert covered is None if not points else covered == pytest.approx(min(most, len(points)) / len(points))
