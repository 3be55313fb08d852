"""Sentences as drafts write them: prose, lists, abbreviations, code, and drafts cut off."""

import pytest

from harmonic_stack.merge.sentences import sentences, whole_sentences


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        (
            "Dr. Lee met Mr. J. Smith vs. Mrs. Brown. Then he left.",
            ["Dr. Lee met Mr. J. Smith vs. Mrs. Brown.", "Then he left."],
        ),
        (
            "It costs 3.50 euros, e.g. at 5 p.m. in the U.S. Bring cash.",
            ["It costs 3.50 euros, e.g. at 5 p.m. in the U.S. Bring cash."],
        ),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("A wrapped\nline goes on. So it is\none text.", ["A wrapped line goes on.", "So it is one text."]),
        (
            "- First point\n- Second point. With more.\n  And a wrapped one.",
            ["First point", "Second point.", "With more.", "And a wrapped one."],
        ),
        ("1. First.\n2) Second.\n* **Third**: yes.", ["First.", "Second.", "**Third**: yes."]),
        ("# Title\n\nText.\n\n**Heading**\n\nYou need:\n\n---\n\n| a | b |", ["Text."]),
        ("Before.\n```python\nx = 1. Not a sentence.\n```\nAfter.", ["Before.", "After."]),
        ("> Quoted words. > More.", ["Quoted words. > More."]),
        ("", []),
    ],
)
def test_a_text_is_split_into_its_sentences(text: str, found: list[str]) -> None:
    assert sentences(text) == found


def test_a_sentence_that_the_length_limit_cut_off_is_left_out() -> None:
    assert whole_sentences("One is whole. The second was") == ["One is whole."]


def test_a_list_without_full_stops_was_not_cut_off() -> None:
    assert whole_sentences("- Water\n- Food for a week\n- A torch") == ["Water", "Food for a week", "A torch"]
