"""What the server's raw replies mean: the one place that says their true types."""

from collections.abc import Sequence
from typing import cast

from spine.cursor import StreamId
from spine.errors import StoreRefused, StoreState
from spine.redis_bus import Reply
from spine.streams import Entry


def check(replies: Sequence[Reply | StoreRefused]) -> list[Reply]:
    """Return *replies* when none is a refusal; raise the first refusal otherwise."""
    for reply in replies:
        if isinstance(reply, StoreRefused):
            raise reply
    return cast("list[Reply]", list(replies))


def present(reply: Reply | StoreRefused) -> Reply:
    """Return *reply*, or None for the plain ERR by which the server says that there is no such key."""
    if isinstance(reply, StoreRefused):
        if reply.state is not StoreState.OTHER:
            raise reply
        return None
    return reply


def number(reply: Reply) -> int:
    """Return an integer reply."""
    return cast("int", reply)


def text(reply: Reply) -> str:
    """Return a string reply; ``""`` when there is none."""
    return cast("bytes", reply or b"").decode(errors="replace")


def entries(stream: StreamId, reply: Reply) -> list[Entry]:
    """Return the entries of an XRANGE or XREVRANGE reply: pairs of an id and a flat list of fields."""
    rows = cast("list[tuple[bytes, list[bytes]]]", reply or [])
    return [Entry(stream, name.decode(), dict(zip(flat[::2], flat[1::2], strict=True))) for name, flat in rows if flat]


def by_stream(reply: Reply) -> list[tuple[str, Reply]]:
    """Return the (key, XRANGE reply) pairs of an XREAD reply, which is empty when its wait ran out."""
    return [(key.decode(), rows) for key, rows in cast("list[tuple[bytes, Reply]]", reply or [])]


def pairs(reply: Reply) -> dict[str, Reply]:
    """Return a flat reply of names and values as a mapping."""
    flat = cast("list[Reply]", reply or [])
    return {text(name): value for name, value in zip(flat[::2], flat[1::2], strict=True)}


def values(reply: Reply) -> list[Reply]:
    """Return an array reply."""
    return cast("list[Reply]", reply or [])


def texts(reply: Reply) -> list[str]:
    """Return an array of words."""
    return list(map(text, values(reply)))


def scores(reply: Reply) -> dict[str, float]:
    """Return a WITHSCORES reply as member -> score, in its order."""
    return {name: float(text(score)) for name, score in pairs(reply).items()}


def milliseconds(reply: Reply) -> float:
    """Return a TIME reply as unix milliseconds."""
    whole, micro = cast("list[bytes]", reply)
    return int(whole) * 1000 + int(micro) / 1000
