"""An answer as one of Anthropic's messages, or as the events by which one grows; and errors in their shape."""

import secrets
from collections.abc import Sequence
from typing import Any

import msgspec

from harmonic_stack.api.message_request import MessageBody
from harmonic_stack.api.wire import draft_text, finish_of, harmonic_object, tool_calls_of, usage_object
from harmonic_stack.problems import message_of, problem_of
from harmonic_stack.query import AnswerDelta, DraftDelta, Event, Query, Report, ToolCallDelta

_json = msgspec.json.Encoder().encode
# Why it ended, in OpenAI's words -> in Anthropic's.
_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}


def error_object(error: BaseException) -> dict[str, Any]:
    """An error in Anthropic's shape."""
    kind = _ERRORS.get(problem_of(error).status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message_of(error)}}


class MessageWire:
    """Formats one answer for POST /v1/messages.

    Blocks follow each other, so drafts are shown as thinking, where the caller wants that, until the answer begins.
    """

    ping = b'event: ping\ndata: {"type": "ping"}\n\n'

    def __init__(self, query: Query, asked: MessageBody) -> None:
        self._query, self._asked = query, asked
        self._head = {"id": f"msg_{secrets.token_hex(12)}", "type": "message", "role": "assistant"}
        self._head["model"] = asked.model
        self._index, self._open = -1, ""

    def first(self) -> bytes:
        usage = {"input_tokens": 0, "output_tokens": 0}  # known at the end
        begun: dict[str, Any] = {
            **self._head,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        return _event("message_start", message=begun) + self.ping

    def events(self, events: Sequence[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if isinstance(event, AnswerDelta):
                if event.text:
                    self._block(out, "text", {"type": "text", "text": ""})
                    self._delta(out, {"type": "text_delta", "text": event.text})
            elif isinstance(event, DraftDelta):
                if self._asked.shows_drafts and self._open in ("", "thinking"):
                    self._block(out, "thinking", {"type": "thinking", "thinking": "", "signature": ""})
                    self._delta(out, {"type": "thinking_delta", "thinking": draft_text(event)})
            elif isinstance(event, ToolCallDelta):
                begun: dict[str, Any] = {"type": "tool_use", "id": event.id, "name": event.name, "input": {}}
                self._block(out, f"tool {event.index}", begun)
                if event.arguments:
                    self._delta(out, {"type": "input_json_delta", "partial_json": event.arguments})
        return b"".join(out)

    def last(self, _said: Sequence[Event], report: Report) -> bytes:
        ends: list[bytes] = []
        self._close(ends)
        delta = {"stop_reason": _STOPS[finish_of(report)], "stop_sequence": None}
        told = {"delta": delta, "usage": _usage(report), "harmonic": harmonic_object(report)}
        return b"".join(ends) + _event("message_delta", **told) + _event("message_stop")

    def error(self, error: BaseException) -> bytes:
        return b"event: error\ndata: %b\n\n" % _json(error_object(error))

    def whole(self, said: Sequence[Event], report: Report) -> dict[str, Any]:
        blocks: list[dict[str, Any]] = []
        drafts = "".join(draft_text(event) for event in said if isinstance(event, DraftDelta))
        if drafts and self._asked.shows_drafts:
            blocks.append({"type": "thinking", "thinking": drafts, "signature": ""})
        text = "".join(event.text for event in said if isinstance(event, AnswerDelta))
        if text:
            blocks.append({"type": "text", "text": text})
        blocks += [
            {"type": "tool_use", "id": call.id, "name": call.name, "input": _object(call.arguments)}
            for call in tool_calls_of(said)
        ]
        return {
            **self._head,
            "content": blocks,
            "stop_reason": _STOPS[finish_of(report)],
            "stop_sequence": None,
            "usage": _usage(report),
            "harmonic": harmonic_object(report),
        }

    def _block(self, out: list[bytes], key: str, begun: dict[str, Any]) -> None:
        if self._open == key:
            return
        self._close(out)
        self._open = key
        self._index += 1
        out.append(_event("content_block_start", index=self._index, content_block=begun))

    def _delta(self, out: list[bytes], delta: dict[str, Any]) -> None:
        out.append(_event("content_block_delta", index=self._index, delta=delta))

    def _close(self, out: list[bytes]) -> None:
        if self._open:
            out.append(_event("content_block_stop", index=self._index))
            self._open = ""


def _usage(report: Report) -> dict[str, int]:
    spent = usage_object(report)
    return {"input_tokens": spent["prompt_tokens"], "output_tokens": spent["completion_tokens"]}


def _object(text: str) -> Any:
    """The arguments of a call; a model may write what is no JSON object, which a client then sees as one text."""
    try:
        found = msgspec.json.decode(text or "{}")
    except msgspec.DecodeError:
        return {"": text}
    return found if isinstance(found, dict) else {"": text}


def _event(kind: str, **more: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), _json({"type": kind, **more}))
