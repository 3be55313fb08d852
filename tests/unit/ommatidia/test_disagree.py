"""The disagreement flag: numbers, negations and opposites in sentences about one thing, named as evidence."""

import numpy as np
import pytest

from ommatidia import Hash512, disagreements
from ommatidia.disagree import about_one_thing, claim, evidence
from ommatidia.scale import _MINILM, Scale


def between(one: str, other: str) -> tuple[str, ...]:
    return evidence(claim(one), claim(other))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Rest it for 12 minutes.", "Rest it for 4 minutes.", "12 vs 4"),
        ("Use twelve eggs.", "Use 4 eggs.", "12 vs 4"),
        ("Rinse the rice.", "Do not rinse the rice.", "not"),
        ("It's safe.", "It isn't safe.", "isn't"),
        ("Rinse it, even if it does not foam.", "Never rinse it, even if it does not foam.", "never"),
        ("There are five high tides a day.", "Two tides come each day.", "5 vs 2"),
        ("Simmer it for one hour.", "Simmer it for eight hours.", "1 vs 8"),
        ("Prune before the buds open.", "Prune after the buds open.", "befor vs aft"),
        ("Prices increased.", "Prices decreased.", "increas vs decreas"),
    ],
)
def test_what_differs_is_named(one: str, other: str, expected: str) -> None:
    assert expected in between(one, other)
    assert between(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Rest it for 12 minutes.", "Bake it at 200 degrees."),
        ("At least six hours.", "No less than 6 hours of sun."),
        ("It is not true that nobody came.", "It is true."),
        ("Keep 20 to 80 percent.", "Between 80 and 20 percent is best."),
        ("Not only bread rests.", "Bread rests."),
        ("Shut the door so that no steam escapes.", "Shut the door."),
        ("Lock it, or nobody can get in.", "Lock it."),
        ("Pick the one that fits.", "Pick 4 that fit."),
    ],
)
def test_another_unit_a_double_negation_or_a_comparison_is_no_disagreement(one: str, other: str) -> None:
    assert between(one, other) == ()


def test_pairs_are_sought_between_texts_and_on_one_thing() -> None:
    texts = [
        ["Simmer the stock for one hour.", "Simmer the stock for 8 hours."],
        ["Simmer the stock for 3 hours.", "The town has 9 bridges."],
    ]
    found = disagreements(texts, Hash512())
    assert [(pair.texts, pair.evidence) for pair in found] == [((0, 1), ("1 vs 3",)), ((0, 1), ("8 vs 3",))]
    assert disagreements([], Hash512()) == []


class Unknown(Hash512):
    """An encoder that nobody measured, or with a scale: one that was measured here."""

    tag = "unknown"

    def __init__(self, scale: Scale | None) -> None:
        super().__init__()
        self.scale = scale


def test_for_a_measured_encoder_the_likeness_of_minilm_is_carried_over() -> None:
    claims = [claim("Simmer the stock for one hour."), claim("Simmer the stock for 3 hours.")]
    higher = Scale(tuple(0.7 + 0.3 * cosine for cosine in _MINILM), 0.97)

    def near(cosine: float, scale: Scale | None) -> bool:
        return bool(about_one_thing(claims, np.full((2, 2), cosine, np.float32), Unknown(scale))[0, 1])

    assert (near(0.5, Scale(_MINILM, 1.0)), near(0.4, Scale(_MINILM, 1.0))) == (True, False)
    assert (near(0.86, higher), near(0.8, higher)) == (True, False)
    assert (near(0.7, None), near(0.5, None)) == (True, False)
