"""Ollama's own dialect: `/api/chat`, one JSON object a line.

Its OpenAI routes take neither a context size nor a keep-alive: a request there would load the model anew with others.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from harmonic_stack.chat_client import ChatCall, Dialect, Events, Stream, Usage
from harmonic_stack.engine.sse import MAX_EVENT, EventTooLong
from harmonic_stack.errors import EngineStreamFailed, StreamFault
from launcher import ollama_body

# OpenAI's names of sampling parameters -> those of Ollama's options.
OPTIONS: Mapping[str, str] = {
    "max_tokens": "num_predict",
    "temperature": "temperature",
    "top_p": "top_p",
    "min_p": "min_p",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "stop": "stop",
}


class _Message(msgspec.Struct):
    content: str = ""
    thinking: str = ""


class _Line(msgspec.Struct):
    message: _Message | None = None
    done: bool = False
    done_reason: str = "stop"
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Line).decode


def ollama_dialect(fields: Mapping[str, Any]) -> Dialect:
    """The dialect of an Ollama whose every request carries *fields*, its load options among them."""
    return Dialect(lambda call: chat_body(call, fields), OllamaStream)


def chat_body(call: ChatCall, fields: Mapping[str, Any]) -> bytes:
    """The JSON body of a request.

    Raises:
        EngineStreamFailed: a parameter that Ollama would ignore in silence.
    """
    options: dict[str, Any] = {}
    body: dict[str, Any] = {
        "model": call.model,
        "messages": [{"role": _role(m.role), "content": m.content} for m in call.messages],
        "stream": True,
    }
    for name, value in call.parameters.items():
        if name == "response_format":
            body |= _format(value)
        elif name in OPTIONS:
            options[OPTIONS[name]] = value
        else:
            raise EngineStreamFailed(StreamFault.STATUS, f"Ollama knows no {name}")
    thinking = {"think": True} if call.think else {}
    return msgspec.json.encode({**ollama_body(fields, body, options), **thinking})


class Lines:
    """Cuts a byte stream into its lines; those without content are left out."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes; give the lines that they complete, or raise EventTooLong."""
        lines = (self._tail + chunk).split(b"\n")
        self._tail = lines.pop()
        if len(self._tail) > MAX_EVENT:
            raise EventTooLong
        return [line for line in lines if line.strip()]

    def close(self) -> list[bytes]:
        """Give the last line, where the stream ended without a line break."""
        return self.feed(b"\n")


class OllamaStream(Stream):
    """Lines, each a piece of the message; the last one says how it ended and what it cost."""

    path = "/api/chat"
    content_type = "application/x-ndjson"

    def events(self) -> Events:
        return Lines()

    def may_ask_again(self, fault: StreamFault) -> bool:
        """True also where the model's runner died before its first word: Ollama loads it again for the next request."""
        return super().may_ask_again(fault) or (not self.began and self.broken(fault))

    def broken(self, fault: StreamFault) -> bool:
        """True for a fault of the runner: refusals of the request itself stay what they are."""
        return fault is StreamFault.ENGINE or (fault is StreamFault.STATUS and self.status >= 500)

    def take(self, payloads: Sequence[bytes]) -> None:
        texts: list[str] = []
        for payload in payloads:
            try:
                line = _decode(payload)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self.fail(StreamFault.MALFORMED, f"{error} in {payload[:80]!r}")
                break
            if line.error is not None:
                self.fail(StreamFault.ENGINE, str(line.error)[:500])
                break
            if line.message is not None and line.message.content:
                texts.append(line.message.content)
            elif line.message is not None and line.message.thinking:
                self.thought(line.message.thinking)
            if line.done:
                self.finish = line.done_reason
                self.usage = Usage(line.prompt_eval_count, line.eval_count)
        if texts:
            self.text(texts)
        if self.finish is not None:
            self.succeed()


def _role(role: str) -> str:
    """Ollama's templates know "system", not OpenAI's newer word for it."""
    return "system" if role == "developer" else role


def _format(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI's ``response_format`` as Ollama's ``format``: "json", or the schema itself."""
    if wanted.get("type") == "json_schema":
        return {"format": wanted["json_schema"].get("schema", "json")}
    return {"format": "json"} if wanted.get("type") == "json_object" else {}
