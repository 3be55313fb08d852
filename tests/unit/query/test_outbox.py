"""Whatever came within one turn of the loop is taken together, and the end is seen."""

import asyncio

from harmonic_stack.outbox import Outbox
from harmonic_stack.query import AnswerDelta


async def test_events_of_one_turn_are_one_batch() -> None:
    box = Outbox()
    taking = asyncio.create_task(box.take())
    await asyncio.sleep(0)
    box.put(AnswerDelta("a"))
    box.put(AnswerDelta("b"))
    assert await taking == [AnswerDelta("a"), AnswerDelta("b")]


async def test_what_was_left_before_the_end_is_still_taken() -> None:
    box = Outbox()
    box.put(AnswerDelta("a"))
    box.close()
    assert await box.take() == [AnswerDelta("a")]
    assert await box.take() is None


async def test_nothing_within_the_time_is_an_empty_batch() -> None:
    assert await Outbox().take(timeout=0.01) == []
