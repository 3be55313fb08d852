"""A live reader that is far behind: it is told all, in order, and never much at once."""

import random
from collections.abc import Sequence

import pytest

from spine import Channel, backlog, ids
from spine.cursor import Cursor, StreamId
from spine.streams import AT_ONCE, Ask, Entry, by_id

Shelves = dict[StreamId, list[Entry]]


def shelves(sizes: Sequence[int], chance: random.Random, *, apart: int) -> Shelves:
    """Streams of these sizes; each begins *apart* milliseconds after the one before, and some ids are equal."""
    held: Shelves = {}
    for n, size in enumerate(sizes):
        stream = StreamId(Channel.TASK, f"s{n}")
        times = sorted(chance.sample(range(n * apart + 1, n * apart + 3 * size + 2), size))
        held[stream] = [Entry(stream, f"{time}-0", {}) for time in times]
    return held


class Store:
    """What a server answers, and how much of it at a time."""

    def __init__(self, held: Shelves) -> None:
        self.held = held
        self.most = 0
        self.trips = 0

    def ask(self, cursor: Cursor, count: int) -> dict[StreamId, list[Entry]]:
        """Answer as XREAD does: no stream without news."""
        found = {stream: self._after(stream, cursor.after(stream), "+", count) for stream in self.held}
        self._note(list(found.values()))
        return {stream: some for stream, some in found.items() if some}

    async def between(self, asks: Sequence[Ask], last: str, count: int) -> list[list[Entry]]:
        """Answer as XRANGE does."""
        found = [self._after(stream, after, last, count) for stream, after in asks]
        self._note(found)
        return found

    def _after(self, stream: StreamId, after: str, last: str, count: int) -> list[Entry]:
        end = ids.ALL if last == "+" else ids.order(last)
        return [entry for entry in self.held[stream] if ids.order(after) < by_id(entry) <= end][:count]

    def _note(self, found: Sequence[Sequence[Entry]]) -> None:
        self.trips += 1
        self.most = max(self.most, sum(map(len, found)))


async def read_all(store: Store) -> list[Entry]:
    cursor, told = Cursor(ids.START), list[Entry]()
    while True:
        if cursor.heads:
            some = await backlog.go_on(cursor, store.between)
        else:
            count = backlog.share(store.held)
            some = backlog.take(store.ask(cursor, count), count, cursor)
            if not some:
                return told
        for entry in some:
            cursor.advance(entry.stream, entry.id)
        told += some


@pytest.mark.parametrize("apart", [0, 7, 500], ids=["side by side", "overlapping", "one after the other"])
async def test_every_entry_is_told_once_and_in_order_whatever_the_streams_are(apart: int) -> None:
    chance = random.Random(apart)
    for _ in range(20):
        sizes = [chance.choice([0, 1, 20, 99, 100, 101, 260]) for _ in range(chance.randrange(1, 60))]
        store = Store(shelves(sizes, chance, apart=apart))
        told = await read_all(store)
        assert len(told) == sum(sizes) == len({(entry.stream, entry.id) for entry in told})
        assert [by_id(entry) for entry in told] == sorted(by_id(entry) for entry in told)
        assert store.most <= AT_ONCE


@pytest.mark.parametrize("apart", [0, 700], ids=["side by side", "one after the other"])
async def test_a_long_way_is_gone_in_few_steps(apart: int) -> None:
    store = Store(shelves([200] * 100, random.Random(1), apart=apart))
    assert len(await read_all(store)) == 20_000
    assert store.trips < 20_000 / 25


async def test_what_is_removed_on_the_way_holds_nobody_up() -> None:
    store = Store(shelves([300] * 10, random.Random(2), apart=0))
    cursor, count = Cursor(ids.START), backlog.share(store.held)
    for entry in backlog.take(store.ask(cursor, count), count, cursor):
        cursor.advance(entry.stream, entry.id)
    assert cursor.heads
    for some in store.held.values():
        some.clear()
    while cursor.heads:
        assert await backlog.go_on(cursor, store.between) == []
