"""The wire format: what goes in comes out, and whatever else comes in is refused with the one typed error."""

import math
import random
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spine import BadSignal, Channel, EntryTooLarge, Signal, Trust
from spine.ids import order
from spine.wire import NAMES, decode, encode, size_of

NAME = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}", fullmatch=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
LABEL = st.text(st.characters(categories=["L", "N", "P"]), max_size=20)
NUMBER = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
OBJECT = st.none() | st.dictionaries(TEXT, JSON, max_size=4)
SIGNAL = st.builds(
    Signal,
    channel=st.sampled_from(Channel),
    session=NAME,
    writer=NAME,
    kind=LABEL.filter(bool),
    text=TEXT,
    payload=OBJECT,
    query=LABEL,
    trust=st.sampled_from(Trust),
    frame=OBJECT,
    id=st.just("7-1"),
    time=st.floats(1e-3, 1e12),
)


@given(SIGNAL)
def test_a_signal_comes_back_as_it_went(signal: Signal) -> None:
    assert decode(signal.channel, signal.id, encode(signal, time=1.0)) == signal


@given(st.dictionaries(st.sampled_from(NAMES) | st.binary(max_size=8), st.binary(max_size=64)))
def test_any_fields_decode_or_are_refused(fields: dict[bytes, bytes]) -> None:
    with pytest.raises(BadSignal):
        decode(Channel.TASK, "1-0", fields)


@settings(max_examples=300)
@given(SIGNAL, st.data())
def test_a_damaged_entry_decodes_or_is_refused(signal: Signal, data: st.DataObject) -> None:
    fields = encode(signal, time=1.0)
    for name in data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3)):
        value = fields.get(name, b"")
        at = data.draw(st.integers(0, len(value)))
        junk = data.draw(st.binary(max_size=8) | st.sampled_from([b'{"a":' * 2000, b"1e999", b"nan", b"{}", b"[]"]))
        fields[name] = value[:at] + junk + value[at + data.draw(st.integers(0, 8)) :]
    if data.draw(st.booleans()):  # a liar who gets the length right reaches the checks behind it
        fields[b"size"] = b"%d" % size_of(fields)
    try:
        found = decode(signal.channel, "1-0", fields)
    except BadSignal:
        return
    assert size_of(encode(found, time=1.0)) > 0


@given(SIGNAL, st.integers(0, 400))
def test_an_entry_is_within_its_limit_or_refused_with_both_figures(signal: Signal, limit: int) -> None:
    whole = encode(signal, time=1.0)
    assert whole[b"size"] == b"%d" % size_of(whole)
    if size_of(whole) <= limit:
        assert encode(signal, time=1.0, limit=limit) == whole
        return
    with pytest.raises(EntryTooLarge) as refused:
        encode(signal, time=1.0, limit=limit)
    assert (refused.value.size, refused.value.limit) == (size_of(whole), limit)


@pytest.mark.parametrize("value", [{"x": object()}, {"x": "\ud800"}, {"x": {1, 2}.__iter__()}])
def test_a_payload_that_is_no_json_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(BadSignal) as refused:
        encode(Signal(Channel.TASK, "mine", "coder", "note", payload=value), time=1.0)  # type: ignore[arg-type]  # wrong on purpose
    assert refused.value.field == "payload"


def test_text_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(BadSignal) as refused:
        encode(Signal(Channel.TASK, "mine", "coder", "note", text="ok \udcff"), time=1.0)
    assert refused.value.field == "text"


def test_a_payload_too_deep_is_refused() -> None:
    deep: dict[str, object] = {}
    for _ in range(100_000):
        deep = {"x": deep}
    with pytest.raises((BadSignal, EntryTooLarge)):
        encode(Signal(Channel.TASK, "mine", "coder", "note", payload=deep), time=1.0)  # type: ignore[arg-type]  # wrong on purpose


def test_numbers_that_json_lacks_become_null() -> None:
    signal = Signal(Channel.TASK, "mine", "coder", "note", payload={"x": math.nan, "y": math.inf})
    assert decode(Channel.TASK, "1-0", encode(signal, time=1.0)).payload == {"x": None, "y": None}


@given(st.text(max_size=30))
def test_any_text_is_an_id_or_is_refused(name: str) -> None:
    with suppress(BadSignal):
        assert order(name) >= (0, 0)


@pytest.mark.parametrize("frames", [5_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_mutated_frames_decode_or_give_the_one_error(frames: int) -> None:
    """Bits turned, bytes cut, inserted and swapped between fields; half of them with a length made to fit."""
    chance = random.Random(17)
    payload = {"votes": [1, 2, None], "of": {"deep": [True, 0.5, "\u2603"]}}
    whole = encode(
        Signal(Channel.TASK, "mine", "coder", "note", text="snow \u2603 " * 9, payload=payload, query="q-1"), time=1.5
    )
    refused = 0
    for _ in range(frames):
        fields = dict(whole)
        for _ in range(chance.randint(1, 3)):
            _mutate(fields, chance)
        if chance.random() < 0.5:
            fields[b"size"] = b"%d" % size_of(fields)
        try:
            decode(Channel.TASK, "1-0", fields)
        except BadSignal:
            refused += 1
    assert frames / 2 < refused < frames


def _mutate(fields: dict[bytes, bytes], chance: random.Random) -> None:
    name = chance.choice(list(fields))
    value = bytearray(fields[name])
    at = chance.randrange(len(value) + 1)
    match chance.randrange(6):
        case 0 if value:
            value[at % len(value)] ^= 1 << chance.randrange(8)
        case 1:
            del value[at : at + chance.randint(1, 8)]
        case 2:
            value[at:at] = chance.randbytes(chance.randint(1, 8))
        case 3:
            value = bytearray(chance.choice([b"[" * 3000, b"9" * 400, b"nan", b"{}", b"\xff\xfe", b""]))
        case 4:
            value = bytearray(fields[chance.choice(list(fields))])
        case _:
            fields.pop(name)
            return
    fields[name] = bytes(value)
