"""Every mistake in a request is named with its field; what is not asked for is not invented."""

import json
from typing import Any

import pytest

from harmonic_stack.api.chat_request import Ask, parse_chat_request
from harmonic_stack.config import Config
from harmonic_stack.errors import BadRequest, ModelNotFound, SessionNameInvalid, UnsupportedParameter
from harmonic_stack.model_names import Names
from harmonic_stack.query import Message, Mode

NAMES = Names(["executive", "coder"], "executive", ["tiny"])
GOOD: dict[str, Any] = {"model": "harmonic", "messages": [{"role": "user", "content": "hi"}]}


def _parse(body: Any, session: str | None = None) -> Ask:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_chat_request(raw, names=NAMES, config=Config(), session=session, caller="k")


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
    "a strange format": ({**GOOD, "response_format": {"type": "xml"}}, "response_format.type"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_request_names_its_field(name: str) -> None:
    body, param = BROKEN[name]
    with pytest.raises(BadRequest) as refused:
        _parse(body)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("field", "value"), [("n", 2), ("logprobs", True), ("top_logprobs", 3), ("tools", [{"type": "function"}])]
)
def test_what_is_not_served_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(UnsupportedParameter):
        _parse({**GOOD, field: value})


def test_images_are_refused_by_name() -> None:
    with pytest.raises(UnsupportedParameter):
        _parse({"model": "harmonic", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]})


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
