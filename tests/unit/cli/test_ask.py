"""How drafts that are written at the same time are shown to a person."""

from harmonic_stack.cli.ask import MOST_HELD, Drafts


def test_a_sentence_is_shown_when_it_is_whole_after_its_agents_name() -> None:
    drafts = Drafts()
    assert drafts.take("coder", "Water the") == []
    assert drafts.take("analyst", "Early.") == ["analyst: Early."]
    assert drafts.take("coder", "tomatoes early.") == ["coder: Water the tomatoes early."]
    assert drafts.take("coder", "And") == []
    assert drafts.rest() == ["coder: And"]
    assert drafts.rest() == []


def test_a_sentence_without_an_end_is_shown_in_the_end() -> None:
    assert len(Drafts().take("coder", "word " * MOST_HELD)) == 1


def test_lines_of_a_draft_stay_with_their_agent() -> None:
    assert Drafts().take("coder", "Note: three things\n- one\n- two.") == ["coder: Note: three things\n- one\n- two."]
