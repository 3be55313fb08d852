"""OpenAI's dialect: server-sent events, each a chunk; of chat completions, and of text completions for raw prompts."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec

from harmonic_stack.chat_client import ChatCall, Dialect, Events, Stream, Usage
from harmonic_stack.engine.sse import EventStream
from harmonic_stack.errors import StreamFault
from harmonic_stack.query import ToolCallDelta


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None  # llama.cpp, vLLM
    reasoning: str | None = None  # others


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: Usage | None = None
    error: Any = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function = msgspec.field(default_factory=_Function)


class _FullDelta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_Call] | None = None


class _Logprobs(msgspec.Struct):
    content: list[dict[str, Any]] | None = None


class _FullChoice(msgspec.Struct):
    delta: _FullDelta = msgspec.field(default_factory=_FullDelta)
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None


class _FullChunk(msgspec.Struct):
    choices: list[_FullChoice] = []
    usage: Usage | None = None
    error: Any = None


class _RawChoice(msgspec.Struct):
    text: str | None = None
    finish_reason: str | None = None


class _RawChunk(msgspec.Struct):
    choices: list[_RawChoice] = []
    usage: Usage | None = None
    error: Any = None


DONE = b"[DONE]"
_decode = msgspec.json.Decoder(_Chunk).decode
_decode_all = msgspec.json.Decoder(list[_Chunk]).decode
_decode_full = msgspec.json.Decoder(_FullChunk).decode
_decode_raw = msgspec.json.Decoder(_RawChunk).decode


class OpenAIStream(Stream):
    """Chunks of a chat completion, of which the text alone is read."""

    path = "/chat/completions"
    content_type = "text/event-stream"

    def events(self) -> Events:
        return EventStream()

    def take(self, payloads: Sequence[bytes]) -> None:
        texts: list[str] = []
        done = DONE in payloads
        for chunk in self._chunks(payloads[: payloads.index(DONE)] if done else payloads):
            for choice in chunk.choices:
                delta = choice.delta
                if delta.content:
                    texts.append(delta.content)
                elif thought := delta.reasoning_content or delta.reasoning:
                    self.thought(thought)
                if choice.finish_reason is not None:
                    self.finish = choice.finish_reason
            if (chunk.usage is not None or chunk.error is not None) and not self.noted(chunk.usage, chunk.error):
                break
        if texts:
            self.text(texts)
        if done:
            self.succeed()

    def _chunks(self, payloads: Sequence[bytes]) -> list[_Chunk]:
        """The chunks of one read, in one pass where all are whole; those before a broken one, which ends the stream."""
        if len(payloads) > 1:
            with suppress(msgspec.DecodeError, UnicodeDecodeError):
                found = _decode_all(b"[%b]" % b",".join(payloads))
                if len(found) == len(payloads):
                    return found
        chunks: list[_Chunk] = []
        for payload in payloads:
            try:
                chunks.append(_decode(payload))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self.fail(StreamFault.MALFORMED, f"{error} in {payload[:80]!r}")
                break
        return chunks

    def noted(self, usage: Usage | None, error: Any) -> bool:
        """Keep a chunk's usage; False where it holds an error, which ends the stream."""
        if usage is not None:
            self.usage = usage
        if error is not None:
            self.fail(StreamFault.ENGINE, str(error)[:500])
        return error is None


class FullOpenAIStream(OpenAIStream):
    """Chunks of a chat completion with its tool calls and its tokens' probabilities."""

    def take(self, payloads: Sequence[bytes]) -> None:
        for payload in payloads:
            if payload == b"[DONE]":
                self.succeed()
                return
            try:
                chunk = _decode_full(payload)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self.fail(StreamFault.MALFORMED, f"{error} in {payload[:80]!r}")
                return
            for choice in chunk.choices:
                self._choice(choice)
            if not self.noted(chunk.usage, chunk.error):
                return

    def _choice(self, choice: _FullChoice) -> None:
        if choice.logprobs is not None and choice.logprobs.content:
            self.logprobs(choice.logprobs.content)
        if thought := choice.delta.reasoning_content or choice.delta.reasoning:
            self.thought(thought)
        if choice.delta.content:
            self.text([choice.delta.content])
        for call in choice.delta.tool_calls or ():
            self.tool_call(ToolCallDelta(call.index, call.id, call.function.name, call.function.arguments or ""))
        if choice.finish_reason is not None:
            self.finish = choice.finish_reason


class RawOpenAIStream(OpenAIStream):
    """Chunks of a text completion."""

    path = "/completions"

    def take(self, payloads: Sequence[bytes]) -> None:
        for payload in payloads:
            if payload == b"[DONE]":
                self.succeed()
                return
            try:
                chunk = _decode_raw(payload)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self.fail(StreamFault.MALFORMED, f"{error} in {payload[:80]!r}")
                return
            for choice in chunk.choices:
                if choice.text:
                    self.text([choice.text])
                if choice.finish_reason is not None:
                    self.finish = choice.finish_reason
            if not self.noted(chunk.usage, chunk.error):
                return


def raw_body(call: ChatCall, prompt: str) -> bytes:
    """The JSON body of a request that goes on with *prompt*."""
    asked = {"model": call.model, "prompt": prompt, "stream": True, "stream_options": {"include_usage": True}}
    return msgspec.json.encode({**asked, **call.parameters})


def llama_body(call: ChatCall) -> bytes:
    """The JSON body for llama.cpp, which would take any JSON value, a bare text too, for a ``json_object``."""
    if (call.parameters.get("response_format") or {}).get("type") != "json_object":
        return call.body()
    form = {"type": "json_object", "schema": {"type": "object"}}
    return ChatCall(call.model, call.messages, {**call.parameters, "response_format": form}).body()


OPENAI = Dialect(ChatCall.body, OpenAIStream, FullOpenAIStream, raw_body, RawOpenAIStream)
LLAMA_CPP = replace(OPENAI, body=llama_body)
