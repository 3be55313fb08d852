"""Who may write which channel: only the orchestrator, or a user who asks for it, writes lasting memory.

An agent's words may carry anything that the agent was made to say; memory across sessions would carry it on for good.
"""

from collections.abc import Mapping

from spine.errors import NotAllowed
from spine.signal import JSON, Channel, Signal, Trust

ORCHESTRATOR = "orchestrator"
REMEMBER = "remember"


def check_writer(signal: Signal) -> None:
    """Raise ``NotAllowed`` unless the signal's writer may write its channel."""
    if signal.channel is not Channel.PERSISTENT or signal.writer == ORCHESTRATOR:
        return
    if signal.trust is Trust.USER and signal.kind == REMEMBER:
        return
    raise NotAllowed(signal.writer, signal.channel)


def remember(text: str, *, session: str, writer: str = "user", payload: Mapping[str, JSON] | None = None) -> Signal:
    """Return the signal by which a user has *text* remembered across sessions."""
    return Signal(Channel.PERSISTENT, session, writer, kind=REMEMBER, text=text, payload=payload, trust=Trust.USER)
