"""What the spine tells of one query: every signal of it, in order, channel by channel."""

from typing import Any

from harmonic_stack.errors import QueryNotFound
from harmonic_stack.signals.session_state import state_of
from ommatidia import Encoder, frame_of
from spine import Bus, Channel, Signal, to_object

MAX_SIGNALS = 1000


def signal_object(signal: Signal, encoder: Encoder) -> dict[str, Any]:
    """A signal as JSON. What follows from its text and is not kept is made now: its frame, a first turn's state."""
    found = to_object(signal)
    if signal.channel is Channel.SESSION and signal.kind == "turn":
        payload = signal.payload or {}
        found["payload"] = {**payload, "state": state_of(payload, signal.text, encoder)}
    if signal.frame is None and signal.text:
        found["frame"] = frame_of(signal.text, encoder).to_json()
    return found


async def query_story(bus: Bus, query: str, encoder: Encoder) -> dict[str, Any]:
    """All signals of *query* by channel, and its session.

    Raises:
        QueryNotFound: the spine holds nothing of it (any more).
    """
    costs = await bus.read(Channel.META, query=query, limit=MAX_SIGNALS)
    session = costs.signals[0].session if costs.signals else None
    channels: dict[str, list[dict[str, Any]]] = {}
    for channel in Channel:
        page = await bus.read(channel, session=session, query=query, limit=MAX_SIGNALS)
        channels[str(channel.value)] = [signal_object(signal, encoder) for signal in page.signals]
        if session is None and page.signals:
            session = page.signals[0].session
    if session is None:
        raise QueryNotFound(query)
    return {"query": query, "session": session, "channels": channels}
