"""llama-index-llms-openai-like against a running stack: chat, stream, complete."""

import os

from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

URL, KEY, MODEL = f"{os.environ['HARMONIC_URL']}/v1", os.environ["HARMONIC_KEY"], os.environ["HARMONIC_MODEL"]
HELLO = [ChatMessage(role="user", content="Say hello to a friend.")]


def like(model: str, *, chat: bool = True) -> OpenAILike:
    """A model of the stack."""
    return OpenAILike(
        model=model, api_base=URL, api_key=KEY, is_chat_model=chat, max_tokens=10, max_retries=0, context_window=2048
    )


assert like("harmonic").chat(HELLO).message.content
assert "".join(piece.delta or "" for piece in like(MODEL).stream_chat(HELLO))
assert like(MODEL, chat=False).complete("The sea is").text
