"""The embedded store lets in one user, who can do what the spine does and nothing else."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
import redis.asyncio as client
from redis import exceptions

from harmonic_stack.store import MAX_MEMORY, USER, running_store
from spine import Channel, Retention, Signal, open_bus
from tests.stack import paths_in

DENIED = (
    *("FLUSHALL", "FLUSHDB", "CONFIG GET *", "CONFIG SET maxmemory 1", "CONFIG REWRITE", "DEBUG SLEEP 0", "KEYS *"),
    *("MODULE LIST", "MODULE LOAD /tmp/x.so", "SCAN 0", "SHUTDOWN NOSAVE", "REPLICAOF 127.0.0.1 1", "SAVE", "MONITOR"),
    *("FUNCTION LIST", "SCRIPT LOAD x", "ACL LIST", "ACL SETUSER other on", "CLIENT KILL TYPE normal", "LATENCY RESET"),
    *("SUBSCRIBE news", "PUBLISH news x", "MEMORY PURGE", "MIGRATE h 1 k 0 1", "SWAPDB 0 1", "CLUSTER INFO"),
)


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    async with running_store(paths_in(tmp_path)) as (_, url):
        yield url


@pytest.fixture
async def connection(url: str) -> AsyncIterator[client.Redis]:
    async with client.Redis.from_url(url, protocol=2) as opened:
        yield opened


async def test_whoever_connects_is_the_one_user(connection: client.Redis) -> None:
    assert await connection.execute_command("ACL WHOAMI") == USER


async def test_without_a_name_nobody_is_let_in(url: str) -> None:
    async with client.Redis.from_url(url.replace(f"{USER}@", ""), protocol=2) as stranger:
        with pytest.raises(exceptions.ConnectionError, match="Authentication required"):
            await stranger.ping()


@pytest.mark.parametrize("command", DENIED)
async def test_what_the_spine_does_not_need_is_denied(connection: client.Redis, command: str) -> None:
    # DEBUG and MODULE LOAD are off for everybody, which the server says in other words.
    with pytest.raises(exceptions.ResponseError, match=r"no permissions|not allowed"):
        await connection.execute_command(*command.split())


async def test_programs_are_denied(connection: client.Redis) -> None:
    for command in ("EVAL", "EVALSHA", "FCALL"):
        with pytest.raises(exceptions.NoPermissionError):
            await connection.execute_command(command, "return 1", 0)


async def test_only_the_spines_keys_can_be_touched(connection: client.Redis) -> None:
    for key in ("hs:{s}:1", "two:hs:{s}:1"):
        assert await connection.xadd(key, {"x": "y"})
    for key in ("other", "hs", "two:s", "xhs:{s}:1"):
        with pytest.raises(exceptions.NoPermissionError):
            await connection.xadd(key, {"x": "y"})


async def test_the_bus_needs_no_right_that_it_lacks(url: str, tmp_path: Path) -> None:
    async with open_bus(url, record=tmp_path / "record", prefix="two") as bus, aclosing(bus.tail()) as tail:
        said = [Signal(channel, "mine", "orchestrator", "note", text="x") for channel in Channel]
        await bus.publish_many(said)
        assert {(await anext(tail)).channel for _ in said} == set(Channel)
        kept = [signal for channel in Channel for signal in await bus.recent(channel)]
        for channel in (Channel.META, Channel.TASK):
            [one] = await bus.recent(channel)
            await bus.publish(Signal(channel, "yours", "orchestrator", "note"))
            await bus.remove(one.id, channel=channel, session="mine")
        await bus.insert(kept)
        await bus.stats()
        await bus.sessions()
        assert await bus.forget("mine") == len(kept)
        health = bus.health()
        assert (health.state, health.reason) == ("ok", "")


async def test_room_can_be_made_in_the_embedded_store(url: str, tmp_path: Path) -> None:
    """Whole sessions leave, and of the last one its oldest entries: neither is denied."""
    small = Retention(store_bytes=4_000_000)
    async with open_bus(url, record=tmp_path / "record", prefix="two", retention=small) as bus:
        for session in ("old", "new"):
            for _ in range(60):
                await bus.publish_many([Signal(Channel.TASK, session, "orchestrator", "note", text="x" * 4_000)] * 20)
        [kept] = await bus.sessions()
        assert kept.id == "new"
        assert kept.counts[Channel.TASK] < 60 * 20
        health = bus.health()
        assert (health.state, health.reason) == ("ok", "")
        assert health.memory is not None
        assert health.memory.limit == MAX_MEMORY
        assert (health.memory.trouble, health.memory.evicted) == ("", 1)


async def test_the_embedded_store_grows_with_what_the_bus_may_take(tmp_path: Path) -> None:
    async with running_store(paths_in(tmp_path), room=900_000_000) as (_, url), open_bus(url) as bus:
        memory = bus.health().memory
        assert memory is not None
        assert (memory.limit, memory.bound) == (1_200_000_000, 900_000_000)
