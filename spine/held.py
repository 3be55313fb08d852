"""The sessions that are in use just now: none of them is evicted."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Held:
    """How many hold each session; a session that nobody holds may make room for others."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    @contextmanager
    def using(self, session: str) -> Iterator[None]:
        """Hold *session* for the length of a ``with``."""
        self._counts[session] += 1
        try:
            yield
        finally:
            self._counts[session] -= 1
            if not self._counts[session]:
                del self._counts[session]

    def __contains__(self, session: object) -> bool:
        return session in self._counts

    @property
    def total(self) -> int:
        """How many sessions are held."""
        return len(self._counts)
