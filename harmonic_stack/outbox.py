"""Where an answer under way leaves its events, and the server takes all of them at once."""

import asyncio

from harmonic_stack.query import Event


class Outbox:
    """A mailbox of one writer and one reader: whatever came within one turn of the loop is taken together."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._wake: asyncio.Future[None] | None = None
        self._closed = False
        self._since = 0.0  # when the reader last began to wait (the loop's clock)
        self._patience: asyncio.TimerHandle | None = None

    def put(self, event: Event) -> None:
        """Leave an event; never waits."""
        self._events.append(event)
        self._ring()

    def close(self) -> None:
        """Nothing more will come."""
        self._closed = True
        if self._patience is not None:
            self._patience.cancel()
        self._ring()

    async def take(self, timeout: float | None = None) -> list[Event] | None:
        """Everything left so far, waiting for the first event; None after the end.

        Returns an empty list where nothing came within *timeout* seconds.
        """
        if not self._events and not self._closed:
            loop = asyncio.get_running_loop()
            self._wake, self._since = loop.create_future(), loop.time()
            # One timer goes on from wait to wait: a token comes every few milliseconds, the timer every few seconds.
            if timeout is not None and self._patience is None:
                self._patience = loop.call_later(timeout, self._lose_patience, timeout)
            try:
                await self._wake
            finally:
                self._wake = None
        if not self._events:
            return None if self._closed else []
        events, self._events = self._events, []
        return events

    def _lose_patience(self, timeout: float) -> None:
        self._patience = None
        if self._wake is None:
            return  # nobody waits: the next wait sets a timer
        loop = asyncio.get_running_loop()
        left = self._since + timeout - loop.time()
        if left > 0:
            self._patience = loop.call_later(left, self._lose_patience, timeout)
        else:
            self._ring()

    def _ring(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
