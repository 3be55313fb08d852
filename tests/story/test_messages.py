"""Anthropic's messages: whole and streamed, tools there and back, errors in their own shape."""

from pathlib import Path
from typing import Any

import httpx

from tests.fake_chunks import tool_call
from tests.fake_engine import Act, fake_engine, role_of
from tests.sse import events_of
from tests.stack import served_stack

PATH = "/v1/messages"
BODY: dict[str, Any] = {"model": "fake", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]}
WEATHER = {"name": "get_weather", "description": "w", "input_schema": {"type": "object"}}


async def test_a_message_comes_whole_under_either_header_with_its_key(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Good day.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        httpx.AsyncClient(base_url=stack.url) as client,
    ):
        body = {**BODY, "system": [{"type": "text", "text": "Be"}, {"type": "text", "text": "kind."}]}
        body |= {"stop_sequences": ["END"], "temperature": 0.5}
        for headers in ({"x-api-key": stack.key}, {"authorization": f"Bearer {stack.key}"}):
            answer = (await client.post(PATH, json=body, headers=headers)).json()
            assert (answer["type"], answer["role"], answer["stop_reason"]) == ("message", "assistant", "end_turn")
            assert answer["content"] == [{"type": "text", "text": "Good day."}]
            assert answer["usage"] == {"input_tokens": 10, "output_tokens": 2}
    sent = engine.requests[0]
    assert sent["messages"][0] == {"role": "system", "content": "Be\nkind."}
    assert (sent["max_tokens"], sent["stop"], sent["temperature"]) == (50, ["END"], 0.5)


async def test_the_events_of_a_stream_are_one_message(tmp_path: Path) -> None:
    def play(body: dict[str, Any]) -> Act:
        return Act("A peer's thought. And more.") if role_of(body) else Act("Two and two. Answer: 4")

    question = {"role": "user", "content": "What is 2 + 2? Answer with a number."}
    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        for thinking in ("enabled", "disabled"):
            body = {**BODY, "model": "harmonic", "messages": [question], "stream": True, "thinking": {"type": thinking}}
            events = events_of((await client.post(PATH, json=body)).text)
            kinds = [kind for kind, _ in events]
            assert kinds[0] == "message_start"
            assert kinds[-2:] == ["message_delta", "message_stop"]
            assert "ping" in kinds
            starts = [data for kind, data in events if kind == "content_block_start"]
            stops = [data["index"] for kind, data in events if kind == "content_block_stop"]
            assert [data["index"] for data in starts] == stops == list(range(len(starts)))
            wanted = ["thinking", "text"] if thinking == "enabled" else ["text"]
            assert [data["content_block"]["type"] for data in starts] == wanted
            deltas = [data["delta"] for kind, data in events if kind == "content_block_delta"]
            assert "".join(delta.get("text", "") for delta in deltas) == "Two and two. Answer: 4"
            end = next(data for kind, data in events if kind == "message_delta")
            assert end["delta"]["stop_reason"] == "end_turn"
            assert end["usage"]["output_tokens"] > 0


async def test_a_tool_use_and_its_result_go_round(tmp_path: Path) -> None:
    def play(body: dict[str, Any]) -> Act:
        answered = any(message["role"] == "tool" for message in body["messages"])
        return (
            Act("Rain.") if answered else Act(raw=tool_call("get_weather", '{"city":', '"Rome"}', before="Let me see."))
        )

    choice = {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}
    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        body = {**BODY, "tools": [WEATHER], "tool_choice": choice}
        whole = (await client.post(PATH, json=body)).json()
        streamed = events_of((await client.post(PATH, json={**body, "stream": True})).text)
        results = [
            {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "rain"}]},
            {"type": "text", "text": "So?"},
        ]
        thinking = {"type": "thinking", "thinking": "hm", "signature": ""}
        back = [*BODY["messages"], {"role": "assistant", "content": [thinking, *whole["content"]]}]
        body = {**BODY, "tools": [WEATHER], "messages": [*back, {"role": "user", "content": results}]}
        answer = (await client.post(PATH, json=body)).json()
    used = {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Rome"}}
    assert whole["stop_reason"] == "tool_use"
    assert whole["content"] == [{"type": "text", "text": "Let me see."}, used]
    starts = [data["content_block"]["type"] for kind, data in streamed if kind == "content_block_start"]
    assert starts == ["text", "tool_use"]
    deltas = [data["delta"].get("partial_json", "") for kind, data in streamed if kind == "content_block_delta"]
    assert "".join(deltas) == '{"city":"Rome"}'
    first, last = engine.requests[0], engine.requests[-1]
    assert first["tools"][0]["function"] == {
        "name": "get_weather",
        "description": "w",
        "parameters": {"type": "object"},
    }
    assert first["tool_choice"]["function"]["name"] == "get_weather"
    assert first["parallel_tool_calls"] is False
    assert [m["role"] for m in last["messages"]] == ["user", "assistant", "tool", "user"]
    assert answer["content"] == [{"type": "text", "text": "Rain."}]


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"max_tokens": None}, 400, "invalid_request_error"),
    ({"messages": []}, 400, "invalid_request_error"),
    ({"model": "claude"}, 404, "not_found_error"),
    ({"top_k": 4}, 400, "invalid_request_error"),
    ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, 400, "invalid_request_error"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "http://x"}}]}]},
        400,
        "invalid_request_error",
    ),
    ({"messages": [{"role": "user", "content": [{"type": "document"}]}]}, 400, "invalid_request_error"),
]


async def test_errors_have_anthropics_shape_on_these_routes_alone(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("one two", die_after=1)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        for more, status, kind in WRONG:
            reply = await client.post(PATH, json={**BODY, **more})
            assert (reply.status_code, reply.json()["type"], reply.json()["error"]["type"]) == (status, "error", kind)
        wrong = await client.post(PATH, json=BODY, headers={"authorization": "Bearer hs-no"})
        assert (wrong.status_code, wrong.json()["error"]["type"]) == (401, "authentication_error")
        assert (await client.get(PATH)).json()["type"] == "error"
        assert (await client.get(f"{PATH}/nothing")).json()["error"]["type"] == "not_found_error"
        assert set((await client.get("/v1/nothing")).json()) == {"error"}
        kind, data = events_of((await client.post(PATH, json={**BODY, "stream": True})).text)[-1]
        assert (kind, data["error"]["type"]) == ("error", "api_error")


async def test_tokens_are_estimated_more_for_more(tmp_path: Path) -> None:
    async with (
        fake_engine() as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        body = {name: value for name, value in BODY.items() if name != "max_tokens"}
        few = (await client.post(f"{PATH}/count_tokens", json=body)).json()["input_tokens"]
        more = (await client.post(f"{PATH}/count_tokens", json={**body, "tools": [WEATHER]})).json()["input_tokens"]
    assert 0 < few < more
    assert engine.requests == []


async def test_a_schema_for_the_text_binds_the_engine_under_either_name(tmp_path: Path) -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    async with (
        fake_engine(lambda _: Act('{"a": 1}')) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        for field in ({"output_config": {"format": form, "effort": "low"}}, {"output_format": form}):
            assert (await client.post(PATH, json={**BODY, **field})).status_code == 200
            assert engine.requests[-1]["response_format"]["json_schema"]["schema"] == form["schema"]
        assert (await client.post(PATH, json={**BODY, "output_config": {"effort": "low"}})).status_code == 200
        assert "response_format" not in engine.requests[-1]
        wrong = await client.post(PATH, json={**BODY, "output_config": {"format": {"type": "grammar"}}})
        assert wrong.status_code == 400


async def test_every_answer_names_itself_as_anthropics_clients_look_for_it(tmp_path: Path) -> None:
    async with (
        fake_engine() as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        for body in (BODY, {**BODY, "stream": True}, {}):
            answer = await client.post(PATH, json=body)
            assert answer.headers["request-id"] == answer.headers["x-request-id"]
        other = await client.post("/v1/chat/completions", json={"model": "fake", "messages": BODY["messages"]})
    assert "request-id" not in other.headers
