"""Where a draft puts its answer, and the one form in which answers are counted."""

import pytest

from harmonic_stack.harmonize import canonical, final_answer

OPTIONS = "Which city is the capital of France?\nA) Rome\nB) Paris\nC) Oslo"


@pytest.mark.parametrize(
    ("draft", "answer"),
    [
        ("3 * 4 = 12\n\nAnswer: 12", "12"),
        ("Step 1. Answer: 6 legs\nStep 2. Answer: 12 legs", "12"),
        ("**Final answer:** 12 apples", "12"),
        ("## Answer\n\n12", "12"),
        ("So, the final answer is:\nAnswer: 12", "12"),
        ("Therefore, the total is \\(\\boxed{12}\\).", "12"),
        ("The final answer is:\n\\[\n\\boxed{\\frac{3}{4}}\n\\]", "0.75"),
        ("The final answer is 12.", "12"),
        ("I think the answer is 12 because 3 * 4 = 12.", "12"),
        ("Answer: <final answer only>\n\nAnswer: 12", "12"),
        ("Answer: 12\n\nAnswer: <final answer only>", "12"),
        ("Answer: 9 + 3 = 12 legs", "12"),
        ("The result is 10.\n\nAnswer: 10\n\nAsk me about the 3 other parts, too.", "10"),
        ('Answer:\n```json\n{"b": 2.0, "a": [1]}\n```', '{"a":[1],"b":2}'),
        ("Answer:\n1 2 3\n4 5 6", "[[1,2,3],[4,5,6]]"),
        ("Therefore, there are 12 apples left, so the total is 12 apples.", "12"),
        ("42", "42"),
    ],
)
def test_the_answer_is_found_where_drafts_put_it(draft: str, answer: str) -> None:
    assert final_answer(draft) == answer


@pytest.mark.parametrize(
    "draft",
    [
        "",
        "First, we add the numbers in pairs: 459 + 754 = 1213. Then we",
        "\\[ 24 \\div 14 = 1 \\text{ remainder } 10",
        "So the total is \\boxed{1",
        "Bread dough needs to rest, so that the gluten relaxes. It then rises better.",
        "To begin with bird watching, keep 2 notebooks. Therefore, start with the birds in your area.",
        "Answer:",
        "What would you like to know?",
    ],
)
def test_a_text_or_a_draft_cut_off_has_none(draft: str) -> None:
    assert final_answer(draft) is None


@pytest.mark.parametrize(
    ("draft", "question", "answer"),
    [
        ("Answer: B", OPTIONS, "B"),
        ("Answer: (b)", OPTIONS, "B"),
        ("Answer: Paris", OPTIONS, "B"),
        ("The correct answer is **B) Paris**.", OPTIONS, "B"),
        ("The capital of France is Paris.", "What is the capital of France?", "paris"),
        ("2119 cannot be divided by 4. Therefore, 2119 is not a leap year.", "Is 2119 a leap year?", "no"),
        ("No, 1993 is not a leap year.", "Is 1993 a leap year? Answer with Yes or No.", "no"),
        ("Answer: True", "Is 7 prime? Answer yes or no.", "yes"),
        ("Answer: Thursday, November 9.", "Which weekday is it in 12 days?", "thursday"),
        ("In 8 days from Thursday, it will be Friday.", "What day of the week is 8 days after Thursday?", "friday"),
        ("He has 3 boxes of 4 apples, which makes 12 apples in all.", "How many apples does he have?", "12"),
        ("```python\nprint(6)\n```\n```output\n6\n```", "Compute 2 * 3.", "6"),
    ],
)
def test_the_question_settles_what_the_words_leave_open(draft: str, question: str, answer: str) -> None:
    assert final_answer(draft, question) == answer


@pytest.mark.parametrize(
    ("draft", "question", "answer"),
    [
        ("No, no, no!", "How many days are in a week?", None),
        ("No no", "How many days are in a week?", None),
        ("Answer: no", "How many days are in a week?", None),
        ("\\boxed{no}", "How many days are in a week?", None),
        ("Answer: yes", "On what day of the week did it end?", None),
        ("Answer: 7\n\nAnswer: no", "How many days are in a week?", "7"),
        ("Answer: No, it is 7.", "How many days are in a week?", "7"),
        ("Yes, on a Friday.", "Do you know on what day of the week it was?", "friday"),
        ("Answer: no legs", "How many legs has a snake?", "no legs"),
        ("Answer: no", "Is the number of days in a week even?", "no"),
        ("Answer: no", "How many days are in a week? Is it 8?", "no"),
        ("Answer: yes", "2 + 2 = 4, right?", "yes"),
        ("Answer: no", "17 * 23 = 390?", "no"),
        ("Answer: no", "Tell me if the total number of legs is even.", "no"),
        ("Answer: no", 'What does it print where a + b == 4 is "no", with a = 2 + 2?', "no"),
        ("Answer: no", "Which Spanish word is the opposite of si?", "no"),
    ],
)
def test_a_bare_yes_or_no_answers_no_question_for_a_number_or_a_weekday(
    draft: str, question: str, answer: str | None
) -> None:
    assert final_answer(draft, question) == answer


def test_the_last_sentence_of_an_open_question_is_no_answer() -> None:
    text = "Keep three copies. Therefore, the safest number of copies is 3."
    assert final_answer(text, "How many copies does a backup need?") == "3"
    assert final_answer(text, "How should I back up my photos?") is None


@pytest.mark.parametrize(
    ("written", "canonically"),
    [
        ("14.0", "14"),
        ("1,234,567", "1234567"),
        ("1 000 000", "1000000"),
        ("$1,200.50", "1200.5"),
        ("-\u00a3449", "-449"),
        ("\u22127", "-7"),
        ("007", "7"),
        (".5", "0.5"),
        ("50%", "50"),
        ("3/4", "0.75"),
        ("1 1/2 cups", "1.5"),
        ("2/6", "1/3"),
        ("$\\frac{1}{3}$", "1/3"),
        ("2 \u00d7 10^3", "2000"),
        ("1.5e3", "1500"),
        ("about 14 square meters", "14"),
        ("5 km/h", "5"),
        ("14 (fourteen)", "14"),
        ("twelve", "12"),
        ("303_{4}", "303"),
        ("21 in base 10", "21"),
        ("1a3", "1a3"),
        ("0x1F", "0x1f"),
        ("March 16th, 2022", "2022-03-16"),
        ("Wednesday, 16 March 2022", "2022-03-16"),
        ("5:30 PM", "17:30"),
        ("**Yes.**", "yes"),
        ("No, it is not.", "no"),
        ("\\text{Paris}", "paris"),
        ("The cat", "cat"),
        ("(b)", "B"),
        ("['b', 2.0]", '["b",2]'),
        ("x = 2 or x = 3", "x = 2 or x = 3"),
        ("3 apples and 4 pears", "3 apples and 4 pears"),
        ("Pear,apple , fig" + ", kiwi" * 12, "pear, apple, fig" + ", kiwi" * 12),
    ],
)
def test_one_form_for_all_ways_to_write_it(written: str, canonically: str) -> None:
    assert canonical(written) == canonically
    assert canonical(canonically) == canonically


@pytest.mark.parametrize(
    "written", ["", "  ", "<number>", "[your answer]", "...", "\\boxed{}", "so many words " * 5, "9" * 9000]
)
def test_what_is_no_short_answer_has_no_form(written: str) -> None:
    assert canonical(written) is None


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["\\boxed{", "answer to ", "A) ", "[", "**", "= ", "1,", "\\text{", "```\n", "(", ")", "9", "\n", "  "]
)
def test_a_hostile_draft_costs_no_more_than_a_long_one(piece: str) -> None:
    final_answer(piece * 20_000, "How many?")
    final_answer("\n".join(["Answer: 4" + piece * 2_000] * 20), "How many?")
