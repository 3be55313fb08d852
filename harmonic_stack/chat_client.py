"""One streamed chat completion from an engine: in OpenAI's dialect here, in Ollama's in engine/ollama_dialect.py.

The engine is always asked to stream, also where the client is not: closing the connection is the only cancel that
works on every engine. Text is pushed into a callback as it arrives; nothing is awaited per token.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from harmonic_stack.engine.connection import Connection, Upstream
from harmonic_stack.engine.sse import EventStream, EventTooLong
from harmonic_stack.errors import EngineStreamFailed, StreamFault
from harmonic_stack.query import Completion, Message

# Takes text as it arrives, and of how many pieces it is made: engines send one token a piece.
OnText = Callable[[str, int], None]
MAX_ERROR_BODY = 8_192
# An engine that ignores max_tokens is cut off here: pieces of text, each at least one token, and their characters.
MAX_PIECES = 200_000
MAX_TEXT = 4_194_304


@dataclass(frozen=True, slots=True)
class ChatCall:
    """What the engine is asked. ``parameters`` are sampling fields by their OpenAI names, from an allow-list."""

    model: str
    messages: Sequence[Message]
    parameters: Mapping[str, Any]

    def body(self) -> bytes:
        """The JSON body of the request."""
        return msgspec.json.encode(
            {
                "model": self.model,
                "messages": [{"role": m.role, "content": m.content} for m in self.messages],
                "stream": True,
                "stream_options": {"include_usage": True},
                **self.parameters,
            }
        )


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an engine may take, in seconds: to its first token, and between two tokens."""

    first_token: float = 120.0
    token: float = 60.0


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode


class ChatClient:
    """Streams chat completions from one engine."""

    def __init__(self, upstream: Upstream, patience: Patience = Patience(), dialect: "Dialect | None" = None) -> None:
        """*dialect* is what the engine speaks; None is OpenAI's."""
        self._upstream, self._patience, self._dialect = upstream, patience, dialect or OPENAI

    async def stream_chat(self, call: ChatCall, on_text: OnText) -> Completion:
        """Ask the engine; hand each piece of text to *on_text* at once; return the whole.

        Cancelling closes the connection, which frees the engine's slot.

        Raises:
            EngineStreamFailed: the engine refused, broke off, sent what is no completion, or took too long.
        """
        body = self._dialect.body(call)
        stream = self._dialect.stream(on_text, self._patience)
        try:
            await stream.attach(self._upstream, body)
            try:
                return await stream.finished
            except EngineStreamFailed as error:
                if not stream.may_ask_again(error.reason):
                    raise
            stream.stop()
            stream = self._dialect.stream(on_text, self._patience)
            await stream.attach(self._upstream, body, fresh=True)
            return await stream.finished
        finally:
            stream.stop()

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

    def __init__(self, on_text: OnText, patience: Patience) -> None:
        loop = asyncio.get_running_loop()
        self.finished: asyncio.Future[Completion] = loop.create_future()
        self._on_text, self._patience, self._loop = on_text, patience, loop
        self._events = self.events()
        self._pieces: list[str] = []
        self._size = self._thoughts = 0
        self.finish: str | None = None
        self.usage: Usage | None = None
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
            self.fail(StreamFault.STATUS, f"HTTP {self.status}: {text[:500]}")
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
        self._last = self._loop.time()
        if self._first is None:
            self._first = self._last
            self._timer.cancel()  # from here on the shorter patience holds
            self._timer = self._loop.call_later(self._patience.token, self._check_time)
        self._pieces += texts
        self._size += sum(map(len, texts))
        if len(self._pieces) > MAX_PIECES or self._size > MAX_TEXT:
            self.fail(StreamFault.TOO_LARGE, f"more than {MAX_PIECES} pieces, or {MAX_TEXT} characters, of text")
        else:
            self._on_text(texts[0] if len(texts) == 1 else "".join(texts), len(texts))

    @property
    def began(self) -> bool:
        """True once text was handed on: then asking again would say it twice."""
        return self._first is not None

    def alive(self) -> None:
        """Note that the engine works, although no text has come; not for ever."""
        self._last = self._loop.time()
        self._thoughts += 1
        if self._thoughts > MAX_PIECES:
            self.fail(StreamFault.TOO_LARGE, f"more than {MAX_PIECES} pieces without text")

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


class OpenAIStream(Stream):
    """Server-sent events, each a chunk of a chat completion."""

    path = "/chat/completions"
    content_type = "text/event-stream"

    def events(self) -> Events:
        return EventStream()

    def take(self, payloads: Sequence[bytes]) -> None:
        texts: list[str] = []
        done = False
        for payload in payloads:
            if payload == b"[DONE]":
                done = True
                break
            try:
                chunk = _decode(payload)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self.fail(StreamFault.MALFORMED, f"{error} in {payload[:80]!r}")
                break
            for choice in chunk.choices:
                if choice.delta.content:
                    texts.append(choice.delta.content)
                if choice.finish_reason is not None:
                    self.finish = choice.finish_reason
            if chunk.usage is not None:
                self.usage = chunk.usage
            if chunk.error is not None:
                self.fail(StreamFault.ENGINE, str(chunk.error)[:500])
                break
        if texts:
            self.text(texts)
        if done:
            self.succeed()


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an engine is spoken to: a request's body, and the reading of its stream."""

    body: Callable[[ChatCall], bytes]
    stream: type[Stream]


OPENAI = Dialect(ChatCall.body, OpenAIStream)
