"""What an engine streams beside text, for tests/fake_engine.py: tool calls and probabilities, as chunks of bytes."""

import json
from typing import Any

DONE = b"data: [DONE]\n\n"


def event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    """One chunk of a chat completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish, **more}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


def usage(tokens: int) -> bytes:
    """The chunk with what it cost."""
    spent = {"prompt_tokens": 10, "completion_tokens": tokens}
    return b"data: " + json.dumps({"choices": [], "usage": spent}).encode() + b"\n\n"


def tool_call(name: str, *arguments: str, before: str = "", id: str = "call_1") -> list[bytes]:  # noqa: A002
    """A stream that calls a tool, its JSON in the pieces *arguments*, after the text *before*."""
    first = {"index": 0, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}
    words = [event({"content": before})] if before else []
    pieces = [event({"tool_calls": [{"index": 0, "function": {"arguments": text}}]}) for text in arguments]
    return [*words, event({"tool_calls": [first]}), *pieces, event({}, "tool_calls"), usage(7), DONE]


def with_logprobs(*words: str) -> list[bytes]:
    """A stream whose every token has its probability and one other, with a field of the engine's own."""
    pieces = []
    for word in words:
        token = {"id": 5, "token": word, "logprob": -0.5, "bytes": list(word.encode())}
        pieces.append(event({"content": word}, logprobs={"content": [{**token, "top_logprobs": [token]}]}))
    return [*pieces, event({}, "stop"), usage(len(words)), DONE]
