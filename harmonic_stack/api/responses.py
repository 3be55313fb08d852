"""OpenAI's /v1/responses: create as a plain ASGI route; look up, list the input of, and delete a kept one."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from msgspec.structs import replace

from harmonic_stack.api.answering import Answering
from harmonic_stack.api.asgi import ClientGone, Receive, Scope, Send, read_json_body
from harmonic_stack.api.chat_request import Ask, Reader, read_chat
from harmonic_stack.api.decoding import decode
from harmonic_stack.api.door import header
from harmonic_stack.api.models import TheDaemon
from harmonic_stack.api.response_request import WITHOUT_EFFECT, ResponseBody, chat_body, items_of
from harmonic_stack.api.response_store import PREFIX, ResponseStore
from harmonic_stack.api.response_wire import ResponseWire
from harmonic_stack.errors import BadRequest, HarmonicError, ResponseNotFound, UnsupportedParameter
from harmonic_stack.query import Event, Report

MOST_BACK = 200  # responses of one chain
# Fields of the chat request that it becomes -> those of the response, for errors.
_FIELDS: Mapping[str, str] = {
    "messages": "input",
    "max_completion_tokens": "max_output_tokens",
    "response_format": "text.format",
}
_decoder = msgspec.json.Decoder(ResponseBody)
router = APIRouter(prefix="/v1/responses")


class ResponsesRoute:
    """Creates responses."""

    def __init__(self, answering: Answering, reader: Reader, store: ResponseStore) -> None:
        self._answering, self._reader, self._store = answering, reader, store

    async def __call__(self, scope: Scope, receive: Receive, send: Send, caller: str) -> None:
        """Answer one request of the key *caller*. Errors before the first byte are raised."""
        try:
            body = await read_json_body(scope, receive, self._reader.config.server)
        except ClientGone:
            return
        asked = decode(_decoder, body, ignored=WITHOUT_EFFECT)
        session, before = await self._before(asked, caller)
        given = items_of(asked.input)
        ask = self._ask(asked, [*before, *given], header(scope["headers"], b"x-session-id") or session or None, caller)
        stored = asked.store is not False and self._reader.config.spine.enabled
        ask = replace(ask, query=replace(ask.query, record=asked.store is not False))
        if not ask.query.session:
            ask = self._answering.in_session(ask)
        wire = ResponseWire(ask.query, asked, f"{PREFIX}{secrets.token_hex(16)}", stored=stored)

        async def keep(said: Sequence[Event], report: Report) -> None:
            if wire.stored:
                wire.stored = await self._store.keep(ask.query, wire.whole(said, report), given)

        await self._answering.answer(ask, wire, scope, receive, send, finished=keep)

    async def _before(self, asked: ResponseBody, caller: str) -> tuple[str, list[dict[str, Any]]]:
        if asked.previous_response_id is None:
            return "", []
        try:
            return await self._store.history(asked.previous_response_id, caller, most=MOST_BACK)
        except ResponseNotFound as error:
            raise BadRequest(str(error), "previous_response_id", "previous_response_not_found") from None

    def _ask(self, asked: ResponseBody, items: Sequence[Mapping[str, Any]], session: str | None, caller: str) -> Ask:
        try:
            return read_chat(chat_body(asked, items), self._reader, session=session, caller=caller)
        except HarmonicError as error:
            field, dot, rest = (error.param or "").partition("[" if "[" in (error.param or "") else ".")
            if field in _FIELDS:
                error.param = _FIELDS[field] + dot + rest
            raise


@router.get("/{response}")
async def get_response(response: str, request: Request, daemon: TheDaemon, stream: bool = False) -> dict[str, Any]:
    """One kept response."""
    if stream:
        raise UnsupportedParameter("stream", "a kept response is whole")
    kept = await ResponseStore(daemon.bus).find(response, request.state.caller)
    found: dict[str, Any] = kept["response"]
    return found


@router.get("/{response}/input_items")
async def input_items(
    response: str,
    request: Request,
    daemon: TheDaemon,
    order: Literal["asc", "desc"] = "desc",
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """The items that a kept response was asked with, a page at a time: the newest first unless *order* is "asc"."""
    kept = await ResponseStore(daemon.bus).find(response, request.state.caller)
    items = [{"id": f"in_{place}", **item} for place, item in enumerate(kept["input"])]
    if order == "desc":
        items.reverse()
    places = [place for place, item in enumerate(items, 1) if item["id"] == after]
    if after is not None and not places:
        raise BadRequest("no item has this id", "after")
    left = items[places[-1] :] if places else items  # ids are the caller's where it gave some
    page = left[:limit]
    ends = {"first_id": page[0]["id"] if page else None, "last_id": page[-1]["id"] if page else None}
    return {"object": "list", "data": page, **ends, "has_more": len(left) > limit}


@router.delete("/{response}")
async def delete_response(response: str, request: Request, daemon: TheDaemon) -> dict[str, Any]:
    """Forget a kept response; the turn that it was stays with its session."""
    await ResponseStore(daemon.bus).forget(response, request.state.caller)
    return {"id": response, "object": "response", "deleted": True}
