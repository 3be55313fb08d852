"""Which session a request belongs to: the one it names, or the one whose history it continues."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Sequence

from harmonic_stack.query import Message

MAX_REMEMBERED = 10_000


class SessionChain:
    """Remembers, by digest, where each answered conversation stood, so that plain clients keep their session.

    After an answer the digest of (caller, messages, answer) is kept; a request whose history has that digest continues
    that session, once. A second match (another tab, a regeneration) or none starts a new session.
    """

    def __init__(self, limit: int = MAX_REMEMBERED) -> None:
        self._ends: OrderedDict[bytes, str] = OrderedDict()
        self._limit = limit

    def session_of(self, caller: str, messages: Sequence[Message]) -> str | None:
        """The session that the history of *messages* ends in; None where that is none of ours."""
        history = _history(messages)
        return self._ends.pop(_digest(caller, history), None) if history else None

    def remember(self, caller: str, messages: Sequence[Message], answer: str, session: str) -> None:
        """Keep where a conversation stands after its *answer*."""
        self._ends[_digest(caller, [*_talk(messages), Message("assistant", answer)])] = session
        while len(self._ends) > self._limit:
            self._ends.popitem(last=False)


def new_session() -> str:
    """The name of a session that nobody has spoken in."""
    return f"s-{secrets.token_hex(8)}"


def _talk(messages: Sequence[Message]) -> list[Message]:
    """The conversation itself; clients may change their system message between turns."""
    return [message for message in messages if message.role in ("user", "assistant", "tool")]


def _history(messages: Sequence[Message]) -> list[Message]:
    """All up to the last assistant message."""
    talk = _talk(messages)
    while talk and talk[-1].role != "assistant":
        talk.pop()
    return talk


def _digest(caller: str, messages: Sequence[Message]) -> bytes:
    digest = hashlib.blake2b(caller.encode(), digest_size=16)
    for message in messages:
        text = message.content.strip().encode()
        digest.update(b"\0%b\0%d\0%b" % (message.role.encode(), len(text), text))
    return digest.digest()
