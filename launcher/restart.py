"""When an ended program is started again, and when no more: arithmetic only."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Restart:
    """The rule: wait *first* seconds, then *factor* times as long each time; give up at *starts* within *window* s."""

    first: float = 1.0
    factor: float = 2.0
    longest: float = 60.0
    jitter: float = 0.1  # part of the wait by which it varies, so that several programs do not start in step
    starts: int = 5
    window: float = 60.0
    final_codes: frozenset[int] = frozenset()  # exit codes that trying again cannot change

    def delay(self, code: int, starts: Sequence[float], now: float, chance: float) -> float | None:
        """Return the seconds to wait before the next start, or None: give up.

        *starts* are the times of the starts since the program last ran for a whole window, *chance* is in [0, 1).

        >>> Restart().delay(1, starts=[0.0, 1.1], now=1.2, chance=0.5)
        2.0
        """
        recent = sum(now - start < self.window for start in starts)
        if code in self.final_codes or recent >= self.starts:
            return None
        wait = min(self.longest, self.first * self.factor ** max(0, len(starts) - 1))
        return wait * (1 + self.jitter * (2 * chance - 1))


#: For a program that is not started again.
NEVER = Restart(starts=1, window=float("inf"))
