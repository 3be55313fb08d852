"""Answers in the dress that models put on them: one reading, whatever the Markdown, LaTeX, JSON or words around."""

import pytest

from harmonic_stack.harmonize import canonical, final_answer, json_answer

OPTIONS = "Which city is the capital of France?\nA) Rome\nB) Paris\nC) Oslo\nD) Bern"
LEFT = "How many apples are left?"
CAPITAL = "What is the capital of Australia?"
LEAP = "Is 2119 a leap year?"
SIGNED = "On what date was it signed?"

B = [
    "B",
    "(B)",
    "**B**",
    "B.",
    "**Answer: B**",
    "**Answer:** **B**",
    "Answer: B.",
    "Answer: (B) Paris",
    "Answer: **(B)**",
    "\\boxed{B}",
    "$\\boxed{\\text{B}}$",
    "\\boxed{\\textbf{(B) } Paris}",
    "option B",
    "Option B is correct.",
    "The correct option is B.",
    "The correct answer is option (B).",
    "I choose B.",
    "So my final choice: B",
    "The answer is B, since Paris is the seat.",
    "Answer: B) Paris because the others are not",
    "Rome is in Italy, Oslo in Norway. Thus the capital is Paris.",
    "### Final Answer\n\nB) Paris",
    "Answer: `B`",
    "Answer - B",
    "Final answer is B",
    "The answer is not A but B.",
    "Answer: not A but B",
    "It is not Rome. It is Paris.",
    "[B]",
    "<answer>B</answer>",
    '{"answer": "B"}',
    '```json\n{"reasoning": "Paris is the seat", "answer": "B"}\n```',
    "Let us see.\n\n**B) Paris**",
    "Correct answer: B",
    "Answer: b",
    "ANSWER: B",
    "Answer: choice B",
    "Answer: Paris (B)",
    "Answer: B \u2014 Paris",
    "Answer: Option B: Paris",
    "The best choice is (B) Paris.",
    "Answer:\n\n(B)",
    "The correct choice is **B**.",
    "Hence B.",
    "Therefore, (B).",
    "Answer: The answer is B.",
    "My answer: B",
    "Answer is: B",
    "Answer B",
    "Solution: B",
    "\\(\\boxed{\\mathrm{B}}\\)",
    "Antwort: B",
    "\u7b54\u6848\uff1aB",
    "#### B",
]
ONE_ANSWER = [
    (LEFT, "1234", ["Answer: 1,234"]),
    (
        LEFT,
        "14",
        [
            "Answer: 14",
            "The answer is not 12 but 14.",
            "Answer: 14, not 12",
            "Answer: 12? No, wait.\nAnswer: 14",
            "#### 14",
            "So there are 14 apples left.",
            "There are fourteen apples left.",
            "Answer: fourteen (14)",
            "Answer: ~14",
            "Answer: 14 apples (2 were eaten)",
            "Answer: x = 14",
            "Answer: 2 + 12 = 14",
            '{"answer": 14}',
            '```json\n{"answer": 14.0, "why": "2+12"}\n```',
            'Working: 12+2\n{"steps": [1], "final_answer": "14 apples"}',
            "<answer>14</answer>",
            "The answer is\n\n14",
            "Answer: **14** apples",
            "Answer: 14 apples are left",
            "Answer: There are 14 apples left.",
            "The final answer is $14$.",
            "The final answer is $\\boxed{14}$. I hope it is correct.",
            "Answer: 14.",
            "Answer: 14 (exact)",
            "\\[ \\text{apples} = 14 \\]",
            "Final Answer: The final answer is $\\boxed{14}$",
            "Respuesta: 14",
            "R\u00e9ponse : 14",
            "The total = 14",
            "Result: 14",
            "Answer: 14 / 1",
        ],
    ),
    (
        LEFT,
        "3.5",
        [
            "Answer: 3,5",
            "Antwort: 3,5 Liter",
            "Answer: \u20ac3,50",
            "Answer: 3,50 \u20ac",
            "Answer: $\\frac{7}{2}$",
            "Answer: 7/2",
            "Answer: \\dfrac72",
            "Answer: 3\\frac{1}{2}",
            "Answer: 3 1/2",
        ],
    ),
    (LEFT, "1234.5", ["Answer: 1.234,5"]),
    (LEFT, "1000000", ["Answer: 1'000'000", "Answer: 1.000.000"]),
    (LEFT, "1234567", ["Answer: 12,34,567"]),
    (LEFT, "50", ["Answer: 50 %", "Answer: 50\\%"]),
    (
        LEFT,
        "1200",
        [
            "Answer: \\$1{,}200",
            "Answer: \\$1,200.00",
            "Answer: USD 1,200",
            "Answer: 1200 US dollars",
            "Answer: 1.2k",
            "Answer: 1.2 \u00d7 10\u00b3",
            "Answer: 1.2e3",
        ],
    ),
    (LEFT, "-14", ["Answer: -14", "Answer: \u221214", "Answer: minus 14"]),
    (LEFT, "0.125", ["Answer: 0,125"]),
    (LEFT, "0.5", ["Answer: one half"]),
    (LEFT, "0.75", ["Answer: three quarters", "Answer: 0.75", "Answer: .75"]),
    (LEFT, "1000.5", ["Answer: 1,000.50"]),
    (LEFT, "0", ["Answer: zero"]),
    (LEFT, "none", ["Answer: none"]),
    (
        CAPITAL,
        "canberra",
        [
            "Answer: Canberra",
            "Answer: **Canberra**.",
            "The capital of Australia is Canberra.",
            "Answer: The capital of Australia is Canberra.",
            "Answer: Canberra (not Sydney)",
            "Answer: Canberra, not Sydney",
            "The answer is not Sydney but Canberra.",
            "Many think it is Sydney. The answer is Canberra, because it was built for that.",
            'Answer: "Canberra"',
            "Answer: It is Canberra",
            "Answer: It's Canberra!",
            "Canberra",
            "It is **Canberra**.",
            "The capital is *Canberra*.",
            '{"answer": "Canberra"}',
        ],
    ),
    (
        LEAP,
        "no",
        [
            "Answer: No",
            "No.",
            "**No**",
            "No, it is not divisible by 4.",
            "Answer: No, 2119 is not.",
            "2119 is not a leap year.",
            "The answer is no.",
            "Answer: false",
            "So it's not a leap year.\n\n**Answer: No**",
            "\\boxed{No}",
            "\\boxed{\\text{No}}",
            "Answer: 2119 is not a leap year",
            "Therefore, the answer is **No**.",
        ],
    ),
    (
        SIGNED,
        "1776-07-04",
        [
            "Answer: July 4, 1776",
            "Answer: 4 July 1776",
            "Answer: 1776-07-04",
            "Answer: 04.07.1776",
            "It was signed on July 4, 1776.",
            "Answer: on July 4, 1776",
            "Answer: Thursday, July 4th, 1776",
            "Answer: 1776 July 4",
            "Answer: It was signed on July 4, 1776.",
        ],
    ),
    (SIGNED, "1776-07-13", ["Answer: 13/07/1776"]),
    ("Factor 333.", "3*3*37", ["Answer: 3 \u00d7 3 \u00d7 37"]),
    ("What is the derivative of x^2?", "2x", ["Answer: 2x", "Answer: $2x$", "The derivative is $2 \\cdot x$."]),
    ("Sort 3, 1, 2.", "[1,2,3]", ["Answer: 1, 2, 3", "Answer: [1, 2, 3]", "Answer:\n- 1\n- 2\n- 3"]),
    ("Which primes are below 6?", "[2,3,5]", ["Answer: 2, 3 and 5"]),
    ("What time is it?", "17:30", ["Answer: 5:30 PM", "The time is 17:30."]),
]


@pytest.mark.parametrize(
    "draft", ["Answer: 1 2\n3 4", "Answer:\n1 2\n3 4", "**Answer:** 1 2\n3 4\n\nCheck it.", "Answer: [[1, 2], [3, 4]]"]
)
def test_a_grid_may_begin_on_the_line_of_its_mark(draft: str) -> None:
    assert final_answer(draft, "Which grid comes next?") == "[[1,2],[3,4]]"
    assert final_answer("Answer: 1 2\nThat is it.", "Which grid comes next?") == final_answer("Answer: 1 2")


@pytest.mark.parametrize("draft", B)
def test_the_label_is_read_in_every_dress(draft: str) -> None:
    assert final_answer(draft, OPTIONS) == "B"


@pytest.mark.parametrize(("question", "answer", "drafts"), ONE_ANSWER)
def test_these_drafts_give_one_answer(question: str, answer: str, drafts: list[str]) -> None:
    assert {draft: final_answer(draft, question) for draft in drafts} == dict.fromkeys(drafts, answer)


@pytest.mark.parametrize(
    ("draft", "question"),
    [
        ("I cannot answer that.", LEFT),
        ("Answer: I don't know", LEFT),
        ("I'm sorry, but I can't help with that.", CAPITAL),
        ("Answer: n/a", CAPITAL),
        ("The answer is not simple.", CAPITAL),
        ("The answer is not Sydney.", CAPITAL),
        ("First we count the apples.\n\n### Step 2", LEFT),
        ("First we count.\n\n**Conclusion**", CAPITAL),
        ("It is neither option A nor option B.", OPTIONS),
        ('{"answer": ', LEFT),
        ("<answer>", LEFT),
    ],
)
def test_a_refusal_a_denial_and_a_heading_are_no_answer(draft: str, question: str) -> None:
    assert final_answer(draft, question) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,2", "1.2"),
        ("> 10", "10"),
        ("12 or 14", "12"),
        ("2x", "2"),
        ("open since 1990", "open"),
        ("it is not possible", "possible"),
        ("2*3", "6"),
        ("3.14", "314"),
    ],
)
def test_what_only_looks_alike_stays_two(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    ["  ", "\n", ", ", "not a but ", '"answer": ', "<answer>", "#### ", "'", "(B) ", "1 ", "1,", "x*", "[1,", "and "],
)
def test_a_hostile_draft_of_a_hundred_kilobytes_costs_no_more_than_a_long_one(piece: str) -> None:
    long = piece * (100_000 // len(piece))
    for draft in (long, f"Answer: {long}", "\n".join([f"Answer: 4{piece * 200}"] * 40)):
        for question in ("", LEFT, OPTIONS):
            final_answer(draft, question)
    canonical(long[:8000])
    json_answer(long)
