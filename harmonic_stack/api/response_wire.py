"""An answer as a response object, or as the events by which one grows.

The drafts are one reasoning item, the answer one message, each tool call an item of its own; items are numbered in the
order in which they begin.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from harmonic_stack.api.response_request import ResponseBody
from harmonic_stack.api.wire import PING, draft_text, finish_of, harmonic_object, usage_object
from harmonic_stack.problems import error_body
from harmonic_stack.query import AnswerDelta, DraftDelta, Event, Query, Report, ToolCallDelta

_json = msgspec.json.Encoder().encode


@dataclass(slots=True)
class _Open:
    """One item as it grows."""

    kind: str
    id: str
    index: int
    call_id: str = ""
    name: str = ""
    texts: list[str] = field(default_factory=list)

    def whole(self, status: str) -> dict[str, Any]:
        """The item as it stands."""
        text = "".join(self.texts)
        base = {"id": self.id, "type": self.kind, "status": status}
        if self.kind == "reasoning":
            return {**base, "summary": [{"type": "summary_text", "text": text}] if self.texts else []}
        if self.kind == "message":
            return {**base, "role": "assistant", "content": [_text_part(text)] if self.texts else []}
        return {**base, "call_id": self.call_id, "name": self.name, "arguments": text}


class ResponseWire:
    """Formats one answer for POST /v1/responses."""

    ping = PING

    def __init__(self, query: Query, asked: ResponseBody, response_id: str, *, stored: bool) -> None:
        self._query, self._asked, self.id, self.stored = query, asked, response_id, stored
        self._items: dict[str, _Open] = {}
        self._number = 0

    def first(self) -> bytes:
        begun = self.object("in_progress")
        return self._event("response.created", response=begun) + self._event("response.in_progress", response=begun)

    def events(self, events: Sequence[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if isinstance(event, AnswerDelta):
                item = self._items.get("message") or self._begin(out, "message", "msg")
                item.texts.append(event.text)
                place = {"item_id": item.id, "output_index": item.index, "content_index": 0}
                out.append(self._event("response.output_text.delta", **place, delta=event.text, logprobs=[]))
            elif isinstance(event, DraftDelta):
                item = self._items.get("reasoning") or self._begin(out, "reasoning", "rs")
                text = draft_text(event)
                item.texts.append(text)
                place = {"item_id": item.id, "output_index": item.index, "summary_index": 0}
                out.append(self._event("response.reasoning_summary_text.delta", **place, delta=text))
            elif isinstance(event, ToolCallDelta):
                self._call(out, event)
        return b"".join(out)

    def last(self, _said: Sequence[Event], report: Report) -> bytes:
        done = self.finished(report)
        ends = b"".join(self._end(item, _of_items(done["status"])) for item in self._items.values())
        return ends + self._event(f"response.{done['status']}", response=done)

    def error(self, error: BaseException) -> bytes:
        told = error_body(error)["error"]
        failed = {**self.object("failed"), "error": {"code": told["code"], "message": told["message"]}}
        return self._event("response.failed", response=failed)

    def whole(self, said: Sequence[Event], report: Report) -> dict[str, Any]:
        if not self._items:
            self.events(said)
        return self.finished(report)

    def finished(self, report: Report) -> dict[str, Any]:
        """The finished object."""
        cut = finish_of(report) == "length"
        usage = usage_object(report)
        return {
            **self.object("incomplete" if cut else "completed"),
            "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
            "usage": {
                "input_tokens": usage["prompt_tokens"],
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": usage["completion_tokens"],
                "output_tokens_details": usage["completion_tokens_details"],
                "total_tokens": usage["total_tokens"],
            },
            "harmonic": harmonic_object(report),
        }

    def object(self, status: str) -> dict[str, Any]:
        """The response as it stands."""
        asked = self._asked
        choice = asked.tool_choice or "auto"
        form = asked.text.format if asked.text is not None else None
        return {
            "id": self.id,
            "object": "response",
            "created_at": int(self._query.started),
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "metadata": asked.metadata or {},
            "model": asked.model,
            "output": [item.whole(_of_items(status)) for item in self._items.values()],
            "parallel_tool_calls": asked.parallel_tool_calls is not False,
            "previous_response_id": asked.previous_response_id,
            "reasoning": {"effort": None, "summary": None},
            "store": self.stored,
            "temperature": asked.temperature,
            "text": {"format": {"type": "text"} if form is None else _without_nulls(msgspec.to_builtins(form))},
            "tool_choice": choice if isinstance(choice, str) else {"type": "function", "name": choice.name},
            "tools": [{"strict": None, "parameters": None, **tool} for tool in asked.tools or ()],
            "top_p": asked.top_p,
            "truncation": "disabled",
            "usage": None,
        }

    def _begin(self, out: list[bytes], key: str, prefix: str, call: ToolCallDelta | None = None) -> _Open:
        kind = "function_call" if call is not None else key
        item = _Open(kind, f"{prefix}_{secrets.token_hex(12)}", len(self._items))
        if call is not None:
            item.call_id, item.name = call.id or "", call.name or ""
        self._items[key] = item
        out.append(self._event("response.output_item.added", output_index=item.index, item=item.whole("in_progress")))
        place = {"item_id": item.id, "output_index": item.index}
        if kind == "message":
            out.append(self._event("response.content_part.added", **place, content_index=0, part=_text_part("")))
        elif kind == "reasoning":
            part = {"type": "summary_text", "text": ""}
            out.append(self._event("response.reasoning_summary_part.added", **place, summary_index=0, part=part))
        return item

    def _call(self, out: list[bytes], event: ToolCallDelta) -> None:
        key = f"call {event.index}"
        item = self._items.get(key) or self._begin(out, key, "fc", event)
        if event.arguments:
            item.texts.append(event.arguments)
            place = {"item_id": item.id, "output_index": item.index}
            out.append(self._event("response.function_call_arguments.delta", **place, delta=event.arguments))

    def _end(self, item: _Open, status: str) -> bytes:
        text, place = "".join(item.texts), {"item_id": item.id, "output_index": item.index}
        if item.kind == "message":
            place |= {"content_index": 0}
            parts = self._event("response.output_text.done", **place, text=text, logprobs=[])
            parts += self._event("response.content_part.done", **place, part=_text_part(text))
        elif item.kind == "reasoning":
            place |= {"summary_index": 0}
            parts = self._event("response.reasoning_summary_text.done", **place, text=text)
            part = {"type": "summary_text", "text": text}
            parts += self._event("response.reasoning_summary_part.done", **place, part=part)
        else:
            parts = self._event("response.function_call_arguments.done", **place, name=item.name, arguments=text)
        whole = item.whole(status)
        return parts + self._event("response.output_item.done", output_index=item.index, item=whole)

    def _event(self, kind: str, **more: Any) -> bytes:
        data = _json({"type": kind, "sequence_number": self._number, **more})
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)


def _of_items(status: str) -> str:
    """The status of the items of a response with that status."""
    return "completed" if status == "completed" else "incomplete"


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _without_nulls(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}
