"""Routing: prototypes learnt from examples, with keywords where letters do not tell."""

import pytest

from ommatidia import Examples, Hash512, Prototypes

CREW = {
    "coder": Examples(
        "Writes and repairs programs.", ["Fix this Python function", "Why does my loop crash?"], ["code", "unit test"]
    ),
    "cook": Examples("Knows food.", ["How long do I boil an egg?", "A soup recipe with lentils"], ["recipe", "oven"]),
    "lawyer": Examples("Reads contracts.", ["May my landlord raise the rent?", "Is this contract valid?"], ["law"]),
}


def learnt() -> Prototypes:
    return Prototypes.learn(CREW, Hash512())


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("My Python loop crashes, fix it", "coder"),
        ("boil an egg in soup", "cook"),
        ("is the contract with my landlord valid", "lawyer"),
    ],
)
def test_a_query_like_an_agents_examples_is_its_query(query: str, name: str) -> None:
    assert learnt().rank(query)[0].name == name


def test_keywords_decide_where_nothing_is_alike() -> None:
    first = learnt().rank("Please xyzzy my unit tests")[0]
    assert (first.name, first.keywords) == ("coder", ("unit test",))
    assert first.score == pytest.approx(first.likeness + 0.15)


def test_the_margin_is_the_distance_to_the_best_other() -> None:
    first, second, third = learnt().rank("A recipe for lentil soup")
    assert first.margin == pytest.approx(first.score - second.score)
    assert second.margin == pytest.approx(second.score - first.score)
    assert third.margin < second.margin < 0 < first.margin


def test_equal_agents_keep_their_order() -> None:
    same = Prototypes.learn({"b": Examples("x"), "a": Examples("x")}, Hash512())
    assert [found.name for found in same.rank("anything")] == ["b", "a"]


def test_an_agent_may_say_nothing_of_itself() -> None:
    found = Prototypes.learn({"silent": Examples(), **CREW}, Hash512()).rank("Fix this Python function")
    assert {ranked.name for ranked in found} == {"silent", *CREW}
    assert Prototypes.learn({}, Hash512()).rank("anything") == []
    assert Prototypes.learn({"only": Examples("x")}, Hash512()).rank("")[0].margin == 0
