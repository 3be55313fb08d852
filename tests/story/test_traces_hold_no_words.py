"""Traces hold names and figures: no prompt, answer, header, key, tool, session's name or word of an engine's."""

from pathlib import Path
from typing import Any

from tests.crews import crew_that_knows
from tests.fake_chunks import DONE, event, tool_call
from tests.fake_engine import Act, last_user
from tests.stack import asking
from tests.test_house import ROOT
from tests.traced import traced

CHAT = "/v1/chat/completions"
PROMPT, ANSWER, NOTE = "canary-prompt-7f3a91", "canary-answer-c04d22", "canary-note-5512aa"
HEADER, SESSION, TOOL = "canary-header-58be60", "canary-session-a1", "canary_tool_33"
STOP, SCHEMA, REASON = "canary-stop-0c", "canary_schema_77", "canary-finish-9d"
MARKS = (PROMPT, ANSWER, NOTE, HEADER, SESSION, TOOL, STOP, SCHEMA, REASON)


def play(body: dict[str, Any]) -> Act:
    """An answer that bears its mark, in each of the ways in which an engine can say something."""
    wish = last_user(body)
    if "tools" in body:
        return Act(raw=tool_call(TOOL, f'{{"a": "{ANSWER}"}}'))
    if "break" in wish:
        return Act(raw=[b'data: {"x": ' + ANSWER.encode() + b"\n\n"])
    if "refuse" in wish:
        return Act(status=400, body=ANSWER.encode())
    if "die" in wish:
        return Act(f"{ANSWER} and more", die_after=1)
    if "odd" in wish:
        usage = b'data: {"choices": [], "usage": {"prompt_tokens": %d, "completion_tokens": -5}}\n\n' % (2**70)
        return Act(raw=[event({"content": ANSWER}), event({}, REASON), usage, DONE])
    return Act(f"{ANSWER}. Another {ANSWER} sentence! Answer: 4")


async def test_no_word_of_a_caller_or_an_engine_is_in_what_is_sent(tmp_path: Path) -> None:
    crew = crew_that_knows(tmp_path / "crew", {"alder": f"# Garden\n\nThe garden of {PROMPT} is {NOTE}.\n"})
    tool = {"type": "function", "function": {"name": TOOL, "parameters": {"type": "object"}}}
    form = {"type": "json_schema", "json_schema": {"name": SCHEMA, "schema": {"type": "object"}}}
    more: list[dict[str, Any]] = [{}, {"stream": True}, {"tools": [tool]}, {"stop": [STOP], "response_format": form}]
    headers = {
        "x-session-id": SESSION,
        "x-canary": HEADER,
        "tracestate": f"{HEADER}=1",
        "baggage": f"k={HEADER}",
        "x-request-id": HEADER,
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    sent = 0
    async with traced(tmp_path, play, {"crew.file": str(crew)}) as here:
        for wish in ("hi", "break", "refuse", "die", "odd", "What is 2 + 2?"):
            for model in ("harmonic", "harmonic-full", "harmonic-deep", "harmonic-fast", "alder", "fake"):
                for fields in more if wish == "hi" else [{}]:
                    body = asking(f"{wish} {PROMPT} garden", model, user=PROMPT, metadata={"k": PROMPT}, **fields)
                    await here.client.post(CHAT, json=body, headers=headers)
                    sent += 1
        roots = await here.told(sent)
        calls = here.receiver.calls()
        everything = b"".join(here.receiver.bodies) + "".join(here.receiver.heads).encode()
        said = b"".join(str(body).encode() for body in here.engine.requests)
        keys = (here.stack.key, here.stack.admin)
    assert len(roots) == sent
    assert [mark for mark in (PROMPT, NOTE, TOOL, STOP, SCHEMA) if mark.encode() not in said] == [], "marks are in use"
    assert [mark for mark in (*MARKS, *keys) if mark.encode() in everything] == []
    assert {call["harmonic.status"] for call in calls} == {"ok", "failed", "skipped"}
    assert "other" in {word for call in calls for word in call.attributes.get("gen_ai.response.finish_reasons", [])}
    assert max(call.attributes.get("gen_ai.usage.input_tokens", 0) for call in calls) == 2**53
    assert not any(span.said or span.more for span in here.receiver.spans())
    page = (ROOT / "docs" / "tracing.md").read_text("utf-8")
    assert {name for span in here.receiver.spans() for name in span.attributes if f"`{name}`" not in page} == set()
    assert {call["error.type"] for call in calls if call.error and f"`{call['error.type']}`" not in page} == set()
