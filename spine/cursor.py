"""Where a live reader stands, also in words that it can come back with.

Ids order entries within a stream; over several streams a server gives the same id twice. So a reader keeps one
position for each stream. In words that is an id, up to which all streams were read, and the streams that were read
beyond it: ``ID,CHANNEL:SESSION:ID,...``.
"""

from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from spine import ids
from spine.errors import BadSignal
from spine.signal import Channel, check_name

# Milliseconds. The first signal of a new session can reach a reader a quarter of a second after later ones of others.
SLACK = 2_000
MOST = 64  # streams named in words, those read last: the words travel in an HTTP header


class StreamId(NamedTuple):
    """One stream: a channel of a session, or of all (then ``session`` is empty)."""

    channel: Channel
    session: str


def stream_of(channel: Channel, session: str) -> StreamId:
    """Return the stream that signals of *session* on *channel* go to."""
    return StreamId(channel, "" if channel.shared else session)


@dataclass(slots=True)
class Cursor:
    """A reader's place in each stream: ``seen``, and ``start`` for the streams that it has not met yet.

    ``heads``: where the streams go on that the reader is behind on. No entry new to it stands before that id.
    """

    start: str
    seen: dict[StreamId, str] = field(default_factory=dict)  # the stream read last is last
    last: ids.Order = (0, 0)  # the greatest id that was read
    heads: dict[StreamId, str] = field(default_factory=dict)

    def after(self, stream: StreamId) -> str:
        """Return the id after which *stream* is new to the reader."""
        return max(self.seen.get(stream, self.start), self.start, key=ids.order)

    def advance(self, stream: StreamId, entry_id: str) -> None:
        """Take note that the reader has the entry *entry_id* of *stream*."""
        self.seen.pop(stream, None)
        self.seen[stream] = entry_id
        self.last = max(self.last, ids.order(entry_id))

    def words(self) -> str:
        """Return the place as `parse` reads it.

        All streams were read up to some time before the last entry; those read beyond that time are named.
        """
        base = max((self.last[0] - SLACK, ids.LAST_SEQUENCE), ids.order(self.start))
        recent = list(islice(reversed(self.seen.items()), MOST + 1))
        if len(recent) > MOST:
            base = max(base, ids.order(recent.pop()[1]))
        named = [(stream, seen) for stream, seen in recent if ids.order(seen) > base]
        return ",".join([ids.text(base), *(f"{s.channel.value}:{s.session}:{seen}" for s, seen in named)])

    @classmethod
    def parse(cls, words: str) -> "Cursor":
        """Return the place that *words* tell: an id, or what `words` gave; raise ``BadSignal``.

        >>> Cursor.parse("7-0,1:mine:9-2").after(StreamId(Channel.SESSION, "mine"))
        '9-2'
        """
        base, *named = words.split(",")
        if len(named) > MOST:
            raise BadSignal("after", words, f"names more than {MOST} streams")
        ids.order(base)
        found = cls(base or ids.START)
        for part in named:
            channel, _, rest = part.partition(":")
            session, _, seen = rest.partition(":")
            if channel not in {str(c.value) for c in Channel} or not seen:
                raise BadSignal("after", part, "must be CHANNEL:SESSION:ID")
            if session or not Channel(int(channel)).shared:
                check_name("session", session)
            ids.order(seen)
            found.advance(stream_of(Channel(int(channel)), session), seen)
        return found
