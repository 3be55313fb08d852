"""Drafts are shown in whole sentences, and at the latest a moment after they came."""

import asyncio
from collections.abc import Sequence

from harmonic_stack.live import LiveDrafts
from harmonic_stack.query import DraftDelta, Seat
from tests.helpers import until

CODER, ANALYST = Seat(0, "coder"), Seat(1, "analyst")


async def test_whole_sentences_are_shown_first_and_the_rest_on_close() -> None:
    shown: list[DraftDelta] = []
    live = LiveDrafts(shown.extend, flush_seconds=60)
    write = live.writer(CODER)
    for piece in ("One. ", "Two", ". Th", "ree"):
        write(piece, 1)
    await until(lambda: shown != [], "a sentence is shown")
    assert [delta.text for delta in shown] == ["One. Two. "]
    live.close()
    assert [delta.text for delta in shown] == ["One. Two. ", "Three"]
    assert (live.text(CODER), live.pieces(CODER)) == ("One. Two. Three", 4)


async def test_a_long_sentence_is_shown_after_the_flush_time() -> None:
    shown: list[DraftDelta] = []
    live = LiveDrafts(shown.extend, flush_seconds=0.15)
    live.writer(CODER)("no end in sight", 1)
    await until(lambda: shown != [], "it is shown unfinished", timeout=1)
    assert shown == [DraftDelta(CODER, "no end in sight")]
    live.close()


async def test_all_agents_of_a_tick_are_one_batch() -> None:
    batches: list[Sequence[DraftDelta]] = []
    live = LiveDrafts(batches.append)
    live.writer(CODER)("One. ", 1)
    live.writer(ANALYST)("Two. ", 1)
    await until(lambda: batches != [], "a batch is shown")
    assert [[delta.seat for delta in batch] for batch in batches] == [[CODER, ANALYST]]
    live.close()


async def test_in_tokens_mode_nothing_waits_for_a_sentence() -> None:
    shown: list[DraftDelta] = []
    live = LiveDrafts(shown.extend, mode="tokens", flush_seconds=60)
    live.writer(CODER)("half a", 1)
    await asyncio.sleep(0.02)
    assert shown == [DraftDelta(CODER, "half a")]
    live.close()
