"""What every bus does, on all three stores: real servers, and the process itself."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from spine import (
    BadSignal,
    Bus,
    Channel,
    EntryTooLarge,
    NotAllowed,
    Retention,
    Signal,
    Trust,
    remember,
)
from spine.ids import order
from tests.conformance.conftest import Store
from tests.helpers import until

SESSION_CHANNELS = [channel for channel in Channel if channel.scope != "all"]


def note(text: str, session: str = "mine", channel: Channel = Channel.SESSION, **more: str) -> Signal:
    return Signal(channel, session, **{"writer": "orchestrator", "kind": "note", **more}, text=text)


def texts(signals: list[Signal] | tuple[Signal, ...]) -> list[str]:
    return [signal.text for signal in signals]


async def test_what_is_published_is_read_back_whole(bus: Bus) -> None:
    said = Signal(
        Channel.HARMONIC,
        session="mine",
        writer="coder",
        kind="minority",
        text="snow ☃\x00\n",
        payload={"votes": 2, "of": [1, None, {"deep": True}]},
        query="q-1",
        trust=Trust.USER,
        frame={"encoder": "hash512", "scale": 0.5},
        time=12.5,
    )
    given = await bus.publish(said)
    [read] = await bus.recent(Channel.HARMONIC, "mine")
    assert (read.id, read.time) == (given, 12.5)
    for field in ("channel", "session", "writer", "kind", "text", "payload", "query", "trust", "frame"):
        assert getattr(read, field) == getattr(said, field)


async def test_every_change_of_the_lasting_memory_is_seen_by_who_read_it_before(bus: Bus) -> None:
    async def lasting(session: str | None = None) -> list[str]:
        return texts(await bus.recent(Channel.PERSISTENT, session))

    assert await lasting() == []
    first = await bus.publish(note("first", channel=Channel.PERSISTENT))
    await bus.publish_many([note("second", "other", Channel.PERSISTENT), note("third", channel=Channel.PERSISTENT)])
    assert (await lasting(), await lasting("other")) == (["first", "second", "third"], ["second"])
    [saved, *_] = await bus.recent(Channel.PERSISTENT)
    await bus.remove(first, channel=Channel.PERSISTENT)
    assert await lasting() == ["second", "third"]
    await bus.insert([saved])
    assert await lasting() == ["first", "second", "third"]
    assert texts(await bus.recent(Channel.PERSISTENT, count=1)) == ["third"]
    await bus.forget("mine")
    assert await lasting() == ["second"]


async def test_the_bus_sets_the_time(bus: Bus) -> None:
    await bus.publish(note("now"))
    [read] = await bus.recent(Channel.SESSION, "mine")
    assert read.time == pytest.approx(order(read.id)[0] / 1000, abs=5)


@pytest.mark.parametrize("channel", SESSION_CHANNELS)
async def test_sessions_do_not_see_each_other(bus: Bus, channel: Channel) -> None:
    await bus.publish(note("x", "mine", channel))
    assert await bus.recent(channel, "yours") == []
    assert (await bus.read(channel, session="yours")).signals == ()
    assert texts(await bus.recent(channel, "mine")) == ["x"]


@pytest.mark.parametrize("channel", [Channel.PERSISTENT, Channel.META])
async def test_shared_channels_are_told_apart_by_session(bus: Bus, channel: Channel) -> None:
    await bus.publish_many([note("a", "mine", channel), note("b", "yours", channel), note("c", "mine", channel)])
    assert texts(await bus.recent(channel)) == ["a", "b", "c"]
    assert texts(await bus.recent(channel, "mine")) == ["a", "c"]
    assert texts((await bus.read(channel, session="yours")).signals) == ["b"]


async def test_ids_grow_in_the_order_of_publishing(bus: Bus) -> None:
    one_by_one = [await bus.publish(note(str(n))) for n in range(20)]
    at_once = await bus.publish_many([note(str(n)) for n in range(20, 40)])
    given = [order(name) for name in one_by_one + at_once]
    assert given == sorted(set(given))
    assert texts(await bus.recent(Channel.SESSION, "mine")) == [str(n) for n in range(40)]


async def test_many_go_to_their_channels_or_none_goes(bus: Bus) -> None:
    channels = [Channel.META, Channel.PERSISTENT, Channel.TASK, Channel.PERSISTENT]
    given = await bus.publish_many([note(str(n), channel=channel) for n, channel in enumerate(channels)])
    for n, channel in enumerate(channels):
        assert given[n] in [s.id for s in await bus.recent(channel) if s.text == str(n)]
    with pytest.raises(NotAllowed):
        await bus.publish_many([note("never"), note("never", channel=Channel.PERSISTENT, writer="coder")])
    assert await bus.recent(Channel.SESSION, "mine") == []
    assert await bus.publish_many([]) == []


async def test_recent_gives_the_newest_of_all_sessions_oldest_first(bus: Bus) -> None:
    for n in range(12):
        await bus.publish(note(str(n), f"s{n % 3}"))
        await asyncio.sleep(0.002)  # within one millisecond a server orders entries of one session only
    assert texts(await bus.recent(Channel.SESSION, count=5)) == ["7", "8", "9", "10", "11"]
    assert texts(await bus.recent(Channel.SESSION, "s1", count=2)) == ["7", "10"]


async def test_pages_give_every_signal_once(bus: Bus) -> None:
    # Many sessions in one round trip: on a server several of these share an id.
    said = [f"{session}.{n}" for n in range(4) for session in range(15)]
    await bus.publish_many([note(text, f"s{text.partition('.')[0]}") for text in said])
    read: list[Signal] = []
    after, pages = "", 0
    while pages == 0 or after:
        page = await bus.read(Channel.SESSION, after=after, limit=7)
        read += page.signals
        after, pages = page.next, pages + 1
    assert sorted(texts(read)) == sorted(said)
    assert [order(s.id) for s in read] == sorted(order(s.id) for s in read)
    assert pages > 1


async def test_filters_combine(bus: Bus) -> None:
    for n in range(300):
        await bus.publish(note(str(n), query=f"q{n % 2}", writer=("coder", "critic")[n % 3 == 0], kind="draft"))
    page = await bus.read(Channel.SESSION, session="mine", query="q1", writer="critic", kind="draft", limit=40)
    assert texts(page.signals) == [str(n) for n in range(300) if n % 2 == 1 and n % 3 == 0][:40]
    rest = await bus.read(Channel.SESSION, session="mine", query="q1", writer="critic", after=page.next)
    assert (len(rest.signals), rest.next) == (10, "")
    assert (await bus.read(Channel.SESSION, session="mine", kind="other")).signals == ()


@pytest.mark.parametrize("after", ["x", "1-", "-1", "1-2-3", "$", "1 -1", "9" * 30])
async def test_what_is_no_id_is_refused(bus: Bus, after: str) -> None:
    with pytest.raises(BadSignal):
        await bus.read(Channel.SESSION, after=after)


@pytest.mark.parametrize("count", [0, -1, 100_000])
async def test_an_answer_has_bounds(bus: Bus, count: int) -> None:
    with pytest.raises(ValueError, match="must be 1 to"):
        await bus.recent(Channel.SESSION, "mine", count=count)


async def test_only_the_orchestrator_or_the_user_writes_lasting_memory(bus: Bus) -> None:
    for signal in (
        note("agent", channel=Channel.PERSISTENT, writer="coder"),
        Signal(Channel.PERSISTENT, "mine", "coder", "remember", text="agent"),
        Signal(Channel.PERSISTENT, "mine", "coder", "note", text="agent", trust=Trust.USER),
    ):
        with pytest.raises(NotAllowed) as refused:
            await bus.publish(signal)
        assert (refused.value.writer, refused.value.channel) == ("coder", Channel.PERSISTENT)
    await bus.publish(note("orchestrator", channel=Channel.PERSISTENT))
    await bus.publish(remember("user", session="mine"))
    assert texts(await bus.recent(Channel.PERSISTENT)) == ["orchestrator", "user"]


async def test_an_entry_has_a_greatest_size(bus: Bus) -> None:
    await bus.publish(note("x" * 261_000))
    with pytest.raises(EntryTooLarge) as refused:
        await bus.publish(note("x" * 262_144))
    assert refused.value.size > refused.value.limit == 262_144
    assert len(await bus.recent(Channel.SESSION, "mine")) == 1


async def test_a_stream_is_bounded_and_counts_what_it_dropped(store: Store) -> None:
    bound = Retention(maxlen={**Retention().maxlen, Channel.SESSION: 200})
    async with store.open(retention=bound) as bus:
        for start in range(0, 1000, 100):
            await bus.publish_many([note(str(n)) for n in range(start, start + 100)])
        stats = (await bus.stats())[Channel.SESSION]
        assert 200 <= stats.entries <= 300  # a server trims whole blocks of up to 100
        assert stats.entries + stats.dropped == 1000
        assert texts(await bus.recent(Channel.SESSION, "mine", count=200)) == [str(n) for n in range(800, 1000)]


async def test_the_longest_unused_session_makes_room(store: Store) -> None:
    async with store.open(retention=Retention(max_sessions=3)) as bus:
        for n in range(5):
            await bus.publish(note("x", f"s{n}"))
            await bus.publish(note("y", f"s{n}", Channel.TASK))
        assert {info.id for info in await bus.sessions()} == {"s2", "s3", "s4"}
        assert await bus.recent(Channel.SESSION, "s0") == []
        assert [stats.dropped for stats in await bus.stats()] == [0, 2, 0, 2, 0, 0]


async def test_stats_tell_what_each_channel_holds(bus: Bus) -> None:
    await bus.publish_many([note("x" * 100, channel=channel) for channel in Channel for _ in range(channel + 1)])
    stats = await bus.stats()
    assert [s.channel for s in stats] == list(Channel)
    assert [s.entries for s in stats] == [1, 2, 3, 4, 5, 6]
    for s in stats:
        assert s.bytes is not None
        assert s.bytes > 100
        assert s.oldest is not None
        assert s.newest is not None
        assert s.oldest <= s.newest


async def test_stats_of_an_empty_bus_know_no_times(bus: Bus) -> None:
    assert [(s.entries, s.dropped, s.oldest, s.newest) for s in await bus.stats()] == [(0, 0, None, None)] * 6


async def test_sessions_are_listed_with_their_counts(bus: Bus) -> None:
    await bus.publish_many([note("x", "one", channel) for channel in Channel])
    await bus.publish_many([note("x", "two", Channel.META), note("x", "two", Channel.META)])
    await bus.publish(note("x", "three", Channel.PERSISTENT))
    found = {info.id: info for info in await bus.sessions()}
    assert set(found) == {"one", "two", "three"}
    assert dict(found["one"].counts) == dict.fromkeys(Channel, 1)
    assert dict(found["two"].counts) == {Channel.META: 2}
    assert dict(found["three"].counts) == {Channel.PERSISTENT: 1}
    assert all(info.started <= info.last + 1 for info in found.values())


async def test_a_forgotten_session_leaves_nothing(store: Store, tmp_path: Path) -> None:
    async with store.open(record=tmp_path / "record") as bus:
        for n in range(3):
            await bus.publish_many([note(f"secret {n}", "gone", channel) for channel in Channel])
            await bus.publish_many([note(f"public {n}", "stays", channel) for channel in Channel])
        assert await bus.forget("gone") == 18
        assert [info.id for info in await bus.sessions()] == ["stays"]
        for channel in Channel:
            assert await bus.recent(channel, "gone") == []
            assert texts(await bus.recent(channel)) == ["public 0", "public 1", "public 2"]
        assert not [key for key in store.written() if "gone" in key]
        if store.server is not None:
            shared = [f"{store.prefix}:hs:{{all}}:{name}" for name in (2, 5)]
            assert b"secret" not in repr([store.server.ask("XRANGE", key, "-", "+") for key in shared]).encode()
            for name in ("sessions", "started"):
                members = store.server.ask("ZRANGE", f"{store.prefix}:hs:{{all}}:{name}", 0, -1)
                assert members == [b"stays"]
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"secret" not in files
        assert b"gone" not in files
        assert b"public 2" in files
        assert await bus.forget("gone") == 0


async def test_streams_end_by_themselves(served: Store) -> None:
    assert served.server is not None
    async with served.open() as bus:
        await bus.publish_many([note("x", channel=channel) for channel in Channel])
        for channel in Channel:
            ttl = Retention().ttl[channel]
            key = f"{served.prefix}:hs:{{{'all' if channel.scope == 'all' else 'mine'}}}:{channel.value}"
            left = served.server.ask("TTL", key)
            assert left == -1 if ttl is None else ttl - 5 < left <= ttl


async def test_what_others_wrote_under_our_keys_is_counted_and_left_out(served: Store) -> None:
    assert served.server is not None
    async with served.open() as bus:
        await bus.publish(note("ours"))
        served.server.ask("XADD", f"{served.prefix}:hs:{{mine}}:1", "*", "junk", "x")
        assert texts(await bus.recent(Channel.SESSION, "mine")) == ["ours"]
        assert (await bus.stats())[Channel.SESSION].unreadable == 1


async def test_two_stacks_share_a_store_without_crosstalk(store: Store) -> None:
    other = Store(store.url, f"{store.prefix or 'x'}b", store.server)
    async with store.open() as one, other.open() as two:
        await one.publish_many([note("one", channel=channel) for channel in Channel])
        for channel in Channel:
            assert await two.recent(channel) == []
        await two.publish_many([note("two", channel=channel) for channel in Channel])
        await two.forget("mine")
        for channel in Channel:
            assert texts(await one.recent(channel)) == ["one"]


async def test_lasting_memory_outlives_the_bus(store: Store, tmp_path: Path) -> None:
    async with store.open(record=tmp_path / "record") as bus:
        first = await bus.publish(note("first", channel=Channel.PERSISTENT))
    async with store.open(record=tmp_path / "record") as bus:
        second = await bus.publish(note("second", channel=Channel.PERSISTENT))
        assert [s.id for s in await bus.recent(Channel.PERSISTENT)] == [first, second]
        async with aclosing(bus.tail([Channel.PERSISTENT], after="0")) as tail:
            assert [(await anext(tail)).id for _ in range(2)] == [first, second]


async def test_a_live_reader_sees_what_is_published_after_its_call(bus: Bus) -> None:
    await bus.publish(note("before"))
    async with aclosing(bus.tail()) as tail:
        await bus.publish(note("known session"))
        await bus.publish(note("new session", "yours", Channel.TASK))
        await bus.publish(note("shared", "theirs", Channel.META))
        await bus.publish(note("lasting", "theirs", Channel.PERSISTENT))
        seen = {(await anext(tail)).text for _ in range(4)}
    assert seen == {"known session", "new session", "shared", "lasting"}


async def test_a_live_reader_chooses_channels_and_session(bus: Bus) -> None:
    async with aclosing(bus.tail([Channel.SESSION, Channel.META], session="mine")) as tail:
        await bus.publish(note("no", channel=Channel.TASK))
        await bus.publish(note("no", "yours"))
        await bus.publish(note("no", "yours", Channel.META))
        await bus.publish(note("meta", channel=Channel.META))
        await bus.publish(note("session"))
        assert sorted([(await anext(tail)).text, (await anext(tail)).text]) == ["meta", "session"]


async def test_a_live_reader_goes_on_where_it_was(bus: Bus) -> None:
    given = [await bus.publish(note(str(n))) for n in range(5)]
    async with aclosing(bus.tail([Channel.SESSION], session="mine", after=given[1])) as tail:
        assert [(await anext(tail)).text for _ in range(3)] == ["2", "3", "4"]
    with pytest.raises(BadSignal):
        bus.tail(after="yesterday")


async def test_many_readers_each_see_all_that_many_writers_say(bus: Bus) -> None:
    readers, writers, each = 20, 5, 20
    tails = [bus.tail([Channel.IMMEDIATE]) for _ in range(readers)]

    async def read(tail: object) -> set[str]:
        seen: set[str] = set()
        async with asyncio.timeout(5), aclosing(tail) as signals:
            async for signal in signals:
                seen.add(signal.text)
                if len(seen) == writers * each:
                    return seen
        return seen

    async def write(name: int) -> None:
        for n in range(each):
            await bus.publish(note(f"{name}.{n}", f"s{name}", Channel.IMMEDIATE))

    async with asyncio.TaskGroup() as group:
        reading = [group.create_task(read(tail)) for tail in tails]
        for name in range(writers):
            group.create_task(write(name))
    said = {f"{name}.{n}" for name in range(writers) for n in range(each)}
    assert all(task.result() == said for task in reading)


async def test_a_slow_reader_misses_the_oldest_and_slows_nobody(store: Store) -> None:
    bound = Retention(maxlen={**Retention().maxlen, Channel.SESSION: 100})
    async with store.open(retention=bound) as bus, aclosing(bus.tail([Channel.SESSION])) as tail:
        await bus.publish(note("0"))
        assert (await anext(tail)).text == "0"
        for start in range(1, 1001, 100):  # the reader takes nothing meanwhile
            await bus.publish_many([note(str(n)) for n in range(start, start + 100)])
        seen: list[int] = []
        while not seen or seen[-1] < 1000:
            seen.append(int((await anext(tail)).text))
        assert seen == sorted(set(seen))
        assert 100 <= len(seen) < 500


async def test_closing_ends_live_readers(store: Store) -> None:
    async with store.open() as bus:
        tail = bus.tail()

        async def read() -> list[Signal]:
            return [signal async for signal in tail]

        reading = asyncio.create_task(read())
        await bus.publish(note("last"))
        await asyncio.sleep(0)
        await bus.aclose()
        await bus.aclose()
        await until(reading.done, "the reader ends")
        assert texts(reading.result()) in ([], ["last"])


async def test_a_bus_in_order_says_so(bus: Bus) -> None:
    health = bus.health()
    assert (health.state, health.since, health.reason) == ("ok", None, "")
    assert "?" not in health.backend
