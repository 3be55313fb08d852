"""Drafts on their way to the spine: every word once, in order, and not more often than once a tick."""

from harmonic_stack.query import DraftDelta, Seat
from harmonic_stack.signals.draft_ticks import TICK, DraftTicks

CODER, CRITIC = Seat(0, "coder"), Seat(1, "critic")


def test_words_wait_for_the_tick_and_come_together() -> None:
    ticks = DraftTicks()
    assert ticks.add([DraftDelta(CODER, "one ")], 5.0) == []
    assert ticks.add([DraftDelta(CRITIC, "no. "), DraftDelta(CODER, "two ")], 5.0 + TICK / 2) == []
    late = ticks.add([DraftDelta(CODER, "three")], 5.0 + TICK)
    assert late == [DraftDelta(CODER, "one two three"), DraftDelta(CRITIC, "no. ")]
    assert ticks.take() == []


def test_the_next_tick_begins_with_the_next_word() -> None:
    ticks = DraftTicks()
    ticks.add([DraftDelta(CODER, "one")], 0.0)
    ticks.take()
    assert ticks.add([DraftDelta(CODER, "two")], 100.0) == []
    assert ticks.take() == [DraftDelta(CODER, "two")]
