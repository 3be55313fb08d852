"""Events are found however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonic_stack.engine.sse import MAX_EVENT, EventStream, EventTooLong

WHOLE = b': hello\ndata: {"a": 1}\n\ndata: one\r\ndata: two\r\n\r\nevent: x\nid: 7\n\ndata:bare\n\ndata: [DONE]\n\n'
EVENTS = [b'{"a": 1}', b"one\ntwo", b"bare", b"[DONE]"]


@given(st.lists(st.integers(0, len(WHOLE)), max_size=12))
def test_any_cut_of_the_bytes_gives_the_same_events(cuts: list[int]) -> None:
    stream = EventStream()
    edges = sorted({0, *cuts, len(WHOLE)})
    parts = [WHOLE[start:end] for start, end in pairwise(edges)]
    assert [event for part in parts for event in stream.feed(part)] == EVENTS


def test_the_last_event_needs_no_blank_line() -> None:
    stream = EventStream()
    assert stream.feed(b"data: last") == []
    assert stream.close() == [b"last"]


@pytest.mark.parametrize("piece", [b"data: " + b"x" * 1000, b"data: " + b"x" * 1000 + b"\n"])
def test_an_event_without_an_end_is_cut_off(piece: bytes) -> None:
    stream = EventStream()

    def feed_for_ever() -> None:
        for _ in range(MAX_EVENT // 1000 + 2):
            stream.feed(piece)

    with pytest.raises(EventTooLong):
        feed_for_ever()
