"""Putting back, removing, resuming and counting: what keeps a bus in order, on all stores."""

import asyncio
import random
from contextlib import aclosing
from pathlib import Path

import pytest
from msgspec.structs import replace

from spine import (
    AmbiguousSignal,
    BadSignal,
    Bus,
    Channel,
    NotAllowed,
    Retention,
    Signal,
    SignalNotFound,
    Tail,
    Taken,
    export_lines,
    import_lines,
)
from spine.ids import order
from tests.conformance.conftest import Store
from tests.helpers import until


def note(text: str, session: str = "mine", channel: Channel = Channel.SESSION, **more: str) -> Signal:
    return Signal(channel, session, **{"writer": "orchestrator", "kind": "note", **more}, text=text)


async def exported(bus: Bus, session: str | None = None) -> list[bytes]:
    lines = b"".join([part async for part in export_lines(bus, session)]).splitlines()
    # Signals of several sessions that share an id have no order between them.
    return sorted(lines)


async def chunks(lines: list[bytes], size: int = 1000) -> object:
    body = b"\n".join(lines)
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def fill(bus: Bus, sessions: tuple[str, ...] = ("one", "two"), each: int = 20) -> None:
    for n in range(each):
        await bus.publish_many([note(f"{s}.{n}", s, channel) for channel in Channel for s in sessions])


# --- Putting back ----------------------------------------------------------------------------------------------------


async def test_what_was_exported_and_forgotten_comes_back_the_same(store: Store, tmp_path: Path) -> None:
    async with store.open(record=tmp_path / "record") as bus:
        await fill(bus)
        before, own = await exported(bus), await exported(bus, "one")
        assert await bus.forget("one") == len(own) == 120
        assert await exported(bus) == [line for line in before if line not in own]
        done = await import_lines(bus, chunks(own))
        assert (done.counts[Taken.NEW], done.refused) == (120, 0)
        assert await exported(bus) == before
        again = await import_lines(bus, chunks(before))
        assert (again.counts[Taken.KNOWN], again.counts[Taken.NEW], again.refused) == (240, 0, 0)
        assert await exported(bus) == before
        await bus.publish_many([note("later", "one", channel) for channel in Channel])
        for channel in Channel:
            given = [order(signal.id) for signal in await bus.recent(channel, count=1000)]
            assert given == sorted(given)
            assert "later" in (await bus.recent(channel))[-1].text
        assert bus.health().state == "ok"
    async with store.open(record=tmp_path / "record") as bus:
        assert set(before) <= set(await exported(bus, "one")) | set(await exported(bus, "two")) or store.server is None


async def test_writers_at_work_lose_nothing_while_signals_are_put_back(store: Store) -> None:
    async with store.open() as bus:
        await fill(bus, ("old",), 50)
        kept = await bus.recent(Channel.META, "old", count=1000)
        await bus.forget("old")
        said: list[str] = []
        done = asyncio.Event()

        async def write() -> None:
            while not done.is_set():
                said.append(await bus.publish(note("new", "busy", Channel.META)))
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            group.create_task(write())
            await until(lambda: len(said) > 20, "the writer is at work")
            for start in range(0, 50, 10):
                assert set(await bus.insert(kept[start : start + 10])) == {Taken.NEW}
            done.set()
        # A server that stalls on a busy box is taken for lost; what was said meanwhile is handed to it afterwards.
        await until(lambda: bus.health().state == "ok", "the store is there", timeout=20)
        found = [signal.id for signal in (await bus.read(Channel.META, limit=1000)).signals]
        assert len(found) == len(set(found))
        assert set(said) | {signal.id for signal in kept} == set(found) or len(said) > 900


async def test_a_full_stream_takes_back_only_what_is_within_its_bound(store: Store) -> None:
    bound = Retention(maxlen={**Retention().maxlen, Channel.SESSION: 200})
    async with store.open(retention=bound) as bus:
        first = [replace(note(f"old {n}"), id=f"{n + 1}-0", time=1.0) for n in range(20)]
        for start in range(0, 400, 100):
            await bus.publish_many([note(str(n)) for n in range(start, start + 100)])
        before = (await bus.stats())[Channel.SESSION]
        assert set(await bus.insert(first)) == {Taken.BEYOND}
        assert (await bus.stats())[Channel.SESSION] == before


async def test_what_cannot_be_put_back_is_refused_by_its_line(bus: Bus) -> None:
    await bus.publish(note("x"))
    [line] = await exported(bus)
    bad = [
        b"not json",
        line.replace(b'"v":1', b'"v":2'),
        line.replace(b'"channel":1', b'"channel":7'),
        line.replace(b'"channel":1', b'"channel":2').replace(b'"orchestrator"', b'"coder"'),
        line.replace(b'"trust"', b'"trusted"'),
        line.replace(b'"session":"mine"', b'"session":"../x"'),
        line.replace(b'"id":"', b'"id":"0'),
        line.replace(b'"id":"', b'"id":"9'),
        b'{"x":' * 5000,
        b"y" * 3_000_000,
    ]
    await bus.forget("mine")
    done = await import_lines(bus, chunks([*bad[:5], line, b"", *bad[5:]], 70_000))
    assert (done.lines, done.counts[Taken.NEW], done.refused) == (12, 1, 10)
    assert [number for number, _ in sorted(done.refusals, key=lambda told: told[0])] == [
        1,
        2,
        3,
        4,
        5,
        8,
        9,
        10,
        11,
        12,
    ]
    assert await exported(bus) == [line]


async def test_the_whole_call_is_refused_before_anything_is_taken(bus: Bus) -> None:
    good = replace(note("good"), id="5-0", time=1.0)
    for bad, kind in (
        (replace(note("x", channel=Channel.PERSISTENT, writer="coder"), id="6-0"), NotAllowed),
        (replace(note("x"), id="99999999999999-0"), BadSignal),
        (replace(note("x"), id="7"), BadSignal),
        (note("x"), BadSignal),
    ):
        with pytest.raises(kind):
            await bus.insert([good, bad])
    assert await exported(bus) == []


# --- Removing one ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", Channel)
async def test_one_signal_is_removed_and_no_other(store: Store, tmp_path: Path, channel: Channel) -> None:
    async with store.open(record=tmp_path / "record") as bus:
        given = [await bus.publish(note(f"secret {n} here", "mine", channel)) for n in range(3)]
        dropped = [stats.dropped for stats in await bus.stats()]
        assert await bus.remove(given[1], channel=channel, session="mine") is channel
        assert [s.id for s in await bus.recent(channel, "mine")] == [given[0], given[2]]
        with pytest.raises(SignalNotFound):
            await bus.remove(given[1])
        assert [stats.dropped for stats in await bus.stats()] == dropped
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"secret 1 here" not in files
        assert (b"secret 2 here" in files) == (channel is Channel.PERSISTENT)


async def test_an_id_that_several_signals_share_is_not_guessed(bus: Bus) -> None:
    shared = [replace(note("x", s, c), id="5-0", time=1.0) for s in ("a", "b") for c in (Channel.TASK, Channel.META)]
    assert await bus.insert(shared) == [Taken.NEW, Taken.NEW, Taken.NEW, Taken.KNOWN]
    with pytest.raises(AmbiguousSignal) as refused:
        await bus.remove("5-0")
    assert sorted(refused.value.places) == [(3, "a"), (3, "b"), (5, "a")]
    with pytest.raises(AmbiguousSignal):
        await bus.remove("5-0", session="a")
    assert await bus.remove("5-0", session="b") is Channel.TASK
    assert await bus.remove("5-0", session="a", channel=Channel.META) is Channel.META
    assert await bus.remove("5-0") is Channel.TASK
    for name in ("5", "x", "5-1"):
        with pytest.raises((SignalNotFound, BadSignal)):
            await bus.remove(name)


async def test_nothing_of_a_forgotten_session_is_left_anywhere(served: Store, tmp_path: Path) -> None:
    assert served.server is not None
    bound = Retention(maxlen=dict.fromkeys(Channel, 50))
    async with served.open(record=tmp_path / "record", retention=bound) as bus:
        for n in range(4):
            words = {"query": "q-gone", "writer": "orchestrator", "kind": "k-gone"}
            await bus.publish_many([note(f"text-gone {n}", "gone", c, **words) for c in Channel for _ in range(50)])
            await bus.publish_many([note(f"public {n}", "stays", c) for c in Channel])
        await bus.stats()  # counts what was dropped, by stream
        kept = [signal for c in Channel for signal in await bus.recent(c, "gone")]
        await bus.forget("gone")
        assert set(await bus.insert(kept)) <= {Taken.NEW, Taken.BEYOND}
        await bus.stats()
        await bus.forget("gone")
        found = {key: served.server.value(key) for key in served.server.all_keys()}
        assert any(b"public 3" in value for value in found.values())
        assert [key for key, value in found.items() if "gone" in key or b"gone" in value] == []
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"public 3" in files
        assert b"gone" not in files
        await until(lambda: b"gone" not in served.server.files(), "the server's log is rewritten", timeout=20)


# --- Resuming --------------------------------------------------------------------------------------------------------


async def take(tail: Tail, count: int) -> list[str]:
    return [(await anext(tail)).text for _ in range(count)]


async def test_a_tail_broken_anywhere_goes_on_without_loss_or_repeat(store: Store) -> None:
    chance = random.Random(7)
    async with store.open() as bus:
        # All in one round trip: on a server many of these share an id.
        said = [f"{s}.{n}" for n in range(30) for s in range(12)]
        await bus.publish_many([note(t, f"s{t.partition('.')[0]}", Channel(chance.choice([0, 1, 5]))) for t in said])
        seen: list[str] = []
        place = "0"
        while len(seen) < len(said):
            async with aclosing(bus.tail(after=place)) as tail:
                seen += await take(tail, min(chance.randrange(1, 40), len(said) - len(seen)))
                place = tail.position
        assert sorted(seen) == sorted(said)
        await bus.publish(note("new", "another"))
        async with aclosing(bus.tail(after=place)) as tail:
            assert await take(tail, 1) == ["new"]


async def test_a_tail_far_behind_gets_streams_of_unequal_length_in_order(served: Store) -> None:
    async with served.open() as bus:
        await bus.publish_many([note(str(n), "long") for n in range(350)])
        await asyncio.sleep(0.003)
        await bus.publish(note("last", "short"))
        async with aclosing(bus.tail([Channel.SESSION], after="0")) as tail:
            assert await take(tail, 351) == [*map(str, range(350)), "last"]


@pytest.mark.parametrize(
    "place", ["x", "5-0,", "5-0,1:mine", "5-0,9:mine:6-0", "5-0,1:../x:6-0", "5-0,1::6-0", "," * 99]
)
async def test_what_is_no_place_is_refused(bus: Bus, place: str) -> None:
    with pytest.raises(BadSignal):
        bus.tail(after=place)


async def test_a_tail_chooses_query_writer_and_kind(bus: Bus) -> None:
    async with aclosing(bus.tail(query="q", writer="coder", kind="draft")) as tail:
        for query, writer, kind in (("p", "coder", "draft"), ("q", "critic", "draft"), ("q", "coder", "x")):
            await bus.publish(note("no", query=query, writer=writer, kind=kind))
        await bus.publish(note("yes", query="q", writer="coder", kind="draft"))
        assert await take(tail, 1) == ["yes"]


async def test_a_reader_that_stops_slows_no_writer(bus: Bus) -> None:
    """Many readers that take one signal and no more: writers go on, and a reader that goes on reads."""
    stopped = [bus.tail([Channel.IMMEDIATE]) for _ in range(50)]
    await bus.publish(note("first", channel=Channel.IMMEDIATE))
    for tail in stopped:
        assert (await anext(tail)).text == "first"
    reading = bus.tail([Channel.IMMEDIATE])
    said = [str(n) for n in range(500)]
    async with asyncio.timeout(20):
        for text in said:
            await bus.publish(note(text, channel=Channel.IMMEDIATE))
        assert await take(reading, len(said)) == said
    for tail in [*stopped, reading]:
        await tail.aclose()


# --- Counting --------------------------------------------------------------------------------------------------------


async def test_what_was_dropped_stays_counted_when_the_stream_ends(served: Store) -> None:
    assert served.server is not None
    bound = Retention(maxlen={**Retention().maxlen, Channel.TASK: 100})

    async def dropped(bus: Bus) -> int:
        return (await bus.stats())[Channel.TASK].dropped

    async with served.open(retention=bound) as bus:
        for session in ("a", "b"):
            for _ in range(5):
                await bus.publish_many([note("x", session, Channel.TASK) for _ in range(100)])
        before = await dropped(bus)
        assert before >= 600
        served.server.ask("DEL", f"{served.prefix}:hs:{{a}}:3")  # as its TTL would
        assert await dropped(bus) == before
        await bus.publish(note("again", "a", Channel.TASK))
        assert await dropped(bus) == before
        for _ in range(3):
            await bus.publish_many([note("x", "a", Channel.TASK) for _ in range(100)])
        more = await dropped(bus)
        assert more >= before + 100
        await bus.forget("b")
        assert await dropped(bus) == more
    async with served.open(retention=bound) as bus:
        assert await dropped(bus) == more


async def test_stats_tell_the_bounds_and_the_state_of_each_channel(bus: Bus) -> None:
    usual = Retention()
    for stats in await bus.stats():
        assert (stats.maxlen, stats.ttl) == (usual.maxlen[stats.channel], usual.ttl[stats.channel])
        assert stats.state == "ok"
