"""One streamed completion from an engine, whatever its dialect (engine/openai_dialect.py, engine/ollama_dialect.py).

The engine is always asked to stream, also where the client is not: closing the connection is the only cancel that
works on every engine. Text is pushed into a callback as it arrives; nothing is awaited per token.
"""

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from harmonic_stack.engine.connection import ANSWER, AT_ONCE, DRAFT, Connection, Upstream
from harmonic_stack.engine.sse import EventTooLong
from harmonic_stack.errors import EngineStreamFailed, StreamFault
from harmonic_stack.query import Completion, Message, ToolCall, ToolCallDelta

# Takes text as it arrives, and of how many pieces it is made: engines send one token a piece.
OnText = Callable[[str, int], None]
# Waits at most so many seconds for an engine that is starting anew; False where it is not, or does not come back.
ServesAgain = Callable[[float], Awaitable[bool]]
# Takes what is no text: pieces of tool calls, and the probabilities of the tokens of the text that follows next.
Logprobs = tuple[Mapping[str, Any], ...]
OnExtra = Callable[[ToolCallDelta | Logprobs], None]
MAX_ERROR_BODY = 8_192
# An engine that ignores max_tokens is cut off here: pieces of text, each at least one token, and their characters.
MAX_PIECES = 200_000
MAX_TEXT = 4_194_304
# What llama.cpp's server answers while it reads its model.
LOADING = 503


@dataclass(frozen=True, slots=True)
class ChatCall:
    """What the engine is asked. ``parameters`` are sampling fields by their OpenAI names, from an allow-list.

    ``think`` lets the model think first, where the engine has a switch for it. ``patient``: nobody reads along word by
    word, so that after the first one the text may come some moments late (``engine.connection.DRAFT``).
    """

    model: str
    messages: Sequence[Message]
    parameters: Mapping[str, Any]
    think: bool = False
    patient: bool = False

    def body(self) -> bytes:
        """The JSON body of the request."""
        return msgspec.json.encode(
            {
                "model": self.model,
                "messages": [message_object(message) for message in self.messages],
                "stream": True,
                "stream_options": {"include_usage": True},
                **self.parameters,
            }
        )


def message_object(message: Message) -> dict[str, Any]:
    """A message in OpenAI's form."""
    found: dict[str, Any] = {"role": message.role, "content": list(message.parts) or message.content}
    if message.name is not None:
        found["name"] = message.name
    if message.tool_call_id is not None:
        found["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        found["tool_calls"] = [tool_call_object(call) for call in message.tool_calls]
        found["content"] = message.content or None
    return found


def tool_call_object(call: ToolCall) -> dict[str, Any]:
    """A tool call in OpenAI's form."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an engine may take, in seconds: to its first token, and between two tokens."""

    first_token: float = 120.0
    token: float = 60.0


class Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class ChatClient:
    """Streams chat completions from one engine."""

    def __init__(
        self,
        upstream: Upstream,
        dialect: "Dialect",
        patience: Patience = Patience(),
        *,
        serves_again: "ServesAgain | None" = None,
    ) -> None:
        """*dialect* is what the engine speaks. *serves_again* waits for an engine that is restarting."""
        self._upstream, self._dialect, self._patience = upstream, dialect, patience
        self._serves_again = serves_again

    async def stream_chat(self, call: ChatCall, on_text: OnText, on_extra: OnExtra | None = None) -> Completion:
        """Ask the engine; hand each piece of text to *on_text* at once; return the whole.

        Cancelling closes the connection, which frees the engine's slot. Tool calls and probabilities are looked for
        only where *on_extra* takes them: a stream of mere text is read faster.

        Raises:
            EngineStreamFailed: the engine refused, broke off, sent what is no completion, or took too long.
        """
        kind = self._dialect.stream if on_extra is None else self._dialect.full
        return await self._heard(self._dialect.body(call), kind, on_text, on_extra, patient=call.patient)

    async def stream_text(self, call: ChatCall, prompt: str, on_text: OnText) -> Completion:
        """Let the engine go on with *prompt* as it stands, without a chat template; *call* has no messages.

        Raises:
            EngineStreamFailed: as ``stream_chat``.
        """
        return await self._heard(self._dialect.raw_body(call, prompt), self._dialect.raw, on_text, None)

    async def _heard(
        self,
        body: bytes,
        kind: "type[Stream]",
        on_text: OnText,
        on_extra: OnExtra | None,
        *,
        patient: bool = False,
    ) -> Completion:
        """Ask; once again where a kept connection was dropped, and once more when an engine of ours is back."""
        dropped = waited = False
        while True:
            stream = kind(on_text, self._patience, on_extra, patient=patient)
            try:
                await stream.attach(self._upstream, body, fresh=dropped or waited)
                return await stream.finished
            except EngineStreamFailed as error:
                if not dropped and stream.may_ask_again(error.reason):
                    dropped = True
                elif not waited and await self._came_back(stream, error):
                    waited = True
                else:
                    raise
            finally:
                stream.stop()

    async def _came_back(self, stream: "Stream", fault: EngineStreamFailed) -> bool:
        """Wait for an engine of ours that ended before the first word, or loads again; True once it serves again."""
        loads = fault.status == LOADING
        gone = (loads or fault.reason in (StreamFault.CONNECT, StreamFault.CUT)) and not stream.began
        return gone and self._serves_again is not None and await self._serves_again(self._patience.first_token)

    def close(self) -> None:
        """Close every connection; what still streams fails."""
        self._upstream.close()


class Events(Protocol):
    """Cuts the bytes of a body into the payloads of its messages."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes; give the payloads that they complete, or raise EventTooLong."""

    def close(self) -> list[bytes]:
        """Give what an end without its last line break left."""


class Stream(ABC):
    """The state of one streamed completion; a dialect says what its messages mean."""

    path: str
    content_type: str

    def __init__(
        self, on_text: OnText, patience: Patience, on_extra: OnExtra | None = None, *, patient: bool = False
    ) -> None:
        loop = asyncio.get_running_loop()
        self.finished: asyncio.Future[Completion] = loop.create_future()
        self._on_extra = on_extra
        self.rest, self._rest = AT_ONCE, DRAFT if patient else ANSWER  # the first word is always read at once
        self._calls: dict[int, ToolCall] = {}
        self._on_text, self._patience, self._loop = on_text, patience, loop
        self._events = self.events()
        self._pieces: list[str] = []
        self._thoughts: list[str] = []
        self._size = 0
        self.finish: str | None = None
        self.usage: Usage | None = None
        self.candidates: dict[str, float] | None = None
        self._error_body: bytearray | None = None
        self.status = 0
        self._connection: Connection | None = None
        self._started = self._last = loop.time()
        self._first: float | None = None
        self._timer = loop.call_later(patience.first_token, self._check_time)

    @abstractmethod
    def events(self) -> Events:
        """What cuts the body into messages."""

    @abstractmethod
    def take(self, payloads: Sequence[bytes]) -> None:
        """Read some messages; the text of all of them is handed on at once."""

    def may_ask_again(self, fault: StreamFault) -> bool:
        """True where a kept connection turned out to be closed: asking again cannot ask twice."""
        connection = self._connection
        return fault is StreamFault.CUT and connection is not None and connection.used and not connection.answered

    async def attach(self, upstream: Upstream, body: bytes, *, fresh: bool = False) -> None:
        """Send the request."""
        self._connection = await upstream.post(self.path, body, self, fresh=fresh)

    def stop(self) -> None:
        """Let go: what is still under way is aborted."""
        self._timer.cancel()
        if self._connection is not None and not (self.finished.done() and self._complete):
            self._connection.abort()
        if self.finished.done() and not self.finished.cancelled():
            self.finished.exception()  # read, so that nobody warns of it

    def head(self, status: int, content_type: str) -> None:
        self.status = status
        if status != 200:
            self._error_body = bytearray()
        elif not content_type.startswith(self.content_type):
            self.fail(StreamFault.MALFORMED, f"the answer is {content_type or 'of no type'}, not {self.content_type}")

    def body(self, data: bytes) -> None:
        if self._error_body is not None:
            self._error_body += data[: MAX_ERROR_BODY - len(self._error_body)]
            return
        try:
            self.take(self._events.feed(data))
        except EventTooLong:
            self.fail(StreamFault.TOO_LARGE, "one event is longer than 1 MiB")

    def end(self) -> None:
        if self._error_body is not None:
            text = self._error_body.decode("utf-8", "replace")
            detail = f"HTTP {self.status}: {text[:500]}"
            self.lost(EngineStreamFailed(StreamFault.STATUS, detail, self.status))
            return
        self.take(self._events.close())
        if self.finish is None:
            self.fail(StreamFault.CUT, "the stream ended before the answer did")
        else:
            self.succeed()

    def lost(self, fault: EngineStreamFailed) -> None:
        if not self.finished.done():
            self.finished.set_exception(fault)

    @property
    def _complete(self) -> bool:
        return not self.finished.cancelled() and self.finished.exception() is None

    def text(self, texts: list[str]) -> None:
        """Hand on the text of one read."""
        if self._first is None:
            self._note_time()
        else:
            self._last = self._loop.time()
        self._pieces += texts
        self._size += sum(map(len, texts))
        if len(self._pieces) > MAX_PIECES or self._size > MAX_TEXT:
            self.fail(StreamFault.TOO_LARGE, f"more than {MAX_PIECES} pieces, or {MAX_TEXT} characters, of text")
        else:
            self._on_text(texts[0] if len(texts) == 1 else "".join(texts), len(texts))

    def tool_call(self, delta: ToolCallDelta) -> None:
        """Hand on a piece of a tool call."""
        self._note_time()
        known = self._calls.get(delta.index)
        if known is None:
            delta = replace(delta, id=delta.id or f"call_{secrets.token_hex(8)}")
            known = ToolCall(delta.id or "", "", "")
        name, arguments = known.name + (delta.name or ""), known.arguments + delta.arguments
        self._calls[delta.index] = ToolCall(known.id, name, arguments)
        if self._on_extra is not None:
            self._on_extra(delta)

    def logprobs(self, found: Sequence[Mapping[str, Any]]) -> None:
        """Hand on the probabilities of the tokens of the text that comes next."""
        if self._on_extra is not None:
            self._on_extra(tuple(_plain(token) for token in found))

    def _note_time(self) -> None:
        self._last = self._loop.time()
        if self._first is None:
            self._first = self._last
            self.rest = self._rest
            self._timer.cancel()  # from here on the shorter patience holds
            self._timer = self._loop.call_later(self._patience.token, self._check_time)

    @property
    def began(self) -> bool:
        """True once text was handed on: then asking again would say it twice."""
        return self._first is not None

    def thought(self, text: str) -> None:
        """Keep what the model thinks, apart from the answer: the engine works, though no text comes; not for ever."""
        self._last = self._loop.time()
        self._thoughts.append(text)
        self._size += len(text)
        if len(self._thoughts) > MAX_PIECES or self._size > MAX_TEXT:
            self.fail(StreamFault.TOO_LARGE, f"more than {MAX_PIECES} pieces of thought, or {MAX_TEXT} characters")

    def succeed(self) -> None:
        """The answer is complete."""
        if self.finished.done():
            return
        usage = self.usage or Usage()
        # An engine that reports no usage streams one token a piece.
        tokens = usage.completion_tokens if usage.completion_tokens is not None else len(self._pieces)
        self.finished.set_result(
            Completion(
                text="".join(self._pieces),
                finish=self.finish or "stop",
                prompt_tokens=usage.prompt_tokens,
                completion_tokens=tokens,
                seconds=self._loop.time() - self._started,
                first_token=None if self._first is None else self._first - self._started,
                reasoning="".join(self._thoughts),
                tool_calls=tuple(self._calls[index] for index in sorted(self._calls)),
            )
        )

    def fail(self, fault: StreamFault, detail: str) -> None:
        """The answer will not be complete."""
        self.lost(EngineStreamFailed(fault, detail))

    def _check_time(self) -> None:
        limit = self._patience.first_token if self._first is None else self._patience.token
        idle = self._loop.time() - self._last
        if idle < limit:
            self._timer = self._loop.call_later(limit - idle, self._check_time)
        else:
            waited = "its first token" if self._first is None else "the next token"
            self.fail(StreamFault.TIMEOUT, f"waited {limit:g} s for {waited}")


def _plain(token: Mapping[str, Any]) -> dict[str, Any]:
    """A token's probability with the fields of OpenAI's form alone; engines add ids of their own."""
    kept: dict[str, Any] = {name: token.get(name) for name in ("token", "logprob", "bytes")}
    kept["top_logprobs"] = [
        {name: other.get(name) for name in ("token", "logprob", "bytes")} for other in token.get("top_logprobs") or ()
    ]
    return kept


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an engine is spoken to: a request's body and the reading of its stream, three times.

    ``stream`` reads text alone, ``full`` tool calls and probabilities too; ``raw_body`` and ``raw`` go on with a prompt
    as it stands.
    """

    body: Callable[[ChatCall], bytes]
    stream: type[Stream]
    full: type[Stream]
    raw_body: Callable[[ChatCall, str], bytes]
    raw: type[Stream]
