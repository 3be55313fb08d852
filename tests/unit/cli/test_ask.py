"""How drafts that are written at the same time are shown to a person."""

from harmonic_stack.cli.ask import MOST_HELD, Drafts


def test_a_sentence_is_shown_when_it_is_whole_after_its_agents_name() -> None:
    drafts = Drafts()
    assert drafts.take("coder: Water the\n") == []
    assert drafts.take("analyst: Early.\ncoder: tomatoes early.\n") == [
        "analyst: Early.",
        "coder: Water the tomatoes early.",
    ]
    assert drafts.take("coder: And\n") == []
    assert drafts.rest() == ["coder: And"]
    assert drafts.rest() == []


def test_a_sentence_without_an_end_is_shown_in_the_end() -> None:
    shown = Drafts().take("coder: " + "word " * MOST_HELD + "\n")
    assert len(shown) == 1
