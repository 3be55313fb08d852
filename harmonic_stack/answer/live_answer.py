"""The answer as it grows: what the client was given, word for word."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from harmonic_stack.query import AnswerDelta, Completion, Event, Seat, ToolCallDelta


class LiveAnswer:
    """Hands pieces of the answer to the client and remembers them.

    Args:
        put: takes each piece.
        choice: numbers one answer of several.
        stop: the caller's stop texts. An engine heeds them in what it was asked with them; a draft was not.
    """

    def __init__(self, put: Callable[[Event], None], choice: int = 0, *, stop: Sequence[str] = ()) -> None:
        self._put, self._choice, self._stop = put, choice, stop
        self._said: list[str] = []
        self._logprobs: tuple[Mapping[str, Any], ...] = ()
        self.pieces = 0

    def write(self, text: str, pieces: int = 1) -> None:
        """Give the client the next words, which the engine sent in so many *pieces* (one token each)."""
        self._said.append(text)
        self.pieces += pieces
        self._put(AnswerDelta(text, self._choice, self._logprobs))
        self._logprobs = ()

    def write_whole(self, text: str) -> None:
        """Give the client a text that was written without the caller's stop texts, up to the first of them."""
        places = [place for word in self._stop if word and (place := text.find(word)) >= 0]
        self.write(text[: min(places, default=len(text))])

    def take_extra(self, extra: ToolCallDelta | tuple[Mapping[str, Any], ...]) -> None:
        """Give the client a piece of a tool call; keep probabilities for the text that they belong to."""
        if isinstance(extra, ToolCallDelta):
            self._put(replace(extra, choice=self._choice))
        else:
            self._logprobs += extra

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._said)

    def partial(self, _: Seat) -> Completion:
        """What a call that broke off had written."""
        return Completion(text=self.text, finish="error", completion_tokens=self.pieces)
