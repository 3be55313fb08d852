"""Anthropic's POST /v1/messages and /v1/messages/count_tokens."""

import msgspec

from harmonic_stack.api.asgi import ClientGone, Receive, Scope, Send, read_json_body, send_json
from harmonic_stack.api.chat_request import Ask, Reader, read_chat
from harmonic_stack.api.decoding import decode
from harmonic_stack.api.delivery import Wire
from harmonic_stack.api.message_request import WITHOUT_EFFECT, CountBody, MessageBody, chat_body
from harmonic_stack.api.message_wire import MessageWire
from harmonic_stack.prompts import estimate_tokens

_decoder = msgspec.json.Decoder(MessageBody)
_count_decoder = msgspec.json.Decoder(CountBody)


def read_message(body: bytes, reader: Reader, session: str | None, caller: str) -> tuple[Ask, Wire]:
    """A message request, and the form of its answer. Raises what is wrong with it."""
    asked = decode(_decoder, body, ignored=WITHOUT_EFFECT)
    ask = read_chat(chat_body(asked), reader, session=session, caller=caller)
    return ask, MessageWire(ask.query, asked)


class CountRoute:
    """Says how many tokens a message request has: a safe estimate, since the stack has no tokenizer of its own."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send, caller: str) -> None:
        """Answer one request of the key *caller*. Errors are raised."""
        try:
            body = await read_json_body(scope, receive, self._reader.config.server)
        except ClientGone:
            return
        asked = decode(_count_decoder, body, ignored=WITHOUT_EFFECT)
        query = read_chat(chat_body(asked), self._reader, session=None, caller=caller).query
        tools = query.tools.definitions if query.tools is not None else ()
        texts = [message.content for message in query.messages]
        texts += [call.arguments for message in query.messages for call in message.tool_calls]
        texts += [msgspec.json.encode(tool).decode() for tool in tools]
        await send_json(send, 200, {"input_tokens": sum(map(estimate_tokens, texts))})
