"""Stems, kin and signatures: what of a text can be compared without a model."""

import pytest

from ommatidia import Signature, signature
from ommatidia.words import content_stems, kin, stem, tokens


@pytest.mark.parametrize(
    "forms", [("plan", "plans", "planned", "planning"), ("battery", "batteries"), ("photographer", "photographers")]
)
def test_the_inflections_of_a_word_share_a_stem(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1


def test_words_of_any_topic_tell_nothing() -> None:
    assert content_stems("It is also important to consider the various ways of providing this.") == []


def test_thousands_separators_do_not_make_another_number() -> None:
    assert tokens("1,018 of 59.3 WPA3 well-known") == ["1018", "of", "59.3", "WPA3", "well-known"]


@pytest.mark.parametrize(
    ("one", "other", "related"),
    [
        ("photo", "photograph", True),
        ("commut", "commuter", True),
        ("bee", "bumblebee", True),
        ("internet", "international", False),
        ("car", "scar", False),
        ("1999", "19990", False),
    ],
)
def test_kin_share_most_of_their_letters(one: str, other: str, related: bool) -> None:
    assert bool(kin([one, other])) is related


def test_a_signature_names_numbers_negation_stems_and_names() -> None:
    found = signature("The Betz limit does not let Siemens take more than 59.3 percent, or 1,000 W.")
    assert found.nums == ("59.3", "1000")
    assert found.neg
    assert found.names == ("betz", "siemens")
    assert "limit" in found.stems


def test_two_negations_cancel() -> None:
    assert not signature("It is not true that nobody came.").neg


def test_the_first_word_of_a_sentence_is_no_name_by_its_capital() -> None:
    assert signature("Bread rests. Resting helps.").names == ()
    assert signature("WebP is a format.").names == ("webp",)


def test_a_signature_is_bounded() -> None:
    found = signature(" ".join(f"word{at} {at} Name{at}" for at in range(200)))
    assert (len(found.nums), len(found.stems), len(found.names)) == (16, 32, 16)


def test_nothing_has_an_empty_signature() -> None:
    assert signature("") == Signature()
