"""Drafts as they are being written: shown in whole sentences, at the latest a moment after they came."""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from harmonic_stack.chat_client import OnText
from harmonic_stack.engine.connection import DRAFT
from harmonic_stack.query import DraftDelta, Seat, StreamDrafts

# Looked at about this often while text is pending, in seconds: enough to read along, seldom enough to cost nothing.
TICK = 0.1
SLACK = 0.005
_SENTENCE_END = re.compile(r"[.!?…][\"')\]]*\s|\n")

Show = Callable[[Sequence[DraftDelta]], None]


@dataclass(slots=True)
class _Draft:
    """One seat's text: all of it, and how much was shown."""

    seat: Seat
    said: list[str] = field(default_factory=list)
    pieces: int = 0
    pending: list[str] = field(default_factory=list)
    since: float = 0.0


class LiveDrafts:
    """Collects what the agents write and shows it in batches, all agents of a tick together."""

    def __init__(self, show: Show, *, mode: StreamDrafts = "sentences", flush_seconds: float = 0.4) -> None:
        """*show* gets each batch; a piece of text is shown at the latest *flush_seconds* after it came."""
        self._show = show
        self.patient = mode != "tokens"  # then text may have waited for a draft's rest before it is written here
        self._wait = max(flush_seconds - DRAFT.most, 0.0)
        self._tick = self._wait / max(round(self._wait / TICK), 1) if self.patient else 0.0
        self._drafts: dict[Seat, _Draft] = {}
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def writer(self, seat: Seat) -> OnText:
        """The callback that takes the text of one seat's draft as it comes."""
        draft = self._drafts[seat] = _Draft(seat)

        def write(text: str, pieces: int) -> None:
            draft.said.append(text)
            draft.pieces += pieces
            if not draft.pending:
                draft.since = self._loop.time()
                if self._timer is None:
                    self._timer = self._loop.call_later(self._tick, self._on_tick)
            draft.pending.append(text)

        return write

    def text(self, seat: Seat) -> str:
        """What the seat wrote so far."""
        draft = self._drafts.get(seat)
        return "".join(draft.said) if draft else ""

    def pieces(self, seat: Seat) -> int:
        """How many pieces of text came; engines send one token a piece."""
        draft = self._drafts.get(seat)
        return draft.pieces if draft else 0

    def flush(self) -> None:
        """Show all that is pending, whole sentences or not."""
        self._emit(at_once=True)

    def close(self) -> None:
        """Show what is pending and stop."""
        self.flush()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_tick(self) -> None:
        self._timer = None
        self._emit(at_once=self._tick == 0.0)
        if any(draft.pending for draft in self._drafts.values()):
            self._timer = self._loop.call_later(self._tick or TICK, self._on_tick)

    def _emit(self, *, at_once: bool) -> None:
        now = self._loop.time()
        batch: list[DraftDelta] = []
        for draft in self._drafts.values():
            if not draft.pending:
                continue
            text = "".join(draft.pending)
            due = now + self._tick - draft.since > self._wait + SLACK  # the next look would be too late
            whole = len(text) if at_once or due else _last_sentence_end(text)
            if text[:whole].strip():  # white space alone waits for what follows it
                batch.append(DraftDelta(draft.seat, text[:whole]))
                draft.pending = [text[whole:]] if whole < len(text) else []
                draft.since = now
        if batch:
            self._show(batch)


def _last_sentence_end(text: str) -> int:
    """How many characters stand before the start of the last, unfinished sentence.

    >>> _last_sentence_end("One. Two. Thr")
    10
    """
    end = 0
    for match in _SENTENCE_END.finditer(text):
        end = match.end()
    return end
