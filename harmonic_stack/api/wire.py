"""Chat completions on the wire: events of an answer become OpenAI chunks, or one completion object.

The shape is that of OpenAI's reference; ``reasoning_content`` carries drafts, and a top-level ``harmonic`` object tells
how the answer came about (docs/api.md).
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from harmonic_stack.query import AnswerDelta, DraftDelta, Event, MinorityPoint, Outcome, PooledFact, Query, Report

DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"
_json = msgspec.json.Encoder().encode


class ChunkStream:
    """Formats one streamed answer; every method returns whole server-sent events, ready to be written."""

    def __init__(self, query: Query, *, include_usage: bool) -> None:
        base = _json({**_head(query), "object": "chat.completion.chunk"})
        self._usage = include_usage
        self._open = b"data: " + base[:-1] + b',"choices":[{"index":0,"delta":'
        self._mid = b',"finish_reason":null}]'
        self._close = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._base = base
        self._content = self._open + b'{"content":'
        self._content_end = b"}" + self._mid + self._close

    def first(self) -> bytes:
        """The first chunk, which gives the role."""
        return self._open + b'{"role":"assistant","content":""}' + self._mid + self._close

    def events(self, events: Iterable[Event]) -> bytes:
        """What happened since the last call; the report is left to ``last``."""
        out: list[bytes] = []
        for event in events:
            if isinstance(event, AnswerDelta):
                out.append(self._content + _json(event.text) + self._content_end)
            elif isinstance(event, DraftDelta):
                out.append(self._draft(event))
        return b"".join(out)

    def last(self, report: Report) -> bytes:
        """The finish, the ``harmonic`` object, the usage if it was asked for, and the end mark."""
        finish = b'%b{},"finish_reason":%b}],"harmonic":%b%b' % (
            self._open,
            _json(_finish(report)),
            _json(harmonic_object(report)),
            self._close,
        )
        usage = b""
        if self._usage:
            usage = b"data: " + self._base[:-1] + b',"choices":[],"usage":' + _json(usage_object(report)) + b"}\n\n"
        return finish + usage + DONE

    def error(self, body: dict[str, Any]) -> bytes:
        """An error after the first byte: an event of its own, and no end mark after it."""
        return b"data: " + _json(body) + b"\n\n"

    def _draft(self, event: DraftDelta) -> bytes:
        text = _draft_text(event)
        mark = b',"harmonic":' + _json({"agent": event.seat.agent, "sample": event.seat.sample})
        return self._open + b'{"reasoning_content":' + _json(text) + b"}" + self._mid + mark + self._close


def completion_object(query: Query, said: Sequence[Event], report: Report) -> dict[str, Any]:
    """The whole answer as one object, for clients that do not stream."""
    message: dict[str, Any] = {"role": "assistant", "content": answer_text(said), "refusal": None}
    if drafts := _drafts_text(said):
        message["reasoning_content"] = drafts
    return {
        **_head(query),
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(report)}],
        "usage": usage_object(report),
        "harmonic": harmonic_object(report),
    }


def answer_text(events: Iterable[Event]) -> str:
    """The answer's own words."""
    return "".join(e.text for e in events if isinstance(e, AnswerDelta))


def _head(query: Query) -> dict[str, Any]:
    return {"id": f"chatcmpl-{query.id}", "created": int(query.started), "model": query.model}


def _draft_text(event: DraftDelta) -> str:
    return f"{event.seat}: {event.text.strip()}\n"


def _drafts_text(events: Iterable[Event]) -> str:
    return "".join(_draft_text(event) for event in events if isinstance(event, DraftDelta))


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


def _finish(report: Report) -> str:
    return report.finish if report.finish in ("stop", "length", "content_filter") else "stop"
