"""The messages of a request: roles, text, images, tool calls and their results, checked one by one."""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

from harmonic_stack.api.chat_body import ChatMessage, Part
from harmonic_stack.errors import BadRequest, UnsupportedParameter
from harmonic_stack.query import Message, ToolCall

# No address is ever fetched for a caller: an image comes with the request, or not at all.
_IMAGE = re.compile(r"data:image/(?:png|jpe?g|webp|gif);base64,", re.IGNORECASE)


def read_messages(messages: Sequence[ChatMessage], *, most: int, vision: bool) -> tuple[Message, ...]:
    """Check a conversation of at most *most* messages; *vision*: whether the model sees images.

    Raises:
        BadRequest, UnsupportedParameter: what is wrong, with the message's place.
    """
    if len(messages) > most:
        raise BadRequest(f"at most {most} messages are taken", "messages")
    if not any(message.role == "user" for message in messages):
        raise BadRequest("there is no message with the role user", "messages")
    return tuple(_message(message, f"messages[{place}]", vision) for place, message in enumerate(messages))


def _message(message: ChatMessage, place: str, vision: bool) -> Message:
    text, parts = _content(message, place, vision)
    if not (message.name or message.tool_calls or message.tool_call_id or parts or message.role == "tool"):
        return Message(message.role, text)
    if message.tool_calls and message.role != "assistant":
        raise BadRequest("only an assistant calls tools", f"{place}.tool_calls")
    if message.role == "tool" and message.tool_call_id is None:
        raise BadRequest("the result of a tool names the call that it answers", f"{place}.tool_call_id")
    calls = tuple(ToolCall(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ())
    called = message.tool_call_id if message.role == "tool" else None
    return Message(message.role, text, message.name, parts, calls, called)


def _content(message: ChatMessage, place: str, vision: bool) -> tuple[str, tuple[dict[str, Any], ...]]:
    """The text of a message, and its parts where images stand among them."""
    if not isinstance(message.content, list):
        return message.content or "", ()  # msgspec has refused lone surrogates already
    read = [_part(part, f"{place}.content[{at}]", vision) for at, part in enumerate(message.content)]
    text = "".join(part["text"] for part in read if part["type"] == "text")
    if all(part["type"] == "text" for part in read):
        return text, ()
    if message.role != "user":
        raise BadRequest("only a user shows images", f"{place}.content")
    return text, tuple(read)


def _part(part: Part, place: str, vision: bool) -> dict[str, Any]:
    if part.type in ("text", "refusal"):
        return {"type": "text", "text": (part.text if part.type == "text" else part.refusal) or ""}
    if part.type != "image_url":
        raise UnsupportedParameter(f"{place}.type", "the parts of a message are text and image_url")
    place = f"{place}.image_url"
    if not vision:
        raise UnsupportedParameter(place, "this model sees no images")
    if part.image_url is None:
        raise BadRequest("an image has a url", place)
    start = _IMAGE.match(part.image_url.url)
    if start is None:
        raise BadRequest("an image is a data: URL of a PNG, JPEG, WebP or GIF in base64; no address is fetched", place)
    try:
        base64.b64decode(part.image_url.url[start.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest("its data is no base64", place) from None
    return {"type": "image_url", "image_url": {"url": part.image_url.url, "detail": part.image_url.detail}}
