"""When the bus must make room in its store's memory, how much, and who makes it: pure decisions about bytes.

A server that has a limit (``maxmemory``) is measured by what it uses in all, since that is what it refuses writes by;
what our own streams take is bounded beside that. Room is made from a high mark down to a low one, so that it is made
seldom and in blocks.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from spine import ids
from spine.cursor import StreamId

LOW = 7 / 8  # of the high mark: what is made room for at a time is an eighth of it
FLOOR = 1 / 4  # of the high mark: what our sessions keep, however much of the server others fill
# What our streams may take on a server that has no limit, unless the settings say: what 512 MiB would leave them.
USUAL = 384 * 1024 * 1024
NEW_STREAM = 4096  # bytes that a server sets aside when a stream begins, however little is in it


@dataclass(frozen=True, slots=True)
class Marks:
    """The bounds on one store, in bytes; None where there is none.

    ``used``: of the server's memory, beyond which room is made. ``own``: of our streams. ``step``: how much may be
    written until the next look.
    """

    used: int | None
    own: int | None
    step: int


def marks(limit: int | None, *, share: float, own: int | None) -> Marks:
    """Return the marks for a server that refuses writes at *limit* bytes (None: it has no limit).

    Four steps lie between the mark and the limit, for what others write meanwhile and for one large write.

    >>> marks(512, share=0.75, own=None)
    Marks(used=384, own=None, step=32)
    """
    if limit is None:
        own = USUAL if own is None else own
        return Marks(None, own, max(own // 16, 1))
    used = int(limit * share)
    steps = [(limit - used) // 4, *([] if own is None else [own // 16])]
    return Marks(used, own, max(min(steps), 1))


@dataclass(frozen=True, slots=True)
class Need:
    """How many bytes have to leave, and how many of the server's are neither ours to give up nor within its mark."""

    free: int
    beyond_us: int


def need(bounds: Marks, *, used: int | None, ours: int, fixed: int = 0) -> Need:
    """Return what has to leave of the *ours* bytes that sessions and channel 5 take.

    *used*: of the whole server; *fixed*: of channel 2's copy, which is ours and never leaves. Sessions are not emptied
    for what others fill: they keep a quarter of the mark.

    >>> need(Marks(800, None, 10), used=900, ours=600)
    Need(free=200, beyond_us=0)
    >>> need(Marks(800, None, 10), used=900, ours=250)
    Need(free=50, beyond_us=150)
    """
    asked = [
        (over - int(mark * LOW), max(ours - int(mark * FLOOR), 0))
        for over, mark in ((used, bounds.used), (ours + fixed, bounds.own))
        if over is not None and mark is not None and over > mark
    ]
    given = max((min(free, most) for free, most in asked), default=0)
    return Need(given, max((free - min(free, most) for free, most in asked), default=0))


def longest_unused(stored: Iterable[str], last: Mapping[str, str]) -> list[str]:
    """Return the *stored* sessions, the longest unused first.

    *stored* comes in the order of the index, which is true to the minute; *last* has the id of the last entry of those
    that this process wrote. A session without one was not written since the process began: it goes first.

    >>> longest_unused(["a", "b", "c"], {"a": "9-0", "c": "8-0"})
    ['b', 'c', 'a']
    """
    return sorted(stored, key=lambda session: ids.order(last.get(session, ids.START)))


def victims(sizes: Sequence[tuple[str, int]], free: int, *, keep: Collection[str]) -> list[str]:
    """Return the sessions that leave so that *free* bytes do: of *sizes*, the longest unused first, and no more.

    Sessions in *keep* stay, and so do those that hold nothing: nothing would be won by them.

    >>> victims([("a", 5), ("b", 0), ("c", 7), ("d", 9)], 8, keep={"a"})
    ['c', 'd']
    """
    chosen: list[str] = []
    for session, size in sizes:
        if free <= 0:
            break
        if size > 0 and session not in keep:
            chosen.append(session)
            free -= size
    return chosen


def largest(sizes: Mapping[StreamId, int], total: int) -> dict[StreamId, int]:
    """Return the fewest streams that take *total* bytes together, the largest first; all where they take less.

    >>> [stream.session for stream in largest({StreamId(3, "a"): 5, StreamId(3, "b"): 9}, 8)]
    ['b']
    """
    chosen: dict[StreamId, int] = {}
    for stream, size in sorted(sizes.items(), key=lambda item: item[1], reverse=True):
        if total <= 0:
            break
        if size > 0:
            chosen[stream] = size
            total -= size
    return chosen
