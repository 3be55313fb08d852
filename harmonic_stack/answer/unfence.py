"""Keeps the fences of a merge prompt out of the answer: a small model may copy them."""

from harmonic_stack.chat_client import OnText


class Unfenced:
    """Passes text on as it comes, without the lines that begin with the fence."""

    def __init__(self, fence: str, write: OnText) -> None:
        self._mark, self._write = f"[{fence}", write
        self._held = ""  # the start of a line that may still become a fence
        self._in_line = False
        self._pieces = 0

    def write(self, text: str, pieces: int) -> None:
        """Take the next text; what can be no fence any more is passed on at once."""
        self._held += text
        self._pieces += pieces
        passed = ""
        while self._held:
            end = self._held.find("\n") + 1
            if self._in_line:
                passed += self._held[: end or len(self._held)]
                self._held = self._held[end:] if end else ""
                self._in_line = not end
            elif self._held.startswith(self._mark):
                if not end:
                    break  # a fence whose line goes on
                self._held = self._held[end:]
            elif self._mark.startswith(self._held):
                break
            else:
                self._in_line = True
        self._pass_on(passed)

    def close(self) -> None:
        """Pass on what was held back and turned out to be no fence."""
        held, self._held = self._held, ""
        self._pass_on("" if held.startswith(self._mark) else held)

    def _pass_on(self, text: str) -> None:
        if text:
            self._write(text, self._pieces)
            self._pieces = 0
