"""Server-sent events, read: bytes in as they arrive, whole event payloads out."""

# A longer event is no token: a broken or hostile engine is cut off before it fills the memory.
MAX_EVENT = 1 << 20


class EventTooLong(ValueError):
    """An event grew past ``MAX_EVENT`` bytes without an end."""


class EventStream:
    """Cuts a byte stream into the payloads of its ``data:`` events.

    Follows the server-sent events part of the HTML standard as far as engines use it: LF or CRLF lines, comments,
    several ``data:`` lines in one event, any split of the bytes.
    """

    __slots__ = ("_data", "_size", "_tail")

    def __init__(self) -> None:
        self._tail = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes; give the payloads of the events that they complete.

        Raises:
            EventTooLong: one event is longer than ``MAX_EVENT``.
        """
        if chunk[:6] == b"data: " and chunk[-2:] == b"\n\n" and not self._tail and not self._data:
            events = chunk[6:-2].split(b"\n\ndata: ")  # whole events of one line each: how engines send tokens
            if chunk.count(b"\n") == 2 * len(events) and len(max(events, key=len)) < MAX_EVENT:
                return [event.strip() for event in events]
        lines = (self._tail + chunk if self._tail else chunk).split(b"\n")
        self._tail = lines.pop()
        out: list[bytes] = []
        data = self._data
        for line in lines:
            if line[:5] == b"data:":
                data.append(line[5:].strip())
                self._size += len(line)
            elif data and line in (b"", b"\r"):
                out.append(data[0] if len(data) == 1 else b"\n".join(data))
                data.clear()
                self._size = 0
        if self._size + len(self._tail) > MAX_EVENT:
            raise EventTooLong
        return out

    def close(self) -> list[bytes]:
        """Give the last event, where the stream ended without the blank line after it."""
        return self.feed(b"\n\n")
