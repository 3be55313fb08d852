"""The answer as it grows: what the client was given, word for word."""

from collections.abc import Callable

from harmonic_stack.query import AnswerDelta, Completion, Event, Seat


class LiveAnswer:
    """Hands pieces of the answer to the client and remembers them."""

    def __init__(self, put: Callable[[Event], None]) -> None:
        self._put = put
        self._pieces: list[str] = []

    def write(self, text: str) -> None:
        """Give the client the next piece."""
        self._pieces.append(text)
        self._put(AnswerDelta(text))

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._pieces)

    @property
    def pieces(self) -> int:
        """How many pieces came; engines send one token a piece."""
        return len(self._pieces)

    def partial(self, _: Seat) -> Completion:
        """What a call that broke off had written."""
        return Completion(text=self.text, finish="error", completion_tokens=self.pieces)
