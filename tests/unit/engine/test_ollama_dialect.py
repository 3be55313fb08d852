"""Ollama's dialect: the body that is sent, the lines that are read, and every way in which they can fail."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from harmonic_stack.chat_client import ChatCall, ChatClient, Patience
from harmonic_stack.engine.connection import Upstream
from harmonic_stack.engine.ollama_dialect import Lines, chat_body, ollama_dialect, raw_body
from harmonic_stack.engine.sse import MAX_EVENT, EventTooLong
from harmonic_stack.errors import EngineStreamFailed, StreamFault
from harmonic_stack.query import Completion, Message, ToolCall
from tests.fake_ollama import FakeOllama, Play, fake_ollama

FIELDS: Mapping[str, Any] = {"keep_alive": -1, "shift": False, "think": False, "options": {"num_ctx": 2048}}
CALL = ChatCall("tiny", [Message("user", "hello")], {"max_tokens": 5})


def body(**parameters: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        chat_body(ChatCall("tiny", [Message("developer", "be brief")], parameters), FIELDS)
    )
    return found


async def ask(fake: FakeOllama, got: list[str] | None = None, patience: Patience | None = None) -> Completion:
    client = ChatClient(Upstream(fake.url), ollama_dialect(FIELDS), patience or Patience())
    heard = got if got is not None else []
    try:
        return await client.stream_chat(CALL, lambda text, _: heard.append(text))
    finally:
        client.close()


def test_sampling_goes_into_the_options_beside_the_load_options() -> None:
    found = body(max_tokens=7, temperature=0.7, stop=["END"], seed=1, min_p=0.05)
    wanted = {"num_ctx": 2048, "num_predict": 7, "temperature": 0.7, "stop": ["END"], "seed": 1, "min_p": 0.05}
    assert found["options"] == wanted
    assert (found["keep_alive"], found["shift"], found["think"], found["stream"]) == (-1, False, False, True)


def test_a_developer_speaks_as_the_system() -> None:
    assert body()["messages"] == [{"role": "system", "content": "be brief"}]


@pytest.mark.parametrize(
    ("wanted", "format_"),
    [
        ({"type": "json_object"}, "json"),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}, {"type": "object"}),
        ({"type": "text"}, None),
    ],
)
def test_a_response_format_becomes_ollamas(wanted: dict[str, Any], format_: Any) -> None:
    assert body(response_format=wanted).get("format") == format_


def test_a_parameter_that_ollama_would_ignore_is_refused() -> None:
    with pytest.raises(EngineStreamFailed, match="logit_bias"):
        body(logit_bias={"1": 2.0})


TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}


def test_tools_calls_results_and_images_become_ollamas() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"}}
    talk = [
        Message("user", "What?", parts=({"type": "text", "text": "What?"}, image)),
        Message("assistant", "", tool_calls=(ToolCall("c1", "add", '{"a":1}'),)),
        Message("tool", "2", tool_call_id="c1"),
    ]
    parameters = {"tools": [TOOL], "tool_choice": "auto", "parallel_tool_calls": True, "logprobs": True}
    called = {"name": "add", "arguments": {"a": 1}}
    found = json.loads(chat_body(ChatCall("tiny", talk, parameters), FIELDS))
    assert found["messages"] == [
        {"role": "user", "content": "What?", "images": ["iVBORw0KGgo="]},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "function": called}]},
        {"role": "tool", "content": "2", "tool_call_id": "c1", "tool_name": "add"},
    ]
    assert (found["tools"], found["logprobs"]) == ([TOOL], True)
    assert not {"tool_choice", "parallel_tool_calls"} & found.keys()


async def test_tool_calls_and_probabilities_are_read_where_they_are_asked_for() -> None:
    token = {"token": "hm", "logprob": -0.25, "bytes": [104, 109]}
    call = {"id": "call_9", "function": {"index": 0, "name": "add", "arguments": {"a": [1, 2]}}}
    lines = [
        {"message": {"content": "hm"}, "done": False, "logprobs": [{**token, "top_logprobs": [token]}]},
        {"message": {"content": "", "tool_calls": [call]}, "done": False},
        {"message": {"content": ""}, "done": True, "done_reason": "stop", "eval_count": 4},
    ]
    raw = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    extras: list[Any] = []
    async with fake_ollama(FakeOllama(play=lambda _: Play(raw=raw))) as fake:
        client = ChatClient(Upstream(fake.url), ollama_dialect(FIELDS))
        completion = await client.stream_chat(CALL, lambda text, _: None, extras.append)
        client.close()
    assert completion.tool_calls == (ToolCall("call_9", "add", '{"a":[1,2]}'),)
    assert (completion.text, completion.finish) == ("hm", "tool_calls")
    assert extras[0] == ({**token, "top_logprobs": [token]},)
    assert extras[1].name == "add"


def test_a_raw_prompt_goes_to_generate_without_a_template() -> None:
    found = json.loads(raw_body(ChatCall("tiny", [], {"max_tokens": 3}), "The sea is", FIELDS))
    assert (found["prompt"], found["raw"], found["options"]["num_predict"]) == ("The sea is", True, 3)


async def test_text_arrives_piece_by_piece_and_whole_with_its_cost() -> None:
    got: list[str] = []
    async with fake_ollama(FakeOllama(play=lambda _: Play(["one", " two", " drei €"], reason="length"))) as fake:
        completion = await ask(fake, got)
    assert "".join(got) == completion.text == "one two drei €"
    assert (completion.finish, completion.prompt_tokens, completion.completion_tokens) == ("length", 10, 3)
    assert fake.chats()[0]["options"] == {"num_ctx": 2048, "num_predict": 5}


async def test_thoughts_are_no_text_but_show_that_the_model_works() -> None:
    play = Play(["four"], thoughts=["hm"] * 8, delay=0.05)
    async with fake_ollama(FakeOllama(play=lambda _: play)) as fake:
        completion = await ask(fake, patience=Patience(first_token=0.25))
    assert (completion.text, completion.reasoning) == ("four", "hm" * 8)


def test_a_model_thinks_only_where_its_agent_is_set_to() -> None:
    calls = [ChatCall("tiny", [Message("user", "x")], {}, think=think) for think in (False, True)]
    assert [json.loads(chat_body(call, FIELDS))["think"] for call in calls] == [False, True]


FAULTS = {
    "an error after text": (Play(["a"], error="unexpected EOF"), StreamFault.ENGINE),
    "an error before text": (Play([], error="unexpected EOF"), StreamFault.ENGINE),
    "cut off": (Play(raw=b'{"message":{"content":"a"},"done":false}\n'), StreamFault.CUT),
    "refused": (Play(status=400, error="does not support thinking"), StreamFault.STATUS),
    "no runner": (Play(status=500, error="llama-server has terminated"), StreamFault.STATUS),
    "no JSON": (Play(raw=b"<html>\n"), StreamFault.MALFORMED),
    "a web page": (Play(raw=b"<html>", content_type="text/html"), StreamFault.MALFORMED),
    "one endless line": (Play(raw=b"x" * (MAX_EVENT + 2)), StreamFault.TOO_LARGE),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_faulty_stream_is_a_typed_failure(name: str) -> None:
    play, fault = FAULTS[name]
    async with fake_ollama(FakeOllama(play=lambda _: play)) as fake:
        with pytest.raises(EngineStreamFailed) as failure:
            await ask(fake)
    assert failure.value.reason is fault


@pytest.mark.parametrize("first", [Play([], error="unexpected EOF"), Play(status=500, error="terminated")])
async def test_a_runner_that_died_before_its_first_word_is_asked_once_more(first: Play) -> None:
    plays = iter([first, Play(["here"])])
    async with fake_ollama(FakeOllama(play=lambda _: next(plays))) as fake:
        assert (await ask(fake)).text == "here"
    assert len(fake.chats()) == 2


@pytest.mark.parametrize("name", ["an error after text", "refused"])
async def test_what_was_said_or_refused_is_not_asked_again(name: str) -> None:
    async with fake_ollama(FakeOllama(play=lambda _: FAULTS[name][0])) as fake:
        with pytest.raises(EngineStreamFailed):
            await ask(fake)
    assert len(fake.chats()) == 1


@pytest.mark.parametrize("size", [1, 2, 5, 64])
def test_lines_are_the_same_however_the_bytes_are_split(size: int) -> None:
    data = '{"a":1}\n\n{"b":"ä€"}\r\n{"c":3}'.encode()
    lines, found = Lines(), []
    for start in range(0, len(data), size):
        found += lines.feed(data[start : start + size])
    found += lines.close()
    assert [json.loads(line) for line in found] == [{"a": 1}, {"b": "ä€"}, {"c": 3}]


def test_an_endless_line_is_given_up() -> None:
    lines = Lines()
    with pytest.raises(EventTooLong):
        lines.feed(b"x" * (MAX_EVENT + 1))
