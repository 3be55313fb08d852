"""Signals as JSON lines: what an export writes and an import reads."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from spine.bus import Bus, Taken
from spine.errors import BadLine, BadSignal, EntryTooLarge, NotAllowed, SpineError
from spine.signal import Channel, Signal, Trust
from spine.wire import MAX_ENTRY

VERSION = 1
# A line is an entry's content with its names around it, and JSON writes some characters with six.
MAX_LINE = 6 * MAX_ENTRY + 4096
BATCH = 2_000  # signals put back at a time
BATCH_BYTES = 8 * 1024 * 1024  # of their lines
TOLD = 100  # refusals that are told; all are counted


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    """One line; ``v`` is the form's version, and a line without one has the first."""

    id: str
    channel: int
    session: str
    writer: str
    kind: str
    trust: Literal["user", "agent", "system"]
    time: float
    query: str = ""
    text: str = ""
    payload: dict[str, Any] | None = None
    frame: dict[str, Any] | None = None
    v: int = VERSION


_decoder = msgspec.json.Decoder(_Line)


@dataclass(slots=True)
class Imported:
    """What became of the lines of an import. ``refused`` counts all; ``refusals`` holds the first hundred by line."""

    lines: int = 0
    counts: dict[Taken, int] = field(default_factory=lambda: dict.fromkeys(Taken, 0))
    refused: int = 0
    refusals: list[tuple[int, SpineError]] = field(default_factory=list)

    def refuse(self, line: int, error: SpineError) -> None:
        """Take note that *line* was refused because of *error*."""
        self.refused += 1
        if len(self.refusals) < TOLD:
            self.refusals.append((line, error))


def to_object(signal: Signal) -> dict[str, Any]:
    """Return *signal* as the JSON object that every reader gets, without a version."""
    return {
        "id": signal.id,
        "channel": signal.channel.value,
        "session": signal.session,
        "query": signal.query,
        "writer": signal.writer,
        "kind": signal.kind,
        "trust": signal.trust.value,
        "time": signal.time,
        "text": signal.text,
        "payload": signal.payload,
        "frame": signal.frame,
    }


def to_line(signal: Signal) -> bytes:
    """Return *signal* as one line with its end.

    >>> to_line(Signal(Channel.TASK, "s", "coder", "note", id="7-0", time=1.0))[:42]
    b'{"v":1,"id":"7-0","channel":3,"session":"s'
    """
    return msgspec.json.encode({"v": VERSION, **to_object(signal)}) + b"\n"


def from_line(line: bytes, number: int) -> Signal:
    """Return the signal of one line; raise ``BadLine``."""
    if len(line) > MAX_LINE:
        raise BadLine(number, f"it has more than {MAX_LINE} bytes")
    try:
        found = _decoder.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadLine(number, str(error)) from None
    if found.v != VERSION:
        raise BadLine(number, f"its form is version {found.v}, this program reads {VERSION}")
    if found.channel not in set(Channel):
        raise BadLine(number, f"there is no channel {found.channel}")
    if not found.time > 0:
        raise BadLine(number, "its time must be above 0")
    try:
        return Signal(
            channel=Channel(found.channel),
            session=found.session,
            writer=found.writer,
            kind=found.kind,
            text=found.text,
            payload=found.payload,
            query=found.query,
            trust=Trust(found.trust),
            frame=found.frame,
            id=found.id,
            time=found.time,
        )
    except BadSignal as error:
        raise BadLine(number, str(error)) from None


async def export_lines(bus: Bus, session: str | None = None, *, page: int = 500) -> AsyncIterator[bytes]:
    """Yield every signal, or one session's, as lines, channel by channel, *page* signals at a time."""
    for channel in Channel:
        after, more = "", True
        while more:
            found = await bus.read(channel, session=session, after=after, limit=page)
            yield b"".join(map(to_line, found.signals))
            after, more = found.next, bool(found.next)


async def import_lines(bus: Bus, body: AsyncIterator[bytes]) -> Imported:
    """Put the signals of *body*'s lines back onto *bus*, each whole or not at all.

    A line that is refused is counted and told by its number, and costs no other. Raises ``StoreRefused``,
    ``StoreUnavailable`` or ``RecordUnavailable`` where the bus itself fails: what came before stays, and a second
    import of the same lines adds what is missing.
    """
    done = Imported()
    waiting: list[tuple[int, Signal]] = []
    size = 0
    async for line in _lines(body):
        done.lines += 1
        if not line.strip():
            continue
        try:
            waiting.append((done.lines, from_line(line, done.lines)))
            size += len(line)
        except BadLine as error:
            done.refuse(done.lines, error)
        if len(waiting) >= BATCH or size >= BATCH_BYTES:
            await _put_back(bus, waiting, done)
            waiting, size = [], 0
    await _put_back(bus, waiting, done)
    return done


async def _put_back(bus: Bus, numbered: list[tuple[int, Signal]], done: Imported) -> None:
    """Put all back at once; when one is refused, each by itself."""
    if not numbered:
        return
    try:
        for taken in await bus.insert([signal for _, signal in numbered]):
            done.counts[taken] += 1
    except (BadSignal, EntryTooLarge, NotAllowed) as error:
        if len(numbered) == 1:
            done.refuse(numbered[0][0], error)
            return
        half = len(numbered) // 2
        await _put_back(bus, numbered[:half], done)
        await _put_back(bus, numbered[half:], done)


async def _lines(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Split a body into lines; of one that is too long its beginning comes, which is too long as well."""
    rest = b""
    async for chunk in body:
        *whole, tail = chunk.split(b"\n")
        for line in whole:
            yield rest + line
            rest = b""
        if len(rest) <= MAX_LINE:
            rest += tail
    if rest:
        yield rest
