"""Ollama's own dialect: `/api/chat`, one JSON object a line.

Its OpenAI routes take neither a context size nor a keep-alive: a request there would load the model anew with others.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from harmonic_stack.chat_client import ChatCall, Dialect, Events, Stream, Usage, message_object
from harmonic_stack.engine.sse import MAX_EVENT, EventTooLong
from harmonic_stack.errors import EngineStreamFailed, StreamFault
from harmonic_stack.query import Message, ToolCallDelta
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
# Fields that Ollama takes beside its options, under the same names.
BESIDE = frozenset({"tools", "logprobs", "top_logprobs"})


class _Function(msgspec.Struct):
    name: str = ""
    arguments: dict[str, Any] = {}


class _Call(msgspec.Struct):
    function: _Function
    id: str | None = None


class _Message(msgspec.Struct):
    content: str = ""
    thinking: str = ""
    tool_calls: list[_Call] | None = None


class _Line(msgspec.Struct):
    message: _Message | None = None
    done: bool = False
    done_reason: str = "stop"
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: Any = None
    response: str = ""  # of a raw prompt, instead of a message
    logprobs: list[dict[str, Any]] | None = None


_decode = msgspec.json.Decoder(_Line).decode


def ollama_dialect(fields: Mapping[str, Any]) -> Dialect:
    """The dialect of an Ollama whose every request carries *fields*, its load options among them."""
    return Dialect(
        lambda call: chat_body(call, fields),
        OllamaStream,
        FullOllamaStream,
        lambda call, prompt: raw_body(call, prompt, fields),
        RawOllamaStream,
    )


def chat_body(call: ChatCall, fields: Mapping[str, Any]) -> bytes:
    """The JSON body of a request.

    Raises:
        EngineStreamFailed: a parameter that Ollama would ignore in silence.
    """
    names: dict[str, str] = {}  # of the tools called so far, by the call's id: Ollama answers a call by name
    messages = [_message(message, names) for message in call.messages]
    body: dict[str, Any] = {"model": call.model, "messages": messages, "stream": True}
    return _encoded(body | ({"think": True} if call.think else {}), call.parameters, fields)


def raw_body(call: ChatCall, prompt: str, fields: Mapping[str, Any]) -> bytes:
    """The JSON body of a request to `/api/generate` that goes on with *prompt*, without a template."""
    body: dict[str, Any] = {"model": call.model, "prompt": prompt, "raw": True, "stream": True}
    return _encoded(body, call.parameters, fields)


def _encoded(body: dict[str, Any], parameters: Mapping[str, Any], fields: Mapping[str, Any]) -> bytes:
    options: dict[str, Any] = {}
    for name, value in parameters.items():
        if name == "response_format":
            body |= _format(value)
        elif name in OPTIONS:
            options[OPTIONS[name]] = value
        elif name in BESIDE:
            body[name] = value
        elif name != "parallel_tool_calls" and (name, value) != ("tool_choice", "auto"):
            raise EngineStreamFailed(StreamFault.STATUS, f"Ollama knows no {name}")
    thinking = {"think": True} if body.get("think") else {}  # the fields of every request say that it does not
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
            if line.response:
                texts.append(line.response)
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


class FullOllamaStream(OllamaStream):
    """Lines with tool calls, each whole with its arguments as an object, and with the probabilities of tokens."""

    def take(self, payloads: Sequence[bytes]) -> None:
        for payload in payloads:
            try:
                line = _decode(payload)
            except (msgspec.DecodeError, UnicodeDecodeError):
                line = _Line()  # what is wrong with it is told below
            if line.logprobs:
                self.logprobs(line.logprobs)
            for call in (line.message.tool_calls or ()) if line.message is not None else ():
                self._call(call)
            super().take([payload])

    def _call(self, call: _Call) -> None:
        index = len(self._calls)
        arguments = msgspec.json.encode(call.function.arguments).decode()
        self.tool_call(ToolCallDelta(index, call.id, call.function.name, arguments))

    def succeed(self) -> None:
        """The answer is complete; Ollama says "stop" also of one that ends in a tool call."""
        if self._calls:
            self.finish = "tool_calls"
        super().succeed()


class RawOllamaStream(OllamaStream):
    """Lines of `/api/generate`: pieces of text without a message around them."""

    path = "/api/generate"


def _message(message: Message, names: dict[str, str]) -> dict[str, Any]:
    """A message in Ollama's form: images as base64 beside the text, arguments as objects, results by the tool's name.

    Its templates know "system", not OpenAI's newer word for it.
    """
    found: dict[str, Any] = {"role": "system" if message.role == "developer" else message.role}
    found["content"] = message.content
    urls = [part["image_url"]["url"] for part in message.parts if part["type"] == "image_url"]
    if urls:
        found["images"] = [url.partition(",")[2] for url in urls]
    if message.tool_calls:
        calls = message_object(message)["tool_calls"]
        found["tool_calls"] = [
            {"id": call["id"], "function": {"name": call["function"]["name"], "arguments": _object(call)}}
            for call in calls
        ]
        names |= {call.id: call.name for call in message.tool_calls}
    if message.tool_call_id is not None:
        found["tool_call_id"] = message.tool_call_id
        found["tool_name"] = names.get(message.tool_call_id, message.name or "")
    return found


def _object(call: Mapping[str, Any]) -> Any:
    try:
        found = msgspec.json.decode(call["function"]["arguments"])
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _format(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI's ``response_format`` as Ollama's ``format``: "json", or the schema itself."""
    if wanted.get("type") == "json_schema":
        return {"format": wanted["json_schema"].get("schema", "json")}
    return {"format": "json"} if wanted.get("type") == "json_object" else {}
