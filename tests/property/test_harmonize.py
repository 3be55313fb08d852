"""What holds for every vote, every written answer, and every set of drafts."""

import json
import string
from collections import Counter
from datetime import date
from fractions import Fraction
from random import Random

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
    json_answer,
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


@given(st.dates(min_value=date(1000, 1, 1)))
def test_a_day_is_the_same_however_it_is_written(day: date) -> None:
    name = day.strftime("%B")
    whole = [f"{name} {day.day}, {day:%Y}", f"{day.day} {name} {day:%Y}", f"the {day.day}th of {name} {day:%Y}"]
    whole += [f"{day:%d}.{day:%m}.{day:%Y}", f"{day:%Y}/{day:%m}/{day:%d}", f"{day.isoformat()}T00:00:00"]
    assert {canonical(text) for text in whole} == {day.isoformat()}
    assert canonical(f"{name} {day.day}") == canonical(f"{day.day} {name}") == f"--{day:%m}-{day:%d}"


@given(st.integers(0, 10**6), st.sampled_from(["km", "cm", "meters", "kilometres"]))
def test_a_length_is_the_same_in_whatever_unit_it_is_told(metres: int, unit: str) -> None:
    per = {"km": Fraction(1000), "cm": Fraction(1, 100), "meters": Fraction(1), "kilometres": Fraction(1000)}[unit]
    question = f"How long is the wall in {unit}?"
    asked = canonical(str(Fraction(metres) / per), question)
    assert canonical(f"{metres} m", question) == canonical(f"{metres * 100} cm", question) == asked
    assert canonical(f"{metres} kg", question) == canonical(str(metres)), "another kind of unit is left alone"


@given(st.integers(0, 999_999))
def test_a_number_in_words_is_the_number(value: int) -> None:
    assert canonical(in_words(value)) == str(value)
    assert canonical(in_words(value).replace("-", " ") + " apples") == str(value)


@given(st.lists(st.integers(-999, 999), min_size=2, max_size=6))
def test_a_list_of_numbers_is_the_same_in_every_dress(values: list[int]) -> None:
    inner = ", ".join(map(str, values))
    dressed = [inner, f"[{inner}]", f"({inner})", f"`[{inner}]`", f"**{inner}**", f"```\n[{inner}]\n```"]
    assert {canonical(text) for text in dressed} == {f"[{','.join(map(str, values))}]"}


@given(st.sets(st.sampled_from("ABC"), min_size=2), st.randoms(use_true_random=False))
def test_several_options_are_one_answer_in_any_order(labels: set[str], draw: Random) -> None:
    question = "Which are right?\nA) Paris\nB) Rome\nC) Oslo"
    order = draw.sample(sorted(labels), len(labels))
    for written in (", ".join(order), " and ".join(order), ", ".join(f"({label})" for label in order)):
        assert canonical(written, question) == ", ".join(sorted(labels))


@given(st.dictionaries(st.sampled_from("abc"), st.integers() | st.booleans() | st.none() | st.text(max_size=5)))
def test_json_is_the_same_in_any_order_and_dress(value: dict[str, object]) -> None:
    back = dict(reversed(value.items()))
    forms = [json.dumps(value), json.dumps(back, indent=2), f"```json\n{json.dumps(value)}\n```"]
    if value:
        forms.append(f"Here you are: {json.dumps(back)} That is it.")
    assert len({json_answer(form) for form in forms}) == 1
    assert json_answer(forms[0]) is not None


ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen"""
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety"


def in_words(value: int) -> str:
    """A number in English words, as people write it."""
    ones, tens = ONES.split(), TENS.split()
    if value < 20:
        return ones[value]
    if value < 100:
        return tens[value // 10] + (f"-{ones[value % 10]}" if value % 10 else "")
    if value < 1000:
        return f"{ones[value // 100]} hundred" + (f" and {in_words(value % 100)}" if value % 100 else "")
    rest = f" {in_words(value % 1000)}" if value % 1000 else ""
    return f"{in_words(value // 1000)} thousand{rest}"
