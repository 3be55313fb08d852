"""How a live reader reads many streams in the order of their ids, a bounded number of entries at a time.

Asking each stream for a hundred entries would fill the memory where a thousand streams have them, and take a store
longer than it may. So a reader asks all streams for a few, and notes where those go on that have more: their heads.
As long as heads are left it asks the stream that comes first, and then the others up to where that one's answer ends.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TypeAlias

from spine import ids
from spine.cursor import Cursor, StreamId
from spine.streams import AT_ONCE, Ask, Entry, by_id

FRESH = 100  # entries of one stream at a time
# Reads of each stream the entries after an id and up to one that all share (``"+"``: the end), and so many at most.
Between: TypeAlias = Callable[[Sequence[Ask], str, int], Awaitable[list[list[Entry]]]]


def share(streams: Collection[StreamId]) -> int:
    """Return for how many entries each of *streams* may be asked at once."""
    return max(1, min(FRESH, AT_ONCE // max(len(streams), 1)))


def take(told: Mapping[StreamId, Sequence[Entry]], count: int, cursor: Cursor) -> list[Entry]:
    """Return of what all streams *told*, *count* entries each at most, those that nothing unread can precede.

    They come in the order of their ids, and *cursor* learns where the streams that have more go on.
    """
    full = [some[-1] for some in told.values() if len(some) == count]
    horizon = min(map(by_id, full), default=ids.ALL)
    for stream, some in told.items():
        if by_id(some[-1]) > horizon or len(some) == count:
            cursor.heads[stream] = _head(some, horizon)
    return _up_to(horizon, told)


async def go_on(cursor: Cursor, between: Between) -> list[Entry]:
    """Return what comes next of the streams that *cursor* has heads of."""
    heads = cursor.heads
    first = min(heads, key=lambda stream: ids.order(heads[stream]))
    [found] = await between([(first, cursor.after(first))], "+", FRESH)
    if not found:
        del heads[first]
        return []
    end = by_id(found[-1])
    others = [stream for stream in heads if stream != first and ids.order(heads[stream]) <= end]
    count = share(others)
    answers = await between([(stream, cursor.after(stream)) for stream in others], found[-1].id, count)
    told = {first: found, **dict(zip(others, answers, strict=True))}
    horizon = min([end, *(by_id(some[-1]) for some in answers if len(some) == count)])
    heads |= {stream: _head(some, horizon) for stream, some in told.items()}
    return _up_to(horizon, told)


def _head(some: Sequence[Entry], horizon: ids.Order) -> str:
    """Return the id of the first entry beyond *horizon*; where none is known, *horizon* itself: none stands before."""
    return next((entry.id for entry in some if by_id(entry) > horizon), ids.text(horizon))


def _up_to(horizon: ids.Order, told: Mapping[StreamId, Sequence[Entry]]) -> list[Entry]:
    return sorted((entry for some in told.values() for entry in some if by_id(entry) <= horizon), key=by_id)
