"""Chat completions on the wire: events of an answer become OpenAI chunks, or one completion object.

The shape is that of OpenAI's reference; ``reasoning_content`` carries drafts, and a top-level ``harmonic`` object tells
how the answer came about (docs/api.md).
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import asdict

from harmonic_stack.chat_client import tool_call_object
from harmonic_stack.problems import error_body
from harmonic_stack.query import (
    AnswerDelta,
    DraftDelta,
    Event,
    MinorityPoint,
    Outcome,
    PooledFact,
    Query,
    Report,
    ToolCall,
    ToolCallDelta,
)

DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"
_json = msgspec.json.Encoder().encode


class ChunkStream:
    """Formats one answer; every method but ``whole`` returns server-sent events, ready to be written."""

    ping = PING

    def __init__(self, query: Query, *, include_usage: bool) -> None:
        base = _json({**_head(query), "object": "chat.completion.chunk"})
        self._query, self._usage = query, include_usage
        self._open = self._opening(base, 0)
        self._mid = b',"finish_reason":null}]'
        self._close = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._base = base
        self._content = self._open + b'{"content":'
        self._content_end = b"}" + self._mid + self._close

    def first(self) -> bytes:
        """The first chunk, which gives the role; one for each choice."""
        role = b'{"role":"assistant","content":""}' + self._mid + self._close
        return b"".join(self._opening(self._base, choice) + role for choice in range(choices_of(self._query)))

    def events(self, events: Iterable[Event]) -> bytes:
        """What happened since the last call; the report is left to ``last``."""
        out: list[bytes] = []
        for event in events:
            if isinstance(event, AnswerDelta):
                if event.choice or event.logprobs:
                    out.append(self._piece(event))
                else:
                    out.append(self._content + _json(event.text) + self._content_end)
            elif isinstance(event, DraftDelta):
                out.append(self._draft(event))
            elif isinstance(event, ToolCallDelta):
                delta = _json({"tool_calls": [_tool_delta(event)]})
                out.append(self._opening(self._base, event.choice) + delta + self._mid + self._close)
        return b"".join(out)

    def last(self, _said: Sequence[Event], report: Report) -> bytes:
        """The finish, the ``harmonic`` object, the usage if it was asked for, and the end mark."""
        finish = b""
        count = choices_of(self._query)
        for choice in range(count):
            end = b'{},"finish_reason":' + _json(finish_of(report, choice)) + b"}]"
            if choice == count - 1:
                end += b',"harmonic":' + _json(harmonic_object(report))
            finish += self._opening(self._base, choice) + end + self._close
        usage = b""
        if self._usage:
            usage = b"data: " + self._base[:-1] + b',"choices":[],"usage":' + _json(usage_object(report)) + b"}\n\n"
        return finish + usage + DONE

    def error(self, error: BaseException) -> bytes:
        """An error after the first byte: an event of its own, and no end mark after it."""
        return b"data: " + _json(error_body(error)) + b"\n\n"

    def whole(self, said: Sequence[Event], report: Report) -> dict[str, Any]:
        """The whole answer as one object, for clients that do not stream."""
        return completion_object(self._query, said, report)

    @staticmethod
    def _opening(base: bytes, choice: int) -> bytes:
        return b'data: %b,"choices":[{"index":%d,"delta":' % (base[:-1], choice)

    def _piece(self, event: AnswerDelta) -> bytes:
        """A piece of another choice than the first, or one with probabilities."""
        probabilities = b',"logprobs":' + _json({"content": event.logprobs, "refusal": None}) if event.logprobs else b""
        delta = b'{"content":' + _json(event.text) + b"}"
        return self._opening(self._base, event.choice) + delta + probabilities + self._mid + self._close

    def _draft(self, event: DraftDelta) -> bytes:
        text = draft_text(event)
        mark = b',"harmonic":' + _json({"agent": event.seat.agent, "sample": event.seat.sample})
        return self._open + b'{"reasoning_content":' + _json(text) + b"}" + self._mid + mark + self._close


def completion_object(query: Query, said: Sequence[Event], report: Report) -> dict[str, Any]:
    """The whole answer as one object."""
    return {
        **_head(query),
        "object": "chat.completion",
        "choices": [_choice(said, report, choice) for choice in range(choices_of(query))],
        "usage": usage_object(report),
        "harmonic": harmonic_object(report),
    }


def _choice(said: Sequence[Event], report: Report, choice: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer_text(said, choice), "refusal": None}
    if calls := tool_calls_of(said, choice):
        message["tool_calls"] = [tool_call_object(call) for call in calls]
        message["content"] = message["content"] or None
    if not choice and (drafts := _drafts_text(said)):
        message["reasoning_content"] = drafts
    tokens = [token for e in said if isinstance(e, AnswerDelta) and e.choice == choice for token in e.logprobs]
    return {
        "index": choice,
        "message": message,
        "logprobs": {"content": tokens, "refusal": None} if tokens else None,
        "finish_reason": finish_of(report, choice),
    }


def choices_of(query: Query) -> int:
    """How many answers a query has."""
    return query.choices * max(len(query.prompts), 1)


def answer_text(events: Iterable[Event], choice: int = 0) -> str:
    """The answer's own words, or those of one of several."""
    return "".join(e.text for e in events if isinstance(e, AnswerDelta) and e.choice == choice)


def tool_calls_of(events: Iterable[Event], choice: int = 0) -> list[ToolCall]:
    """The tool calls of an answer, put together from their pieces."""
    calls: dict[int, ToolCall] = {}
    for e in events:
        if isinstance(e, ToolCallDelta) and e.choice == choice:
            known = calls.get(e.index) or ToolCall(e.id or "", "", "")
            calls[e.index] = ToolCall(known.id, known.name + (e.name or ""), known.arguments + e.arguments)
    return [calls[index] for index in sorted(calls)]


def _tool_delta(event: ToolCallDelta) -> dict[str, Any]:
    if event.id is None:
        return {"index": event.index, "function": {"arguments": event.arguments}}
    call = tool_call_object(ToolCall(event.id, event.name or "", event.arguments))
    return {"index": event.index, **call}


def _head(query: Query) -> dict[str, Any]:
    return {"id": f"chatcmpl-{query.id}", "created": int(query.started), "model": query.model}


def draft_text(event: DraftDelta) -> str:
    """A piece of a draft as it is shown, under its agent's name."""
    return f"{event.seat}: {event.text.strip()}\n"


def _drafts_text(events: Iterable[Event]) -> str:
    return "".join(draft_text(event) for event in events if isinstance(event, DraftDelta))


def usage_object(report: Report) -> dict[str, Any]:
    """Tokens over all agents and the aggregator; ``reasoning_tokens`` are those not delivered as content."""
    calls = [outcome.completion for outcome in _calls(report)]
    prompt = sum(call.prompt_tokens or 0 for call in calls)
    completion = sum(call.completion_tokens for call in calls)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "completion_tokens_details": {"reasoning_tokens": max(completion - report.delivered_tokens, 0)},
    }


def harmonic_object(report: Report) -> dict[str, Any]:
    """How the answer came about (DESIGN 6, "On the wire")."""
    agreement = report.agreement
    return {
        "query": report.query,
        "session": report.session,
        "mode": report.mode,
        "agents": [_agent(outcome, report.answers.get(place)) for place, outcome in enumerate(report.outcomes)],
        "aggregator": None if report.aggregator is None else _agent(report.aggregator, None),
        "agreement": None
        if agreement is None
        else {"votes": agreement.votes, "asked": agreement.asked, "confidence": round(agreement.confidence, 3)},
        "minority": [_point(point) for point in report.minority],
        "coverage": report.coverage,
        **({} if report.facts is None else {"facts": [_fact(fact) for fact in report.facts]}),
        "warnings": list(report.warnings),
        "queued": report.queued,
        "joules": None if report.joules is None else round(report.joules, 3),
        "checked": None if report.checked is None else asdict(report.checked),
    }


def _agent(outcome: Outcome, answer: str | None) -> dict[str, Any]:
    spent = outcome.completion
    return {
        "name": outcome.seat.agent,
        "sample": outcome.seat.sample,
        "wave": outcome.seat.wave,
        "status": outcome.status.value,
        "answer": answer,
        "prompt_tokens": spent.prompt_tokens,
        "completion_tokens": spent.completion_tokens,
        "seconds": round(spent.seconds, 3),
        "slot_wait": round(spent.slot_wait, 3),
        "reason": outcome.reason or None,
    }


def _point(point: MinorityPoint) -> dict[str, Any]:
    return {
        "agent": point.agent,
        "holders": list(point.holders or (point.agent,)),
        "text": point.text,
        "relevance": point.relevance,
        "votes": point.votes,
        "kept": point.kept,
        "against": point.against,
        "evidence": point.evidence,
    }


def _fact(fact: PooledFact) -> dict[str, Any]:
    return {
        "text": fact.text,
        "holders": list(fact.holders),
        "handed_to": list(fact.handed_to),
        "held_back": fact.held_back or None,
    }


def _calls(report: Report) -> list[Outcome]:
    return [*report.outcomes, *([report.aggregator] if report.aggregator else [])]


def finish_of(report: Report, choice: int = 0) -> str:
    """Why an answer, or one of several, ended, in OpenAI's words."""
    finish = report.finishes[choice] if choice < len(report.finishes) and choice else report.finish
    if choice < len(report.outcomes) and report.outcomes[choice].completion.tool_calls:
        return "tool_calls"
    return finish if finish in ("stop", "length", "content_filter") else "stop"
