"""What a message asks to be remembered."""

import pytest

from harmonic_stack.signals.worth import MOST_CHARACTERS, worth_keeping


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("Please remember that my name is Ada.", ["my name is Ada."]),
        ("remember: the boiler was serviced in May", ["the boiler was serviced in May"]),
        ("Don't forget that I am allergic to nuts!", ["I am allergic to nuts!"]),
        (
            "Keep in mind that the garden faces north. Note: no pesticides.",
            ["the garden faces north.", "no pesticides."],
        ),
        ("Do you remember that my name is Ada?", []),
        ("Remember that my name is Ada?", []),
        ("I remember that summer well.", []),
        ("What should I note about tomatoes?", []),
        ("Remember the Titans is a film.", []),
        ("Noted that it rained.", []),
        ("Remember that " + "x" * MOST_CHARACTERS + " y.", []),
    ],
)
def test_only_a_sentence_that_asks_for_it_is_kept(message: str, kept: list[str]) -> None:
    assert worth_keeping(message) == kept
