"""Reading by pages, from the end, and live: the same for every store and for the record."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from itertools import islice
from typing import TypeAlias

from spine import ids
from spine.cursor import Cursor, StreamId
from spine.signal import Channel
from spine.streams import AT_ONCE, Ask, Entry, Readable, Streams, Wanted, by_id

MOST = 1_000  # entries of one answer: what may stand in memory at a time
GROUP = 50  # streams looked at together, at most
SCAN = 250  # entries fetched at a time while a filter looks for matches

Step: TypeAlias = Callable[[Sequence[Ask], int], Awaitable[list[list[Entry]]]]


async def newest(source: Readable, channel: Channel, session: str | None, count: int) -> list[Entry]:
    """Return the newest *count* entries of *channel*, oldest first."""
    _check("count", count)
    # A channel of sessions has a stream for each, so there is nothing left to filter.
    wanted = Wanted.of(session=session if channel.shared else None)
    found: list[Entry] = []
    for group in _groups(await source.streams(channel, session), count):
        found += await _scan(source.backward, dict.fromkeys(group, ""), wanted, count)
        found = sorted(found, key=by_id)[-count:]
    return found


async def page(
    source: Readable, channel: Channel, session: str | None, wanted: Wanted, *, after: str, limit: int
) -> tuple[list[Entry], str]:
    """Return the first *limit* entries after *after* that match, and the id to go on from (``""``: no more)."""
    _check("limit", limit)
    ids.order(after)
    found: list[Entry] = []
    for group in _groups(await source.streams(channel, session), limit + 1):
        found += await _scan(source.forward, dict.fromkeys(group, after), wanted, limit + 1)
        found.sort(key=by_id)
        end = _end(found, limit)
        del found[end + 1 :]  # one more than the page, to know whether there is more
    end = _end(found, limit)
    return found[:end], found[end - 1].id if len(found) > end else ""


async def find(source: Readable, channel: Channel, session: str | None, entry_id: str) -> list[Entry]:
    """Return the entries of *channel* that have the id *entry_id*, in whatever streams."""
    wanted, before, found = Wanted.of(session=session), ids.before(entry_id), list[Entry]()
    for group in _groups(await source.streams(channel, session), 1):
        for entries in await source.forward([(stream, before) for stream in group], 1):
            found += [entry for entry in entries if entry.id == entry_id and wanted.matches(entry)]
    return found


async def follow(
    source: Streams,
    channels: Collection[Channel],
    session: str | None,
    wanted: Wanted,
    cursor: Cursor,
    closed: Callable[[], bool],
) -> AsyncIterator[Entry]:
    """Yield the entries that match as they come, until *closed*."""
    while not closed():
        for entry in await source.fresh(channels, session, cursor):
            cursor.advance(entry.stream, entry.id)
            if wanted.matches(entry):
                yield entry


async def _scan(step: Step, positions: dict[StreamId, str], wanted: Wanted, enough: int) -> list[Entry]:
    """Return the matches of each stream, at least *enough* of them or all that it has."""
    chunk = max(enough, SCAN) if wanted.fields else enough
    missing = dict.fromkeys(positions, enough)
    found: list[Entry] = []
    while positions:
        asks = list(islice(positions.items(), max(AT_ONCE // chunk, 1)))
        for (stream, _), entries in zip(asks, await step(asks, chunk), strict=True):
            matches = [entry for entry in entries if wanted.matches(entry)]
            found += matches
            missing[stream] -= len(matches)
            if len(entries) < chunk or missing[stream] <= 0:
                del positions[stream]
            else:
                positions[stream] = entries[-1].id
    return found


def _end(entries: list[Entry], limit: int) -> int:
    """Return where a page of sorted *entries* ends: after *limit*, but never between two that share an id."""
    end = limit
    while end < len(entries) and entries[end].id == entries[end - 1].id:
        end += 1
    return min(end, len(entries))


def _groups(streams: Sequence[StreamId], each: int) -> list[list[StreamId]]:
    """Return *streams* in groups of which, with *each* entries of a stream, no more than ``AT_ONCE`` come."""
    left, size = iter(streams), max(min(GROUP, AT_ONCE // each), 1)
    return list(iter(lambda: list(islice(left, size)), []))


def _check(name: str, value: int) -> None:
    if not 1 <= value <= MOST:
        raise ValueError(f"{name} is {value}: it must be 1 to {MOST}")
