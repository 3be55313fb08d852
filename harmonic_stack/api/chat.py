"""POST /v1/chat/completions."""

from harmonic_stack.api.chat_request import Ask, Reader, parse_chat_request
from harmonic_stack.api.delivery import Wire
from harmonic_stack.api.wire import ChunkStream


def read_chat_completion(body: bytes, reader: Reader, session: str | None, caller: str) -> tuple[Ask, Wire]:
    """A chat completion request, and the form of its answer. Raises what is wrong with it."""
    ask = parse_chat_request(body, reader, session=session, caller=caller)
    return ask, ChunkStream(ask.query, include_usage=ask.include_usage)
