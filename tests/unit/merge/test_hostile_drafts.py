"""Points out of drafts that no model should write: empty, refusing, looping, endless."""

import pytest

from harmonic_stack.harmonize import minority_points
from harmonic_stack.merge.sentences import sentences
from harmonic_stack.merge.talk import is_talk
from ommatidia import Hash512

QUESTION = "How should I look after a sourdough starter?"
BASE = "Feed the sourdough starter flour and water every day. Keep the starter in a jar."
FACT = "Sourdough from 1847 is still kept alive in San Francisco."
REFUSALS = [
    "I'm sorry, but I can't help with a sourdough starter.",
    "Unfortunately, I cannot provide advice on sourdough starters.",
    "As an AI language model, I do not bake sourdough.",
    "I hope this helps you with your sourdough starter!",
    "Let me know if you have more questions about the starter.",
]


def _points(base: str, drafts: list[str]) -> list[str]:
    return [point.text for point in minority_points(QUESTION, base, drafts, encoder=Hash512())]


@pytest.mark.parametrize("drafts", [[], [""], ["", " \n"], ["#"], ["```\n"], ["\x00"], REFUSALS, [BASE], [BASE, BASE]])
def test_drafts_that_say_nothing_give_no_points(drafts: list[str]) -> None:
    assert _points(BASE, drafts) == []


def test_the_point_beside_a_refusal_is_kept_and_so_is_every_draft_beside_a_base_that_refuses() -> None:
    assert _points(BASE, [BASE, f"{REFUSALS[0]} {FACT} {REFUSALS[3]}"]) == [FACT]
    assert FACT in _points(REFUSALS[0], [REFUSALS[0], f"{BASE} {FACT}"])


def test_what_only_sounds_like_talk_is_a_point() -> None:
    for sentence in (FACT, "I can't keep basil alive in winter.", "Sorry looking starters need rye flour.", ""):
        assert not is_talk(sentence)
    assert is_talk("Sorry, but no.")


def test_markdown_is_taken_off_and_code_and_tables_tell_nothing() -> None:
    code, table = "```\nfeed(starter, 12)\n```", "| day | flour |\n|---|---|\n| 1 | 50 |"
    draft = f"# Care\n\n> 1. **{FACT}**\n\n{code}\n\n{table}\n\nIn short:\n"
    (point,) = _points(BASE, [BASE, draft])
    assert "1847" in point


def test_a_sentence_without_end_is_no_point() -> None:
    endless = " ".join(["the starter of 1847 from San Francisco needs rye flour and"] * 20)
    assert _points(BASE, [BASE, f"{endless}. {FACT}"]) == [FACT]


def test_a_draft_that_loops_makes_its_point_once() -> None:
    assert _points(BASE, [BASE, f"{FACT} " * 2000]) == [FACT]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [
        "A. ",
        "...",
        ". ",
        "U.S.A. ",
        "> ",
        "**",
        "(",
        "\n",
        "1) x\n",
        "```\n",
        "_",
        f"{FACT} ",
        "sourdough ",
        "not ",
        ".) ",
        "| a\n",
    ],
)
def test_a_hundred_kilobytes_cost_no_more_than_their_length(piece: str) -> None:
    long = piece * (100_000 // len(piece))
    sentences(long)
    for drafts in ([BASE, long], [long, BASE], [BASE, *[long] * 8]):
        minority_points(QUESTION, drafts[0], drafts, encoder=Hash512())
