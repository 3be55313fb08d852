"""What means the same is one answer, and what does not stays two."""

import pytest

from harmonic_stack.harmonize import canonical, final_answer, json_answer
from harmonic_stack.merge.spelled import spelled_number
from harmonic_stack.merge.units import factor_to

KM, HOURS = "How long is the road in km?", "How many hours does the trip take?"
OPTIONS = "Which is it?\nA) Paris\nB) Rome\nC) Oslo"

SAME = [
    ("", ["5000000", "5 million", "5,000,000", "five million", "5e6", "5 million people"]),
    ("", ["21", "twenty-one", "Twenty one apples", "21.0"]),
    ("", ["36", "3 dozen", "three dozen eggs", "thirty-six"]),
    ("", ["1.5", "1\u00bd", "1 1/2 cups", "3/2"]),
    ("", ["1200.5", "1.200,50 EUR", "$1,200.50"]),
    ("", ["14:30", "2:30 pm", "2.30 p.m.", "14h30"]),
    ("", ["12:00", "noon", "12 p.m.", "12 noon"]),
    ("", ["--03-16", "March 16", "16 March", "the 16th of March", "Wednesday, March 16th"]),
    ("", ["2022-03", "March 2022", "Mar. 2022"]),
    ("", ["2022-03-16", "3/16/2022", "16/03/2022", "16. 3. 2022"]),
    (KM, ["5", "5 km", "5000 m", "5,000 metres", "500000 cm", "5 kilometers"]),
    (HOURS, ["1.5", "90 minutes", "1.5 hours", "5400 s"]),
    ("What is the probability of rain?", ["0.25", "25%", "1/4", "25 percent"]),
    (OPTIONS, ["B", "b)", "Rome", "Option 2", "the second one", "B) Rome"]),
    (OPTIONS, ["A, C", "C and A", "(C), (A)", "A & C"]),
]
DIFFERENT = [
    ("", "5 million", "5"),
    ("", "one hundred", "1"),
    ("", "3/4/2022", "4/3/2022"),
    ("", "five to six", "5"),
    ("", "one or two", "1"),
    (KM, "5 km", "5 miles"),
    ("What percentage is it?", "25%", "0.25"),
    (OPTIONS, "A and B", "A and C"),
]


@pytest.mark.parametrize(("question", "forms"), SAME)
def test_these_are_one_answer(question: str, forms: list[str]) -> None:
    assert {canonical(form, question) for form in forms} == {canonical(forms[0], question)}
    assert canonical(forms[0], question) == forms[0]


@pytest.mark.parametrize(("question", "one", "other"), DIFFERENT)
def test_these_are_two(question: str, one: str, other: str) -> None:
    assert canonical(one, question) != canonical(other, question)


@pytest.mark.parametrize("unit", ["", "apples", "m", "mm", "kg", "meters per second", "mol"])
def test_a_unit_that_is_not_asked_for_changes_nothing(unit: str) -> None:
    assert factor_to(unit, "How many legs are there?") == 1


@pytest.mark.parametrize("text", ["many", "", "and five", "hundred", "twenty thirty", "onetime"])
def test_words_that_are_no_number_are_none(text: str) -> None:
    found = spelled_number(text)
    assert found is None or found[1]


def test_code_results_and_options_are_read_where_drafts_put_them() -> None:
    question = "What does this code print?"
    assert final_answer("It prints:\n```\n[1, 2]\n```", question) == "[1,2]"
    assert final_answer("```python\nprint(4)\n```\nOutput:\n```\n4\n```", question) == "4"
    assert final_answer("B) Rome, the eternal city", OPTIONS) == "B"
    assert final_answer("E) Rome, the eternal city of all", OPTIONS) is None


def test_json_is_found_in_prose_and_broken_json_is_no_answer() -> None:
    assert json_answer('Sure: {"b": 2, "a": [1.0]} Done.') == '{"a":[1],"b":2}'
    assert json_answer('{"a": ') is None
    assert json_answer("no JSON [at all]") is None
