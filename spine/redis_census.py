"""What one stream adds to the census of its channel, as the server tells it."""

from collections.abc import Callable, Mapping

from spine import ids
from spine.errors import StoreRefused
from spine.redis_bus import Reply
from spine.redis_reply import number, text
from spine.streams import Census


def joined(census: Census, info: Mapping[str, Reply], size: Reply | StoreRefused) -> Census:
    """Add one stream, as XINFO and MEMORY USAGE tell it, to what is known of its channel."""
    if not info:
        return census
    length = number(info["length"])
    # An access list may refuse MEMORY: then the size is unknown, not zero.
    known = census.bytes is not None and isinstance(size, int)
    return Census(
        entries=census.entries + length,
        bytes=(census.bytes or 0) + number(None if isinstance(size, StoreRefused) else size) if known else None,
        dropped=census.dropped,
        oldest=_least(census.oldest, _time(info["first-entry"]), min),
        newest=_least(census.newest, _time(info["last-entry"]), max),
    )


def _time(entry: Reply) -> float | None:
    return ids.seconds(text(entry[0])) if isinstance(entry, list) else None


def _least(one: float | None, other: float | None, choose: Callable[..., float]) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return choose(known) if known else None
