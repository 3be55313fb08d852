"""What only one draft says reaches the answer word for word; what others say, or what is off topic, does not."""

from collections.abc import Sequence

import numpy as np
import pytest

from harmonic_stack.harmonize import Point, append_points, coverage, minority_points
from ommatidia import Hash512, best_encoder
from ommatidia.encode import Vectors

QUESTION = "How should I back up the photos on my laptop?"
BASE = "Copy your photos to an external drive every week. Keep a second copy in cloud storage."
FACT = "The photographer Peter Krogh made the 3-2-1 rule for photo backups popular in 2005."
REPEAT = "Keep a second copy of your photos in cloud storage."
OFF_TOPIC = "The moons of Mars are called Phobos and Deimos."


def texts(points: Sequence[Point]) -> list[str]:
    return [point.text for point in points if point.kept]


def test_a_lone_fact_is_kept_with_the_draft_that_told_it() -> None:
    drafts = [BASE, f"{REPEAT} {FACT}", "Use an external drive for your photos."]
    (point,) = [point for point in minority_points(QUESTION, BASE, drafts) if point.kept]
    assert (point.text, point.draft) == (FACT, 1)
    assert point.relevance > 0
    assert 0 < point.novelty <= 1


def test_what_the_base_says_is_not_said_again() -> None:
    assert texts(minority_points(QUESTION, f"{BASE} {FACT}", [BASE, f"{REPEAT} {FACT}"])) == []


def test_what_two_other_drafts_say_and_the_base_lacks_is_one_point_of_both() -> None:
    points = minority_points(QUESTION, BASE, [BASE, FACT, f"{REPEAT} {FACT}"])
    assert [(point.text, point.holders) for point in points if point.kept] == [(FACT, (1, 2))]
    told = append_points(points, ["executive", "analyst", "coder"])
    assert told == f"\n\nanalyst and coder add: {FACT}"


def test_a_point_against_the_base_stands_beside_what_it_contradicts() -> None:
    base = "Copy your photos to an external drive. A photo drive lasts 12 years on average."
    other = "A photo drive lasts 4 years on average."
    points = minority_points(QUESTION, base, [base, other])
    assert append_points(points, ["executive", "analyst"]) == (
        f"\n\nanalyst disagrees (12 vs 4): {other} [above: A photo drive lasts 12 years on average.]"
    ).replace("12 vs 4", "4 vs 12")


def test_peers_that_contradict_each_other_stand_side_by_side_once() -> None:
    one, other = "Cloud photo storage keeps deleted files.", "Cloud photo storage does not keep deleted files."
    points = minority_points(QUESTION, "Copy your photos to an external drive.", ["", one, other])
    (line,) = append_points(points, ["executive", "analyst", "coder"]).split("\n\n")[1:]
    assert line == f"analyst disagrees (not): {one} [coder: {other}]"


def test_two_drafts_of_one_agent_are_named_once() -> None:
    points = minority_points(QUESTION, BASE, [BASE, FACT, FACT])
    assert append_points(points, ["executive", "analyst", "analyst"]) == f"\n\nanalyst adds: {FACT}"


def test_what_has_nothing_to_do_with_the_question_is_left_out() -> None:
    assert texts(minority_points(QUESTION, BASE, [BASE, f"{REPEAT} {OFF_TOPIC}", REPEAT])) == []


def test_the_base_may_be_among_the_drafts_or_not() -> None:
    inside = minority_points(QUESTION, BASE, [BASE, FACT])
    outside = minority_points(QUESTION, BASE, [FACT])
    assert texts(inside) == texts(outside) == [FACT]
    assert (inside[0].draft, outside[0].draft) == (1, 0)


def test_no_more_than_the_most_are_kept_and_the_rest_is_reported() -> None:
    facts = [f"Photo service {name} keeps {size} backup copies in {place}." for name, size, place in
             (("Anka", 11, "Oslo"), ("Brod", 12, "Lima"), ("Celt", 13, "Bonn"), ("Dorn", 14, "Kiel"))]  # fmt: skip
    points = minority_points(QUESTION, BASE, [BASE, *facts], encoder=Hash512(), most=2)
    assert [point.kept for point in points] == [True, True, *[False] * (len(points) - 2)]
    assert len(points) > 2


def test_a_specific_ranks_before_advice_without_one() -> None:
    advice = "Label every folder of photos clearly before burning discs."
    points = minority_points(QUESTION, BASE, [BASE, advice, FACT])
    assert points[0].text == FACT


def test_one_draft_alone_has_nothing_to_add() -> None:
    assert minority_points(QUESTION, BASE, [BASE]) == []
    assert minority_points(QUESTION, "", []) == []


def test_a_hostile_length_is_cut_to_what_can_be_compared() -> None:
    long = " ".join(f"Photo number {at} was taken in Paris." for at in range(3000))
    assert len(minority_points(QUESTION, BASE, [BASE, long])) <= 200


def test_points_are_appended_word_for_word_after_their_agents_name() -> None:
    points = [Point(1, FACT, 0.3, 0.9, kept=True), Point(0, REPEAT, 0.3, 0.9, kept=False)]
    assert append_points(points, ["executive", "analyst"]) == f"\n\nanalyst adds: {FACT}"
    assert append_points([], []) == ""


def test_coverage_is_the_share_of_lone_points_that_stand_in_the_answer() -> None:
    kept, left = Point(1, FACT, 0.3, 0.9, kept=True), Point(2, REPEAT, 0.3, 0.9, kept=False)
    assert coverage([kept, left], [kept]) == pytest.approx(0.5)
    assert coverage([], []) is None


class Meaning:
    """An encoder that knows three meanings, as an embedding model knows many; its tag has its own thresholds."""

    tag, dim, seed = "minilm384", 3, 0
    _WORDS = ({"photo", "photos", "picture", "backup", "copy", "back"}, {"moon", "moons", "mars"}, {"rule", "krogh"})

    def encode(self, texts: Sequence[str]) -> Vectors:
        found = [text.lower().replace(".", "").replace("?", "").split() for text in texts]
        rows = np.array(
            [[sum(word in known for word in words) for known in self._WORDS] for words in found], dtype=float
        )
        return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def test_an_encoder_that_knows_meaning_is_asked_by_its_cosines() -> None:
    drafts = ["Krogh had a rule for a backup.", "The moons of Mars move fast.", "A copy of each picture helps."]
    assert texts(minority_points("How do I back up photos?", "Copy your photos.", drafts, encoder=Meaning())) == [
        drafts[0]
    ]


def test_the_best_encoder_is_the_default() -> None:
    drafts = [BASE, FACT, REPEAT]
    assert minority_points(QUESTION, BASE, drafts) == minority_points(QUESTION, BASE, drafts, encoder=best_encoder())
