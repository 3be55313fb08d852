"""POST /v1/completions, the older route: a raw prompt to an engine's model, a user message to an agent or the crew."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from harmonic_stack.api.chat_body import (
    WITHOUT_EFFECT,
    Bias,
    ChatBody,
    ChatMessage,
    Harmonic,
    Penalty,
    Seed,
    StreamOptions,
    Temperature,
    Tokens,
    Unit,
)
from harmonic_stack.api.chat_request import Ask, Reader, read_chat
from harmonic_stack.api.decoding import decode
from harmonic_stack.api.delivery import Wire
from harmonic_stack.api.wire import DONE, PING, answer_text, choices_of, finish_of, harmonic_object, usage_object
from harmonic_stack.errors import BadRequest, UnsupportedParameter
from harmonic_stack.problems import error_body
from harmonic_stack.query import AnswerDelta, Event, Query, Report

MOST_CHOICES = 8
_json = msgspec.json.Encoder().encode


class CompletionBody(msgspec.Struct, kw_only=True):
    """The fields that are read; others are ignored and never forwarded."""

    model: str
    prompt: str | list[Any]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Temperature | None = None
    top_p: Unit | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: dict[str, Bias] | None = None
    stop: str | list[str] | None = None
    seed: Seed | None = None
    max_tokens: Tokens | None = None
    n: Annotated[int, Meta(ge=1, le=8)] | None = None
    best_of: int | None = None
    echo: bool | None = None
    suffix: str | None = None
    logprobs: int | None = None
    metadata: dict[str, Any] | None = None
    harmonic: Harmonic | None = None


_decoder = msgspec.json.Decoder(CompletionBody)


def read_completion(body: bytes, reader: Reader, session: str | None, caller: str) -> tuple[Ask, Wire]:
    """A text completion request, and the form of its answer. Raises what is wrong with it."""
    ask = parse_completion_request(body, reader, session=session, caller=caller)
    return ask, TextWire(ask.query, include_usage=ask.include_usage)


def parse_completion_request(body: bytes, reader: Reader, *, session: str | None, caller: str) -> Ask:
    """Read and check a request; its errors are those of a chat request."""
    asked = decode(_decoder, body, ignored=WITHOUT_EFFECT)
    _refuse_unsupported(asked)
    prompts = _prompts(asked.prompt)
    names = set(CompletionBody.__struct_fields__) & set(ChatBody.__struct_fields__) - {"logprobs"}
    ask = read_chat(
        ChatBody(messages=[ChatMessage("user", prompts[0])], **{name: getattr(asked, name) for name in names}),
        reader,
        session=session,
        caller=caller,
    )
    if len(prompts) * ask.query.choices > MOST_CHOICES:
        raise BadRequest(f"at most {MOST_CHOICES} completions are made at a time", "prompt")
    if not ask.query.mode.merges:
        return replace(ask, query=replace(ask.query, prompts=prompts))
    if len(prompts) > 1:
        raise UnsupportedParameter(
            "prompt", "the crew answers one prompt at a time; ask one agent or model for several"
        )
    return ask


def _refuse_unsupported(asked: CompletionBody) -> None:
    for param, wanted in (
        ("echo", asked.echo),
        ("suffix", asked.suffix),
        ("best_of", asked.best_of is not None and asked.best_of != (asked.n or 1)),
        ("logprobs", asked.logprobs is not None),
    ):
        if wanted:
            raise UnsupportedParameter(param, "text completions here are plain")


def _prompts(given: str | Sequence[Any]) -> tuple[str, ...]:
    prompts = (given,) if isinstance(given, str) else tuple(given)
    if any(not isinstance(prompt, str) for prompt in prompts):
        raise UnsupportedParameter("prompt", "prompts are texts, not tokens")
    if not prompts or not all(prompts):
        raise BadRequest("a prompt has one character at least", "prompt")
    return prompts


class TextWire:
    """Formats one answer as text completions; drafts are not shown on this route."""

    ping = PING

    def __init__(self, query: Query, *, include_usage: bool) -> None:
        self._query, self._usage = query, include_usage
        self._head = {"id": f"cmpl-{query.id}", "object": "text_completion", "created": int(query.started)}
        self._head["model"] = query.model

    def first(self) -> bytes:
        return b""

    def events(self, events: Sequence[Event]) -> bytes:
        return b"".join(self._chunk(e.choice, e.text, None) for e in events if isinstance(e, AnswerDelta))

    def last(self, _said: Sequence[Event], report: Report) -> bytes:
        count = choices_of(self._query)
        ends = [self._chunk(choice, "", finish_of(report, choice)) for choice in range(count - 1)]
        ends.append(self._chunk(count - 1, "", finish_of(report, count - 1), harmonic=harmonic_object(report)))
        if self._usage:
            ends.append(b"data: " + _json({**self._head, "choices": [], "usage": usage_object(report)}) + b"\n\n")
        return b"".join(ends) + DONE

    def error(self, error: BaseException) -> bytes:
        return b"data: " + _json(error_body(error)) + b"\n\n"

    def whole(self, said: Sequence[Event], report: Report) -> dict[str, Any]:
        choices = [
            self._choice(choice, answer_text(said, choice), finish_of(report, choice))
            for choice in range(choices_of(self._query))
        ]
        return {**self._head, "choices": choices, "usage": usage_object(report), "harmonic": harmonic_object(report)}

    def _chunk(self, choice: int, text: str, finish: str | None, **more: Any) -> bytes:
        usage = {"usage": None} if self._usage else {}
        return (
            b"data: "
            + _json({**self._head, "choices": [self._choice(choice, text, finish)], **more, **usage})
            + b"\n\n"
        )

    @staticmethod
    def _choice(choice: int, text: str, finish: str | None) -> dict[str, Any]:
        return {"index": choice, "text": text, "logprobs": None, "finish_reason": finish}
