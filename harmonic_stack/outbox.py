"""Where an answer under way leaves its events, and the server takes all of them at once."""

import asyncio

from harmonic_stack.query import Event


class Outbox:
    """A mailbox of one writer and one reader: whatever came within one turn of the loop is taken together."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._wake: asyncio.Future[None] | None = None
        self._closed = False

    def put(self, event: Event) -> None:
        """Leave an event; never waits."""
        self._events.append(event)
        self._ring()

    def close(self) -> None:
        """Nothing more will come."""
        self._closed = True
        self._ring()

    async def take(self, timeout: float | None = None) -> list[Event] | None:
        """Everything left so far, waiting for the first event; None after the end.

        Returns an empty list where nothing came within *timeout* seconds.
        """
        if not self._events and not self._closed:
            self._wake = asyncio.get_running_loop().create_future()
            timer = None
            if timeout is not None:
                timer = asyncio.get_running_loop().call_later(timeout, self._ring)
            try:
                await self._wake
            finally:
                self._wake = None
                if timer is not None:
                    timer.cancel()
        if not self._events:
            return None if self._closed else []
        events, self._events = self._events, []
        return events

    def _ring(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
