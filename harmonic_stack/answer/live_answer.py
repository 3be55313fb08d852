"""The answer as it grows: what the client was given, word for word."""

from collections.abc import Callable

from harmonic_stack.query import AnswerDelta, Completion, Event, Seat


class LiveAnswer:
    """Hands pieces of the answer to the client and remembers them."""

    def __init__(self, put: Callable[[Event], None]) -> None:
        self._put = put
        self._said: list[str] = []
        self.pieces = 0

    def write(self, text: str, pieces: int = 1) -> None:
        """Give the client the next words, which the engine sent in so many *pieces* (one token each)."""
        self._said.append(text)
        self.pieces += pieces
        self._put(AnswerDelta(text))

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._said)

    def partial(self, _: Seat) -> Completion:
        """What a call that broke off had written."""
        return Completion(text=self.text, finish="error", completion_tokens=self.pieces)
