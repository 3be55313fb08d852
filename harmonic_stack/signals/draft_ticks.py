"""The words of drafts on their way to the spine: one signal for each draft and second, not one for each batch."""

from collections.abc import Sequence

from harmonic_stack.query import DraftDelta, Seat

# Seconds. People who follow a draft on the spine read along as well, and every signal costs the store a write.
TICK = 1.0


class DraftTicks:
    """One query's drafts: what they wrote and the spine does not hold yet."""

    def __init__(self) -> None:
        self._texts: dict[Seat, list[str]] = {}
        self._since = 0.0

    def add(self, batch: Sequence[DraftDelta], now: float) -> list[DraftDelta]:
        """Take the next words at *now* (any clock, seconds); give all that waits where the tick is over."""
        if not self._texts:
            self._since = now
        for delta in batch:
            self._texts.setdefault(delta.seat, []).append(delta.text)
        return self.take() if now - self._since >= TICK else []

    def take(self) -> list[DraftDelta]:
        """All that waits, one piece a draft."""
        texts, self._texts = self._texts, {}
        return [DraftDelta(seat, "".join(pieces)) for seat, pieces in texts.items()]
