"""Passages hold the whole text in order, keep paragraphs whole where they can, and are never too long."""

from hypothesis import given
from hypothesis import strategies as st

from harmonic_stack.knowledge.chunks import chunks

words = st.text(alphabet="abcdefgh.!?-# \n\t", max_size=600)


@given(words, st.integers(20, 200))
def test_no_word_is_lost_and_no_passage_is_too_long(text: str, size: int) -> None:
    found = chunks(text, size=size)
    assert all(0 < len(passage) <= size for passage in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_paragraphs_stay_whole_and_a_heading_stays_with_what_follows() -> None:
    text = "# Tea\n\nGreen tea wants 70 degrees.\n\n# Coffee\n\nCoffee wants 94 degrees."
    assert chunks(text, size=50) == ["# Tea\n\nGreen tea wants 70 degrees.", "# Coffee\n\nCoffee wants 94 degrees."]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    text = "The first sentence stands here. The second one follows it. The third ends the paragraph."
    assert chunks(text, size=60) == [
        "The first sentence stands here. The second one follows it.",
        "The third ends the paragraph.",
    ]


def test_nothing_gives_nothing() -> None:
    assert chunks("") == chunks(" \n\n \t") == []
