"""The bus keeps out of its store's memory limit by itself: the sessions longest unused make room."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from spine import Bus, Channel, Health, Retention, Signal, open_bus
from tests.conformance.conftest import Store
from tests.conformance.servers import Server
from tests.helpers import until

Make = Callable[..., Server]
MB = 1_000_000
LIMIT = 24 * MB
USUAL = Retention()
UNBOUNDED = replace(USUAL, store_share=None)
PART, PARTS = 20, 5  # signals in one write, and writes of one session
TEXT = "x" * 4_000  # so a session takes 400 KB


def note(session: str, channel: Channel, text: str = TEXT) -> Signal:
    return Signal(channel, session, "orchestrator", "note", text=text)


async def fill(bus: Bus, session: str) -> None:
    """Say all that one session says: its own four channels are full."""
    own = [channel for channel in Channel if not channel.shared]
    for n in range(PARTS):
        await bus.publish_many([note(session, own[(n + k) % 4], f"{n}.{k} {TEXT}") for k in range(PART)])


async def fill_many(bus: Bus, names: list[str], *, writers: int = 8) -> list[Health]:
    """Fill sessions in order, some at a time and as fast as they can; return each state that the bus was in."""
    waiting, seen = iter(names), [bus.health()]

    async def work() -> None:
        for session in waiting:
            await fill(bus, session)
            if bus.health().state != seen[-1].state:
                seen.append(bus.health())

    async with asyncio.TaskGroup() as group:
        for _ in range(writers):
            group.create_task(work())
    return seen


def trouble(bus: Bus) -> str:
    memory = bus.health().memory
    return memory.trouble if memory else ""


def crowd(server: Server, megabytes: int) -> None:
    """Have somebody else fill the server."""
    for n in range(megabytes):
        server.ask("SET", f"theirs{n}", b"y" * MB)


def leave(server: Server) -> None:
    server.ask("DEL", *[key for key in server.all_keys() if key.startswith("theirs")])


async def entries_of(bus: Bus, session: str) -> int:
    return sum([len(await bus.recent(c, session, count=1000)) for c in Channel if not c.shared])


async def test_twice_the_limit_is_written_and_no_write_is_refused(
    make_server: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server("--maxmemory", str(LIMIT))
    names = [f"s{n:03}" for n in range(120)]
    async with open_bus(server.url, record=tmp_path / "record") as bus:
        lasting = [await bus.publish(note("s000", Channel.PERSISTENT, f"lasting {n}")) for n in range(20)]
        assert [health.state for health in await fill_many(bus, names)] == ["ok"]
        assert "errorstat_OOM" not in server.ask("INFO", "errorstats")
        assert server.ask("INFO", "memory")["used_memory"] < LIMIT
        assert [await entries_of(bus, session) for session in names[-8:]] == [PART * PARTS] * 8
        assert await entries_of(bus, names[0]) == 0
        assert [signal.id for signal in await bus.recent(Channel.PERSISTENT)] == lasting
        assert len(server.ask("XRANGE", "hs:{all}:2", "-", "+")) == 20
        stats = await bus.stats()
        assert sum(s.entries + s.dropped for s in stats if not s.channel.shared) == len(names) * PART * PARTS

        async def all_told() -> bool:
            gone = sum([await entries_of(bus, session) == 0 for session in names])
            memory = bus.health().memory
            assert memory is not None
            assert (memory.limit, memory.bound, memory.trouble) == (LIMIT, LIMIT * 3 // 4, "")
            return memory.evicted == gone > 60

        await until(all_told, "those that left are counted")  # the clock's own look may be at it
    assert caplog.messages == []


async def test_without_the_bound_the_same_is_refused(make_server: Make) -> None:
    """The counter-proof of the test above."""
    server = make_server("--maxmemory", str(LIMIT))
    async with open_bus(server.url, retention=UNBOUNDED) as bus:
        seen = await fill_many(bus, [f"s{n:03}" for n in range(120)])
        assert "degraded" in [health.state for health in seen]
        assert "errorstat_OOM" in server.ask("INFO", "errorstats")


async def test_a_session_in_use_stays_however_long_it_was_silent(make_server: Make) -> None:
    server = make_server("--maxmemory", str(LIMIT))
    async with open_bus(server.url) as bus:
        await fill(bus, "busy")
        with bus.using("busy"):
            await fill_many(bus, [f"s{n:03}" for n in range(80)])
            assert await entries_of(bus, "busy") == PART * PARTS
        await fill_many(bus, [f"t{n:03}" for n in range(80)])
        assert await entries_of(bus, "busy") == 0


async def test_a_session_in_use_does_not_make_room_for_a_new_one_either(store: Store) -> None:
    async with store.open(retention=Retention(max_sessions=3)) as bus:
        with bus.using("s0"):
            for n in range(6):
                await bus.publish(note(f"s{n}", Channel.TASK))
            assert {info.id for info in await bus.sessions()} == {"s0", "s4", "s5"}
        for n in range(6, 9):
            await bus.publish(note(f"s{n}", Channel.TASK))
        assert {info.id for info in await bus.sessions()} == {"s6", "s7", "s8"}


async def test_one_session_alone_gives_up_its_oldest_entries(make_server: Make) -> None:
    server = make_server("--maxmemory", str(LIMIT))
    roomy = replace(USUAL, maxlen=dict.fromkeys(Channel, 1_000_000))
    async with open_bus(server.url, retention=roomy) as bus:
        with bus.using("one"):
            for n in range(600):
                await bus.publish_many([note("one", Channel.TASK, f"{n}.{k} {TEXT}") for k in range(PART)])
            assert bus.health().state == "ok"
            [last] = await bus.recent(Channel.TASK, "one", count=1)
            assert last.text.startswith("599.19 ")
            stats = (await bus.stats())[Channel.TASK]
            assert stats.entries > 1_000
            assert stats.entries + stats.dropped == 600 * PART


async def test_what_made_room_is_counted_though_its_session_leaves_at_once(
    make_server: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spine.resilient.TIDY", 3_600.0)  # else the clock may count it in time
    server = make_server("--maxmemory", str(LIMIT))
    roomy = replace(USUAL, maxlen=dict.fromkeys(Channel, 1_000_000), max_sessions=1)
    async with open_bus(server.url, retention=roomy) as bus:
        for n in range(300):
            await bus.publish_many([note("one", Channel.TASK, f"{n}.{k} {TEXT}") for k in range(PART)])
        assert server.ask("XLEN", "hs:{one}:3") < 300 * PART
        await bus.publish(note("two", Channel.TASK))
        assert {info.id for info in await bus.sessions()} == {"two"}
        stats = (await bus.stats())[Channel.TASK]
        assert (stats.entries, stats.dropped) == (1, 300 * PART)


async def test_a_store_without_a_limit_bounds_our_own_keys(make_server: Make) -> None:
    server = make_server()
    crowd(server, 30)
    async with open_bus(server.url, retention=replace(USUAL, store_bytes=10 * MB)) as bus:
        await fill_many(bus, [f"s{n:03}" for n in range(80)])
        assert await entries_of(bus, "s079") == PART * PARTS
        taken = sum(s.bytes or 0 for s in await bus.stats())
        assert 5 * MB < taken < 12 * MB
        memory = bus.health().memory
        assert memory is not None
        assert (memory.limit, memory.bound, memory.own_bound, memory.trouble) == (None, None, 10 * MB, "")
    assert sum(key.startswith("theirs") for key in server.all_keys()) == 30


async def test_what_others_fill_does_not_empty_the_bus(make_server: Make) -> None:
    """Sessions keep a quarter of the mark; then the bus says whose memory it is."""
    server = make_server("--maxmemory", str(LIMIT))
    async with open_bus(server.url) as bus:
        await fill_many(bus, [f"s{n:03}" for n in range(25)])  # 10 MB
        server.ask("CONFIG", "SET", "maxmemory", 0)
        crowd(server, 15)
        server.ask("CONFIG", "SET", "maxmemory", LIMIT)
        await until(lambda: "too many" in trouble(bus), "it is told", timeout=10)
        await until(lambda: bus.health().state == "ok", "there is room for now", timeout=10)
        kept = sum([await entries_of(bus, f"s{n:03}") > 0 for n in range(25)])
        assert 8 <= kept <= 14
        await fill(bus, "another")
        assert bus.health().state == "ok"
        leave(server)
        await until(lambda: trouble(bus) == "", "it is over", timeout=10)


async def test_a_store_full_of_others_keys_is_left_and_found_again(make_server: Make, tmp_path: Path) -> None:
    server = make_server()
    async with open_bus(server.url, record=tmp_path / "record") as bus:
        crowd(server, 22)
        server.ask("CONFIG", "SET", "maxmemory", 20 * MB)
        given = [await bus.publish(note("s", Channel.SESSION, "while full"))]
        lasting = await bus.publish(note("s", Channel.PERSISTENT, "lasting"))
        assert bus.health().state == "degraded"
        assert "maxmemory" in bus.health().reason
        leave(server)
        await until(lambda: bus.health().state == "ok", "there is room again", timeout=10)
        assert [signal.id for signal in await bus.recent(Channel.SESSION, "s")] == given
        assert [entry for entry, _ in server.ask("XRANGE", "hs:{all}:2", "-", "+")] == [lasting.encode()]


async def test_a_store_full_of_our_own_is_taken_back(make_server: Make) -> None:
    """As one that an earlier release filled: it refuses every write when the stack starts."""
    server = make_server()
    async with open_bus(server.url, retention=UNBOUNDED) as bus:
        await fill_many(bus, [f"s{n:03}" for n in range(60)])
        before = sum(s.entries for s in await bus.stats())
    server.ask("CONFIG", "SET", "maxmemory", 20 * MB)
    async with open_bus(server.url) as bus:
        assert bus.health().state == "ok"
        stats = await bus.stats()
        assert sum(s.entries + s.dropped for s in stats) == before
        assert await entries_of(bus, "s059") == PART * PARTS


async def test_a_server_that_tells_nothing_is_no_lost_store(make_server: Make) -> None:
    server = make_server("--maxmemory", str(LIMIT))
    server.ask("ACL", "SETUSER", "guest", "on", ">guest", "~*", "+@all", "-info", "-memory", "-xtrim")
    async with open_bus(f"{server.url}&username=guest&password=guest") as bus:
        await bus.publish(note("s", Channel.SESSION))
        assert bus.health().state == "ok"
        memory = bus.health().memory
        assert memory is not None
        assert memory.trouble == "the server does not allow INFO; the server does not allow MEMORY USAGE"


@pytest.mark.parametrize("bound", [USUAL, UNBOUNDED])
async def test_a_write_asks_nothing_more(make_server: Make, bound: Retention) -> None:
    server = make_server("--maxmemory", str(100 * MB))
    async with open_bus(server.url, retention=bound) as bus:
        await bus.publish(note("s", Channel.SESSION, "first"))

        def calls() -> int:
            return sum(
                stats["calls"]
                for name, stats in server.ask("INFO", "commandstats").items()
                if name in ("cmdstat_info", "cmdstat_memory|usage")
            )

        before = calls()
        for n in range(200):
            await bus.publish(note("s", Channel.SESSION, str(n)))
        assert calls() - before <= 3  # our own question, and a look that was due by the clock
