"""Ids of entries: Redis' own form ``milliseconds-sequence``, and a clock that never runs backwards."""

import time
from collections.abc import Callable

from spine.errors import BadSignal

LAST_SEQUENCE = 2**64 - 1
START = "0-0"  # before every entry
ALL = (LAST_SEQUENCE, LAST_SEQUENCE)  # what the greatest id sorts by

Order = tuple[int, int]


def order(entry_id: str) -> Order:
    """Return what an id sorts by; ``""`` sorts before all; raise ``BadSignal`` for what is no id.

    >>> order("12-3") < order("12-10") < order("13")
    True
    """
    head, dash, tail = entry_id.partition("-")
    if not entry_id:
        return (0, 0)
    if not _is_number(head) or (dash and not _is_number(tail)):
        raise BadSignal("id", entry_id, "must be milliseconds-sequence")
    return (int(head), int(tail) if dash else 0)


def text(value: Order) -> str:
    """Return the id that sorts by *value*."""
    return f"{value[0]}-{value[1]}"


def before(entry_id: str) -> str:
    """Return the greatest id below *entry_id*.

    >>> before("7-3"), before("7-0")
    ('7-2', '6-18446744073709551615')
    """
    head, tail = order(entry_id)
    return text((head, tail - 1) if tail else (max(head - 1, 0), LAST_SEQUENCE))


def seconds(entry_id: str) -> float:
    """Return the time within an id as unix seconds, by the clock of whoever gave the id."""
    return order(entry_id)[0] / 1000


class IdClock:
    """Gives ids that only ever grow, whatever the wall clock does.

    The wall is read once; from then on time is that reading plus the monotonic clock. `follow` moves the anchor to
    a server's clock, so that ids given here while the server is away go on where its own ended.
    """

    def __init__(
        self, *, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._anchor = (wall() * 1000, monotonic())
        self._last: Order = (0, 0)

    def next(self) -> str:
        """Return a new id, greater than every id given or seen before."""
        now = (self._milliseconds(), 0)
        last = self._last
        self._last = now if now > last else (last[0], last[1] + 1)
        return text(self._last)

    def saw(self, entry_id: str) -> None:
        """Take note of an id that someone else gave."""
        seen = order(entry_id)
        if seen > self._last:
            self._last = seen

    def follow(self, milliseconds: float) -> None:
        """Take *milliseconds* (unix) as the time now, as a server just told it."""
        self._anchor = (milliseconds, self._monotonic())

    @property
    def last(self) -> str:
        """The greatest id given or seen."""
        return text(self._last)

    def before_now(self) -> str:
        """Return an id below those that the server may give from now on.

        The anchor was taken when the server's answer had arrived, so this estimate is never ahead of the server.
        """
        return text((self._milliseconds() - 1, LAST_SEQUENCE))

    def _milliseconds(self) -> int:
        told, at = self._anchor
        return int(told + (self._monotonic() - at) * 1000)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(LAST_SEQUENCE))
