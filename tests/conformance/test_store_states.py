"""A server in each bad state gives its typed error, in bounded time."""

import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from spine import BadUrl, Channel, Retention, Signal, StoreRefused, StoreState, StoreUnavailable
from spine.cursor import stream_of
from spine.ids import IdClock
from spine.redis_bus import Link
from spine.redis_streams import RedisStreams
from spine.streams import Entry
from spine.wire import encode
from tests.conformance.servers import Server
from tests.helpers import until

Make = Callable[..., Server]
NOTE = Signal(Channel.SESSION, "mine", "coder", "note", text="x")
ENTRY = Entry(stream_of(NOTE.channel, NOTE.session), "", encode(NOTE, time=1.0))


@asynccontextmanager
async def streams(url: str) -> AsyncIterator[RedisStreams]:
    opened = RedisStreams(url, Retention(), IdClock())
    try:
        yield opened
    finally:
        await opened.aclose()


async def refusal(opened: RedisStreams) -> StoreState:
    """Return the state that a publish is refused with, by both ways in which an entry is written."""
    states = set()
    for entries in ([ENTRY], [ENTRY, ENTRY]):
        started = time.monotonic()
        with pytest.raises(StoreRefused) as refused:
            await opened.append(entries)
        assert time.monotonic() - started < 2
        states.add(refused.value.state)
    [state] = states
    return state


async def test_out_of_memory(make_server: Make) -> None:
    server = make_server()
    async with streams(server.url) as opened:
        await opened.append([ENTRY])
        server.ask("CONFIG", "SET", "maxmemory", 1)
        assert await refusal(opened) is StoreState.OOM
        with pytest.raises(StoreRefused):
            await opened.identify()


async def test_read_only(make_server: Make) -> None:
    server = make_server()
    async with streams(server.url) as opened:
        server.ask("REPLICAOF", "127.0.0.1", 1)
        assert await refusal(opened) is StoreState.READONLY


async def test_wrong_type(make_server: Make) -> None:
    server = make_server()
    async with streams(server.url) as opened:
        server.ask("SET", "hs:{mine}:1", "not a stream")
        assert await refusal(opened) is StoreState.WRONGTYPE
        with pytest.raises(StoreRefused) as refused:
            await opened.probe()
        assert refused.value.state is StoreState.WRONGTYPE


async def test_password_missing_or_wrong(make_server: Make) -> None:
    server = make_server()
    server.ask("CONFIG", "SET", "requirepass", "right")
    async with streams(server.url) as opened:
        assert await refusal(opened) is StoreState.NOAUTH
    async with streams(f"{server.url}&password=wrong") as opened:
        assert await refusal(opened) is StoreState.NOAUTH
    async with streams(f"{server.url}&password=right") as opened:
        assert await opened.append([ENTRY])
        assert "right" not in opened.health().backend


async def test_command_not_permitted(make_server: Make) -> None:
    server = make_server()
    server.ask("ACL", "SETUSER", "guest", "on", ">guest", "~*", "+@all", "-xadd")
    async with streams(f"{server.url}&username=guest&password=guest") as opened:
        assert await refusal(opened) is StoreState.NOPERM


async def test_size_is_unknown_where_it_may_not_be_asked(make_server: Make) -> None:
    server = make_server()
    server.ask("ACL", "SETUSER", "guest", "on", ">guest", "~*", "+@all", "-memory")
    async with streams(f"{server.url}&username=guest&password=guest") as opened:
        await opened.append([ENTRY])
        census = (await opened.census())[Channel.SESSION]
        assert (census.entries, census.bytes) == (1, None)


async def test_a_stream_in_use_is_renewed_once_a_minute(make_server: Make) -> None:
    server = make_server()
    now = 0.0
    opened = RedisStreams(server.url, Retention(), IdClock(), monotonic=lambda: now)
    try:
        for seconds, renewed in ((0, 1), (30, 1), (59, 1), (61, 2), (119, 2), (122, 3)):
            now = float(seconds)
            await opened.append([ENTRY])
            await opened.append([ENTRY, ENTRY])
            stats = server.ask("INFO", "commandstats")
            assert [stats[f"cmdstat_{name}"]["calls"] for name in ("pexpire", "zadd")] == [renewed, 2 * renewed]
    finally:
        await opened.aclose()


async def test_hanging(make_server: Make) -> None:
    server = make_server()
    async with streams(server.url) as opened:
        await opened.append([ENTRY])
        server.send(signal.SIGSTOP)
        try:
            for entries in ([ENTRY], [ENTRY, ENTRY]):
                started = time.monotonic()
                with pytest.raises(StoreUnavailable):
                    await opened.append(entries)
                assert time.monotonic() - started < 2
        finally:
            server.send(signal.SIGCONT)


async def test_gone(make_server: Make) -> None:
    server = make_server()
    async with streams(server.url) as opened:
        await opened.append([ENTRY])
        server.kill()
        with pytest.raises(StoreUnavailable) as lost:
            await opened.append([ENTRY])
        assert str(server.socket) in lost.value.url
        server.start()
        assert await opened.append([ENTRY])


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "unix:///nowhere/s?db=0"])
async def test_nobody_there(url: str) -> None:
    async with streams(url) as opened:
        with pytest.raises(StoreUnavailable):
            await opened.append([ENTRY])


async def test_options_that_make_no_sense(tmp_path: Path) -> None:
    with pytest.raises(BadUrl):
        Link(f"unix://{tmp_path}/s?socket_timeout=soon", connections=1)


async def test_loading(make_server: Make) -> None:
    """A server that reads its files answers LOADING until it has them."""
    server = make_server()
    async with streams(server.url) as opened:
        for n in range(40):
            await opened.append([replace(ENTRY, stream=stream_of(NOTE.channel, f"s{n}"))])
    server.ask("BGREWRITEAOF")
    await until(lambda: server.ask("INFO", "persistence")["aof_rewrite_in_progress"] == 0, "the log is written")
    await until(lambda: any(server.folder.rglob("*.2.base.rdb")), "the new log is in use")
    server.kill()
    slow = ("--key-load-delay", "50000", "--loading-process-events-interval-bytes", "1024")
    server.start(*slow, ready="server initialized")
    async with streams(server.url) as opened:
        states = set()
        for entries in ([ENTRY], [ENTRY, ENTRY]):
            started = time.monotonic()
            with pytest.raises(StoreRefused) as refused:
                await opened.append(entries)
            assert time.monotonic() - started < 2
            states.add(refused.value.state)
    assert states == {StoreState.LOADING}


async def test_a_log_cut_off_in_mid_entry(make_server: Make) -> None:
    """The server drops the broken end and serves the rest; told to be strict it does not start: then it is gone."""
    server = make_server()
    async with streams(server.url) as opened:
        given = [(await opened.append([ENTRY]))[0] for _ in range(5)]
        [log] = server.folder.rglob("*.incr.aof")
        # While the disk is busy with a sync, the server puts off writing its log for up to two seconds.
        await until(lambda: given[-1].encode() in log.read_bytes(), "the log has all of them", timeout=10)
        server.kill()
        os.truncate(log, log.stat().st_size - 20)
        with pytest.raises(AssertionError, match="did not start"):
            server.start("--aof-load-truncated", "no")
        with pytest.raises(StoreUnavailable):
            await opened.append([ENTRY])
        server.kill()
        server.start()
        [found] = await opened.forward([(ENTRY.stream, "")], 10)
        assert [entry.id for entry in found] == given[:4]
