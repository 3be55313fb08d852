"""How sentences stand to the question and to other texts."""

import pytest

from ommatidia import Hash512, by_cosine, by_words

QUESTION = "How do wind turbines produce electricity?"
TEXTS = [
    ["Wind turns the blades of turbines.", "A generator then makes electricity."],
    ["The blades of turbines turn in the wind.", "Moons orbit Mars."],
]


@pytest.mark.parametrize("measure", ["words", "cosine"])
def test_off_topic_has_the_least_relevance_and_a_repeat_the_closest_peer(measure: str) -> None:
    standing = by_words(QUESTION, TEXTS) if measure == "words" else by_cosine(QUESTION, TEXTS, Hash512())
    assert min(standing.relevance) == standing.relevance[3]
    assert max(standing.closest) == max(standing.closest[0], standing.closest[2])
    assert len(standing.relevance) == len(standing.closest) == len(standing.said) == 4


def test_a_sentence_word_for_word_elsewhere_is_said() -> None:
    standing = by_words("", [["Bread dough rests."], ["Bread dough rests."]])
    assert standing.closest == pytest.approx((1, 1))


def test_said_counts_what_the_other_texts_say_together() -> None:
    standing = by_words("", [["Bread dough rests."], ["Bread rises."], ["Dough rests."]])
    assert standing.closest[0] == pytest.approx(2 / 3)
    assert standing.said[0] == pytest.approx(1)


def test_kin_count_by_their_strength() -> None:
    standing = by_words("", [["Photographs matter."], ["Photos fade."]])
    assert 0 < standing.closest[0] < 1


def test_the_own_text_does_not_count() -> None:
    standing = by_words("", [["Bread dough rests.", "Bread dough rests."], []])
    assert standing.closest == standing.said == (0, 0)


@pytest.mark.parametrize("texts", [[], [[]], [["..."]], [["", "and or"], ["the"]]])
def test_nothing_said_stands_nowhere(texts: list[list[str]]) -> None:
    for standing in (by_words("", texts), by_cosine("", texts, Hash512())):
        assert not any([*standing.relevance[:1], *standing.closest])
