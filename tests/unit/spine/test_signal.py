"""A signal refuses names that could not be part of a key, and the channels say what they are."""

import pytest

from spine import BadSignal, Channel, NotAllowed, Signal, Trust, check_name, remember, stream_key
from spine.keys import dropped_key, mark_key, sessions_key, started_key
from spine.writers import check_writer

BAD_NAMES = [
    "",
    ".",
    "..",
    "a..b",
    ".a",
    "-a",
    "a/b",
    "a:b",
    "a*",
    "{a}",
    "a b",
    "a\n",
    "a\x00",
    "ä",
    "a" * 65,
    "..%2f",
]


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("field", ["session", "writer"])
def test_names_that_could_break_out_of_a_key_are_refused(field: str, name: str) -> None:
    names = {"session": "mine", "writer": "coder", field: name}
    with pytest.raises(BadSignal) as refused:
        Signal(Channel.TASK, kind="note", **names)
    assert refused.value.field == field


@pytest.mark.parametrize("name", ["a", "A.b_c-9", "0", "a" * 64])
def test_ordinary_names_pass(name: str) -> None:
    assert check_name("session", name) == name


@pytest.mark.parametrize("more", [{"kind": ""}, {"kind": "a\nb"}, {"kind": "x" * 129}, {"kind": "x", "query": "q\x00"}])
def test_labels_are_short_and_printable(more: dict[str, str]) -> None:
    with pytest.raises(BadSignal):
        Signal(Channel.TASK, "mine", "coder", **more)


def test_an_error_does_not_repeat_a_whole_value() -> None:
    assert len(str(BadSignal("text", "secret " * 100, "is wrong"))) < 100


def test_every_channel_says_what_it_is() -> None:
    assert [channel.scope for channel in Channel] == ["session", "session", "all", "query", "query", "all"]
    assert [channel for channel in Channel if channel.shared] == [Channel.PERSISTENT, Channel.META]
    assert all(channel.holds and channel.acknowledged for channel in Channel)
    assert {Channel.TASK: "x"}[Channel(3)] == "x"


def test_keys_stay_as_they_are_documented() -> None:
    assert [stream_key(channel, "s1") for channel in Channel] == [
        "hs:{s1}:0",
        "hs:{s1}:1",
        "hs:{all}:2",
        "hs:{s1}:3",
        "hs:{s1}:4",
        "hs:{all}:5",
    ]
    others = [make("two") for make in (sessions_key, started_key, dropped_key, mark_key)]
    assert others == ["two:hs:{all}:sessions", "two:hs:{all}:started", "two:hs:{all}:dropped", "two:hs:{all}:mark"]


@pytest.mark.parametrize("channel", [channel for channel in Channel if channel is not Channel.PERSISTENT])
def test_any_writer_may_write_the_other_channels(channel: Channel) -> None:
    check_writer(Signal(channel, "mine", "coder", "note"))


def test_a_user_may_have_something_remembered() -> None:
    signal = remember("I am called Ada", session="mine")
    assert (signal.channel, signal.trust) == (Channel.PERSISTENT, Trust.USER)
    check_writer(signal)


def test_an_agent_may_not_remember_in_the_users_name() -> None:
    with pytest.raises(NotAllowed):
        check_writer(Signal(Channel.PERSISTENT, "mine", "coder", "remember", trust=Trust.AGENT))
