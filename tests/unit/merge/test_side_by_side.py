"""Short answers that differ, told side by side where no vote was held."""

import pytest

from harmonic_stack.harmonize import Differing, differing_answers, tell_differing

TEXT = "Bread needs rest. It makes the dough soft, and it rises better."


def test_answers_that_mean_the_base_are_not_told_and_the_others_once_with_all_who_give_them() -> None:
    drafts = ["12", "Twelve.", "14 apples", "Answer: 15", "**14**"]
    assert differing_answers("12.0", drafts) == [
        Differing("14", "14 apples", (2, 4)),
        Differing("15", "Answer: 15", (3,)),
    ]


@pytest.mark.parametrize(
    ("base", "drafts"),
    [
        (TEXT, ["12", "14"]),
        ("", ["12", "14"]),
        ("I'm sorry, but I can't help with that.", ["12", "14"]),
        ("12", ["12", "12"]),
        ("12", []),
        ("12", ["12", TEXT, TEXT, "", "14"]),
    ],
)
def test_nothing_stands_beside_a_text_an_agreed_answer_or_a_few_numbers_among_texts(
    base: str, drafts: list[str]
) -> None:
    assert differing_answers(base, drafts) == []


def test_of_a_long_draft_its_answer_alone_is_told() -> None:
    reasoning = "First we add the apples of the first basket to those of the second one, and then all the others. "
    (found,) = differing_answers("12", ["12", f"{reasoning}\n\nAnswer: 14 apples"])
    assert found.text == "14"
    assert tell_differing(found, ["alder", "birch"]) == "\n\nbirch answers: 14"
