"""Every mistake in a request is named with its field; what is not asked for is not invented."""

import json
from typing import Any

import pytest

from harmonic_stack.api.chat_request import Ask, Reader, parse_chat_request
from harmonic_stack.config import Config
from harmonic_stack.engine.capabilities import ALL
from harmonic_stack.errors import BadRequest, ModelNotFound, SessionNameInvalid, UnsupportedParameter
from harmonic_stack.model_names import Names
from harmonic_stack.query import Message, Mode, ToolCall

NAMES = Names(["executive", "coder"], "executive", ["tiny"])
GOOD: dict[str, Any] = {"model": "harmonic", "messages": [{"role": "user", "content": "hi"}]}


def _parse(body: Any, session: str | None = None, features: frozenset[str] = ALL) -> Ask:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_chat_request(raw, Reader(NAMES, Config(), lambda *_: features), session=session, caller="k")


@pytest.mark.parametrize(
    ("model", "mode", "agent"),
    [
        ("harmonic", Mode.AUTO, None),
        ("harmonic-full", Mode.FULL, None),
        ("harmonic-fast", Mode.FAST, "executive"),
        ("harmonic-deep", Mode.DEEP, None),
        ("coder", Mode.AGENT, "coder"),
        ("tiny", Mode.MODEL, None),
    ],
)
def test_the_model_name_chooses_the_way(model: str, mode: Mode, agent: str | None) -> None:
    query = _parse({**GOOD, "model": model}).query
    assert (query.mode, query.agent) == (mode, agent)


def test_an_unknown_model_is_named_with_those_that_exist() -> None:
    with pytest.raises(ModelNotFound) as refused:
        _parse({**GOOD, "model": "gpt-4"})
    assert refused.value.known[:3] == ("harmonic", "harmonic-full", "harmonic-fast")
    assert "tiny" in refused.value.known


def test_content_may_be_text_parts_or_null() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    body = {
        "model": "harmonic",
        "messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": None}],
    }
    assert _parse(body).query.messages == (Message("user", "ab"), Message("assistant", ""))


def _deep(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(levels):
        found = {"properties": found}
    return found


BROKEN: dict[str, tuple[Any, str | None]] = {
    "no JSON": (b"{", None),
    "NaN": (b'{"model":"harmonic","messages":[],"temperature":NaN}', None),
    "a lone surrogate": (b'{"model":"harmonic","messages":[{"role":"user","content":"\\ud800"}]}', None),
    "too deep": (b'{"metadata":{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}}", None),
    "no messages": ({"model": "harmonic"}, "messages"),
    "no user": ({"model": "harmonic", "messages": [{"role": "system", "content": "x"}]}, "messages"),
    "a strange role": ({"model": "harmonic", "messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
    "too hot": ({**GOOD, "temperature": 3}, "temperature"),
    "not a number": ({**GOOD, "top_p": "high"}, "top_p"),
    "five stops": ({**GOOD, "stop": list("abcde")}, "stop"),
    "no tokens": ({**GOOD, "max_tokens": 0}, "max_tokens"),
    "an unknown option": ({**GOOD, "harmonic": {"agnets": []}}, "harmonic"),
    "an unknown agent": ({**GOOD, "harmonic": {"agents": ["wizard"]}}, "harmonic.agents"),
    "too many drafts": ({**GOOD, "harmonic": {"most": 99}}, "harmonic.most"),
    "too long a deadline": ({**GOOD, "harmonic": {"deadline": 1e9}}, "harmonic.deadline"),
    "a tool result of no call": (
        {**GOOD, "messages": [*GOOD["messages"], {"role": "tool", "content": "4"}]},
        "messages[1].tool_call_id",
    ),
    "a choice without tools": ({**GOOD, "tool_choice": "required"}, "tool_choice"),
    "a schema too deep": (
        {**GOOD, "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": _deep(80)}}},
        None,
    ),
    "a schema without a schema": (
        {**GOOD, "response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
        "response_format.json_schema",
    ),
    "top_logprobs alone": ({**GOOD, "model": "tiny", "top_logprobs": 3}, "top_logprobs"),
    "nine answers": ({**GOOD, "model": "tiny", "n": 9}, "n"),
    "a strange format": ({**GOOD, "response_format": {"type": "xml"}}, "response_format.type"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_request_names_its_field(name: str) -> None:
    body, param = BROKEN[name]
    with pytest.raises(BadRequest) as refused:
        _parse(body)
    assert refused.value.param == param


TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
NAMED = {"type": "function", "function": {"name": "add"}}
IMAGE = "data:image/png;base64,iVBORw0KGgo="


def test_several_answers_and_probabilities_are_an_agents_or_a_models() -> None:
    for field, value in (("n", 2), ("logprobs", True)):
        with pytest.raises(UnsupportedParameter) as refused:
            _parse({**GOOD, field: value})
        assert refused.value.param == field
    query = _parse({**GOOD, "model": "coder", "n": 3, "logprobs": True, "top_logprobs": 2}).query
    assert (query.choices, query.sampling.logprobs, query.sampling.top_logprobs) == (3, True, 2)


LACKING: dict[str, tuple[dict[str, Any], str]] = {
    "tools": ({"tools": [TOOL]}, "tools"),
    "tool_choice": ({"tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
    "logprobs": ({"logprobs": True}, "logprobs"),
    "logit_bias": ({"logit_bias": {"5": 1}}, "logit_bias"),
    "penalties": ({"presence_penalty": 1}, "presence_penalty"),
    "json_schema": ({"response_format": {"type": "json_object"}}, "response_format"),
    "seed": ({"seed": 1}, "seed"),
    "vision": (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": IMAGE}}]}]},
        "messages[0].content[0].image_url",
    ),
}


@pytest.mark.parametrize("feature", LACKING)
def test_what_the_engine_lacks_is_refused_by_name_and_taken_where_it_has_it(feature: str) -> None:
    more, param = LACKING[feature]
    body = {**GOOD, "model": "tiny", **more}
    _parse(body)
    with pytest.raises(UnsupportedParameter) as refused:
        _parse(body, features=ALL - {feature})
    assert refused.value.param == param


def test_tools_go_to_the_engine_with_the_fields_that_are_known_and_no_others() -> None:
    tool = {**TOOL, "url": "http://127.0.0.1/", "function": {**TOOL["function"], "handler": "rm"}}
    tools = _parse({**GOOD, "tools": [tool], "tool_choice": NAMED, "parallel_tool_calls": False}).query.tools
    assert tools is not None
    assert (tools.definitions, tools.choice, tools.parallel) == ((TOOL,), NAMED, False)
    assert _parse({**GOOD, "tools": [tool], "tool_choice": "none"}).query.tools is None


def test_calls_and_results_are_kept_with_the_messages() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "1+1?", "name": "anna"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
    ]
    assert _parse({**GOOD, "messages": messages}).query.messages == (
        Message("user", "1+1?", name="anna"),
        Message("assistant", "", tool_calls=(ToolCall("c1", "add", "{}"),)),
        Message("tool", "2", tool_call_id="c1"),
    )


def test_an_image_comes_with_the_request_and_no_address_is_taken() -> None:
    def image(url: str) -> dict[str, Any]:
        part = {"type": "image_url", "image_url": {"url": url}}
        return {**GOOD, "messages": [{"role": "user", "content": [{"type": "text", "text": "what?"}, part]}]}

    message = _parse(image(IMAGE)).query.messages[0]
    assert message.content == "what?"
    assert [part["type"] for part in message.parts] == ["text", "image_url"]
    for url in ("http://127.0.0.1/x.png", "file:///etc/passwd", "data:text/html;base64,eA==", f"{IMAGE}<"):
        with pytest.raises(BadRequest) as refused:
            _parse(image(url))
        assert refused.value.param == "messages[0].content[1].image_url"
    with pytest.raises(UnsupportedParameter):
        _parse({"model": "harmonic", "messages": [{"role": "user", "content": [{"type": "input_audio"}]}]})


def test_fields_without_effect_are_taken_and_an_unknown_one_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        for _ in range(2):
            _parse(
                {**GOOD, "user": "u", "store": True, "reasoning_effort": "low", "service_tier": "auto", "n_dizcard": 1}
            )
    assert [getattr(record, "field", None) for record in caplog.records] == ["n_dizcard"]


def test_the_session_header_wins_over_the_metadata_and_both_are_checked() -> None:
    body = {**GOOD, "metadata": {"session_id": "meta"}}
    assert _parse(body).query.session == "meta"
    assert _parse(body, "head").query.session == "head"
    assert _parse(GOOD).query.session == ""
    for bad in ("", "../x", "a..b", "x" * 65, "a b", "ä"):
        with pytest.raises(SessionNameInvalid):
            _parse(GOOD, bad)


def test_max_completion_tokens_wins_and_unknown_fields_are_ignored() -> None:
    query = _parse({**GOOD, "max_tokens": 5, "max_completion_tokens": 7, "n_discard": -1}).query
    assert query.sampling.max_tokens == 7
