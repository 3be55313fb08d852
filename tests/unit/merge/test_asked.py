"""The question itself, and questions of other languages: what a courtesy, a slip or an aside hides from a rule."""

import pytest

from harmonic_stack.merge.asked import plainly
from harmonic_stack.merge.questions import closed_question


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("Hello there, could you please tell me when the shop opens?", "when the shop opens?"),
        ("I am not sure whether it freezes.", "whether it freezes?"),
        ("so wich one is older", "which one is older"),
        ("We wonder how manny seats it has.", "how many seats it has?"),
        ("Thanks in advance, I forgot who painted it", "who painted it?"),
        ("The wine was cold.", "The wine was cold."),
        ("Could you tell me a story?", "Could you tell me a story?"),
    ],
)
def test_what_stands_before_a_question_is_taken_off(said: str, asked: str) -> None:
    assert plainly(said) == asked


@pytest.mark.parametrize(
    ("question", "closed"),
    [
        ("Wer hat den Faust geschrieben?", True),
        ("Wie alt wird eine Eiche?", True),
        ("Wie backe ich ein Sauerteigbrot?", False),
        ("Was soll ich meiner Schwester schenken?", False),
        ("Quelle est la capitale du Canada ?", True),
        ("Pourquoi le ciel est-il bleu ?", False),
        ("\u00bfCu\u00e1ntos huesos tiene el cuerpo humano?", True),
        ("\u00bfC\u00f3mo puedo dormir mejor?", False),
        ("Was the bridge rebuilt?", True),
        ("Who painted it, do you know", True),
        ("name of the strait between Spain and Morocco", True),
        ("is a whale a fish", True),
        ("There is only a week left, how do I prepare?", False),
        ('Translate "thank you" into Japanese, one word only.', True),
        ("What is the best time to visit Rome?", False),
        ("Name the four largest moons of Jupiter.", True),
        ("Name the three main reasons for inflation.", False),
    ],
)
def test_notes_and_other_languages_are_told_for_what_they_ask(question: str, closed: bool) -> None:
    assert closed_question(question) is closed
