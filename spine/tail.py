"""A live reader of the bus: signals as they come, and the place to go on from after a break."""

from collections.abc import AsyncGenerator, Callable

from spine.signal import Signal


class Tail:
    """Iterate over it for the signals; ``aclosing`` ends it early."""

    def __init__(self, signals: AsyncGenerator[Signal, None], position: Callable[[], str]) -> None:
        self._signals = signals
        self._position = position

    @property
    def position(self) -> str:
        """Where the reader stands, for ``after``: it had the signal given last and all before it, once each."""
        return self._position()

    def __aiter__(self) -> "Tail":
        return self

    async def __anext__(self) -> Signal:
        return await anext(self._signals)

    async def aclose(self) -> None:
        """End the reading; closing twice is fine."""
        await self._signals.aclose()
