"""Who makes room, and how much: never more than has to leave, never those in use, never all for what others fill."""

from hypothesis import given
from hypothesis import strategies as st

from spine import Channel
from spine.cursor import StreamId
from spine.held import Held
from spine.room import FLOOR, LOW, Marks, largest, longest_unused, marks, need, victims

sizes = st.lists(st.integers(0, 1000), max_size=40).map(lambda found: [(f"s{n}", size) for n, size in enumerate(found)])
kept = st.sets(st.integers(0, 40).map(lambda n: f"s{n}"))
amount = st.integers(0, 10**12)


@given(sizes, st.integers(1, 20_000), kept)
def test_the_longest_unused_leave_and_no_more_than_has_to(
    found: list[tuple[str, int]], free: int, keep: set[str]
) -> None:
    chosen = victims(found, free, keep=keep)
    held = dict(found)
    able = [session for session, size in found if size and session not in keep]
    assert chosen == able[: len(chosen)]
    made = sum(held[session] for session in chosen)
    assert made >= free or chosen == able
    assert made - (held[chosen[-1]] if chosen else 0) < free


@given(st.none() | st.integers(1, 2**50), st.floats(0.1, 0.95), st.none() | st.integers(1, 2**50))
def test_marks_lie_below_the_limit_with_steps_to_spare(limit: int | None, share: float, own: int | None) -> None:
    bounds = marks(limit, share=share, own=own)
    assert bounds.step >= 1
    assert bounds.used is not None or bounds.own is not None
    if limit is None:
        assert bounds.used is None
    elif limit > 1000:
        assert bounds.used is not None
        assert bounds.used + 4 * bounds.step <= max(limit, bounds.used + 4)


@given(st.none() | amount, st.none() | amount, st.none() | amount, amount, amount)
def test_only_ours_is_given_up_and_a_quarter_of_it_stays(
    mark: int | None, own: int | None, used: int | None, ours: int, fixed: int
) -> None:
    asked = need(Marks(mark, own, 1), used=used, ours=ours, fixed=fixed)
    assert 0 <= asked.free <= ours
    if asked.free:
        least = min(int(bound * FLOOR) for bound in (mark, own) if bound is not None)
        assert ours - asked.free >= least
    pressed = used is not None and mark is not None and used > mark
    if not pressed and (own is None or ours + fixed <= own):
        assert (asked.free, asked.beyond_us) == (0, 0)


@given(st.integers(1000, 10**12), amount, st.integers(0, 10**12))
def test_what_leaves_brings_the_server_down_to_its_low_mark_or_others_are_named(
    mark: int, over: int, ours: int
) -> None:
    used = mark + 1 + over
    asked = need(Marks(mark, None, 1), used=used, ours=ours)
    assert used - asked.free - asked.beyond_us == int(mark * LOW)


def test_a_session_not_written_since_the_start_goes_before_all_that_were() -> None:
    assert longest_unused(["a", "b", "c", "d"], {"a": "12-0", "c": "9-5"}) == ["b", "d", "c", "a"]


@given(st.dictionaries(st.integers(0, 30), st.integers(0, 1000)), st.integers(1, 5000))
def test_the_fewest_streams_are_trimmed(found: dict[int, int], total: int) -> None:
    streams = {StreamId(Channel.TASK, f"s{n}"): size for n, size in found.items()}
    chosen = largest(streams, total)
    rest = [size for stream, size in streams.items() if stream not in chosen]
    assert sum(chosen.values()) >= total or not any(rest)
    assert all(size >= max(rest, default=0) for size in chosen.values())
    assert sum(chosen.values()) - min(chosen.values(), default=0) < total


def test_a_session_is_held_as_long_as_anybody_holds_it() -> None:
    held = Held()
    with held.using("a"):
        with held.using("a"), held.using("b"):
            assert ("a" in held, "b" in held, held.total) == (True, True, 2)
        assert ("a" in held, "b" in held) == (True, False)
    assert ("a" in held, held.total) == (False, 0)
