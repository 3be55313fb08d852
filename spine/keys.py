"""Every key that the spine writes into a store is made here.

The braces make all streams of one session fall into one hash slot, should the store ever be a cluster.
"""

from spine.signal import Channel

_NUMBERS = {channel: str(channel.value) for channel in Channel}


def stream_key(channel: Channel, session: str, prefix: str = "") -> str:
    """Return the key of a channel's stream; the channels shared by all sessions ignore *session*.

    >>> stream_key(Channel.SESSION, "s1"), stream_key(Channel.META, "s1", "two")
    ('hs:{s1}:1', 'two:hs:{all}:5')
    """
    return _key("all" if channel.shared else session, _NUMBERS[channel], prefix)


def sessions_key(prefix: str = "") -> str:
    """Return the key of the sorted set of sessions, scored by when they were last in use (unix seconds)."""
    return _key("all", "sessions", prefix)


def started_key(prefix: str = "") -> str:
    """Return the key of the sorted set of sessions, scored by when they began (unix seconds)."""
    return _key("all", "started", prefix)


def dropped_key(prefix: str = "") -> str:
    """Return the key of the hash channel -> entries dropped so far; its values only grow."""
    return _key("all", "dropped", prefix)


def counted_key(prefix: str = "") -> str:
    """Return the key of the hash stream -> how many that left it are counted as dropped, or were forgotten."""
    return _key("all", "counted", prefix)


def counted_field(channel: Channel, session: str) -> str:
    """Return the field of a stream in the hash of `counted_key`."""
    return f"{_NUMBERS[channel]}:{'' if channel.shared else session}"


def woven_key(channel: Channel, session: str, prefix: str = "") -> str:
    """Return the key under which a stream is made anew before it takes its place; it lives for a minute at most."""
    return f"{stream_key(channel, session, prefix)}:new"


def mark_key(prefix: str = "") -> str:
    """Return the key of the store's mark: it is gone, or another, after the store was wiped or replaced."""
    return _key("all", "mark", prefix)


def _key(tag: str, name: str, prefix: str) -> str:
    key = f"hs:{{{tag}}}:{name}"
    return f"{prefix}:{key}" if prefix else key
