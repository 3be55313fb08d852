"""Responses that are kept: each on channel 1 of a session of its own, which bears the response's id."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from harmonic_stack.bridge import ORCHESTRATOR
from harmonic_stack.errors import ResponseNotFound
from harmonic_stack.names import is_name
from harmonic_stack.query import Query
from spine import Bus, Channel, Signal, SpineError, Trust

log = logging.getLogger(__name__)
KIND = "response"
PREFIX = "resp_"
Items = list[dict[str, Any]]


class ResponseStore:
    """Keeps responses on the spine; only the key that asked for one gets it back."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def keep(self, query: Query, response: Mapping[str, Any], given: Sequence[Mapping[str, Any]]) -> bool:
        """Keep a finished response with the items *given* as its input; False where the store does not take it."""
        owner: dict[str, Any] = {"caller": query.caller, "session": query.session}
        payload = {**owner, "input": list(given), "response": response}
        session = str(response["id"])
        signal = Signal(
            Channel.SESSION, session, ORCHESTRATOR, query=query.id, kind=KIND, payload=payload, trust=Trust.SYSTEM
        )
        try:
            await self._bus.publish(signal)
        except SpineError as error:
            log.warning("a response was not kept", extra={"response": session, "reason": type(error).__name__})
            return False
        return True

    async def find(self, response: str, caller: str) -> Mapping[str, Any]:
        """What was kept: ``caller``, ``session``, ``input`` and ``response``.

        Raises:
            ResponseNotFound: nothing, or another key's.
        """
        if not response.startswith(PREFIX) or not is_name(response):
            raise ResponseNotFound(response)
        kept = await self._bus.recent(Channel.SESSION, response, count=1)
        payload = kept[-1].payload if kept and kept[-1].kind == KIND else None
        if payload is None or payload.get("caller") != caller:
            raise ResponseNotFound(response)
        return payload

    async def forget(self, response: str, caller: str) -> None:
        """Remove one; raise ResponseNotFound as ``find`` does. The turn that it was stays with its session."""
        await self.find(response, caller)
        await self._bus.forget(response)

    async def forget_session(self, session: str) -> int:
        """Remove all responses of *session*, whoever asked for them; return how many entries that were.

        Responses in a store that is lost cannot be found, and stay.
        """
        removed = 0
        for known in await self._bus.sessions():
            if known.id.startswith(PREFIX):
                kept = await self._bus.recent(Channel.SESSION, known.id, count=1)
                if kept and kept[-1].kind == KIND and (kept[-1].payload or {}).get("session") == session:
                    removed += await self._bus.forget(known.id)
        return removed

    async def history(self, response: str, caller: str, *, most: int) -> tuple[str, Items]:
        """The session of a response, and all items up to and with its output, at most *most* responses back."""
        session = ""
        items: Items = []
        following: Any = response
        for _ in range(most):
            if not isinstance(following, str):
                break
            kept = await self.find(following, caller)
            session = session or str(kept["session"])
            items[:0] = [*kept["input"], *kept["response"]["output"]]
            following = kept["response"].get("previous_response_id")
        return session, items
