"""The streams within the process: time by the monotonic clock, and bounds on bytes as well as on entries."""

from spine import Channel, Retention, Signal
from spine.cursor import stream_of
from spine.ids import IdClock, order
from spine.memory_streams import OVERHEAD, MemoryStreams
from spine.streams import Entry
from spine.wire import encode, size_of

HOUR = 3600.0


def entry(session: str = "mine", channel: Channel = Channel.SESSION, text: str = "x", name: str = "") -> Entry:
    signal = Signal(channel, session, "coder", "note", text=text)
    return Entry(stream_of(channel, session), name, encode(signal, time=1.0))


class World:
    """Clocks that a test turns, and streams that live by them."""

    def __init__(self, retention: Retention | None = None) -> None:
        self.wall = 1e9
        self.monotonic = 0.0
        clocks = {"wall": lambda: self.wall, "monotonic": lambda: self.monotonic}
        self.streams = MemoryStreams(retention or Retention(), IdClock(**clocks), **clocks)

    async def counts(self) -> dict[Channel, int]:
        return {channel: c.entries for channel, c in (await self.streams.census()).items() if c.entries}


async def test_streams_end_after_their_ttl() -> None:
    world = World()
    await world.streams.append([entry(channel=channel) for channel in Channel])
    world.monotonic += HOUR
    assert set(await world.counts()) == set(Channel) - {Channel.IMMEDIATE}
    world.monotonic += 25 * HOUR
    assert set(await world.counts()) == {Channel.SESSION, Channel.PERSISTENT, Channel.META}
    await world.streams.append([entry()])
    world.monotonic += 6 * 24 * HOUR
    assert (await world.counts())[Channel.SESSION] == 2  # the second write renewed it
    world.monotonic += 2 * 24 * HOUR
    assert set(await world.counts()) == {Channel.PERSISTENT, Channel.META}


async def test_a_jump_of_the_wall_clock_ends_nothing_and_reorders_nothing() -> None:
    world = World()
    given = await world.streams.append([entry()])
    for jump in (-HOUR, 24 * HOUR * 365):
        world.wall += jump
        world.monotonic += 61
        given += await world.streams.append([entry(), entry("yours")])
    assert [order(name) for name in given] == sorted({order(name) for name in given})
    assert await world.counts() == {Channel.SESSION: 5}


async def test_bytes_are_bounded_over_all_streams_oldest_first() -> None:
    size = size_of(entry().fields) + OVERHEAD
    world = World(Retention(max_bytes=10 * size))
    for n in range(25):
        await world.streams.append([entry(f"the{n % 3}")])
    census = (await world.streams.census())[Channel.SESSION]
    assert (census.entries, census.dropped) == (10, 15)
    assert census.bytes is not None
    assert census.bytes <= 10 * size


async def test_an_id_is_taken_once_and_only_in_order() -> None:
    world = World()
    assert await world.streams.copy([entry(name="5-0"), entry(name="5-0"), entry(name="4-9"), entry(name="6-0")]) == 2
    assert await world.streams.copy([entry("yours", name="5-0")]) == 1
    [later] = await world.streams.append([entry()])
    assert order(later) > (6, 0)


async def test_forgetting_gives_the_bytes_back() -> None:
    world = World()
    await world.streams.append([entry(channel=channel, text="y" * 1000) for channel in Channel])
    gone = await world.streams.forget("mine")
    assert dict(gone) == dict.fromkeys(Channel, 1)
    assert all(census.bytes == 0 for census in (await world.streams.census()).values())
    assert await world.streams.sessions() == []
