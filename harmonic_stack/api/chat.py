"""POST /v1/chat/completions: a plain ASGI callable, one write per turn of the loop, nothing per token."""

from harmonic_stack.api.answering import Answering
from harmonic_stack.api.asgi import ClientGone, Receive, Scope, Send, read_json_body
from harmonic_stack.api.chat_request import Reader, parse_chat_request
from harmonic_stack.api.door import header
from harmonic_stack.api.wire import ChunkStream


class ChatRoute:
    """Answers chat completion requests."""

    def __init__(self, answering: Answering, reader: Reader) -> None:
        self._answering, self._reader = answering, reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send, caller: str) -> None:
        """Answer one request of the key *caller*. Errors before the first byte are raised."""
        try:
            body = await read_json_body(scope, receive, self._reader.config.server)
        except ClientGone:
            return
        session = header(scope["headers"], b"x-session-id")
        ask = parse_chat_request(body, self._reader, session=session, caller=caller)
        await self._answering.answer(ask, ChunkStream(ask.query, include_usage=ask.include_usage), scope, receive, send)
