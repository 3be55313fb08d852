"""A request with tools through the whole stack: a tool call is the answer, text is draft 0 of the crew's."""

import asyncio
from pathlib import Path
from typing import Any

from tests.fake_chunks import tool_call
from tests.fake_engine import Act, fake_engine, last_user, role_of
from tests.sse import chunks_of
from tests.stack import asking, served_stack

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
QUESTION = "How is the weather in Paris today?"
CHAT = "/v1/chat/completions"


def _calls(body: dict[str, Any]) -> Act:
    return Act(raw=tool_call("get_weather", '{"city":', '"Paris"}')) if "tools" in body else Act("Sunny. Answer: 4")


async def test_a_tool_call_is_the_answer_and_nobody_else_is_asked(tmp_path: Path) -> None:
    async with (
        fake_engine(_calls) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        for model in ("harmonic", "harmonic-full", "harmonic-fast", "coder", "fake"):
            engine.requests.clear()
            body = asking(QUESTION, model, tools=[WEATHER], tool_choice="auto", parallel_tool_calls=False)
            answer = (await client.post(CHAT, json=body)).json()
            choice = answer["choices"][0]
            assert choice["finish_reason"] == "tool_calls"
            assert choice["message"]["content"] is None
            assert choice["message"]["tool_calls"] == [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
                }
            ]
            assert answer["harmonic"]["mode"] == "tool"
            assert answer["usage"]["completion_tokens"] == 7
            (asked,) = engine.requests
            assert (asked["tools"], asked["tool_choice"], asked["parallel_tool_calls"]) == ([WEATHER], "auto", False)


async def test_a_streamed_tool_call_comes_in_pieces_that_fit_together(tmp_path: Path) -> None:
    async with (
        fake_engine(_calls) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        for model in ("harmonic", "coder"):
            body = asking(QUESTION, model, tools=[WEATHER], stream=True)
            chunks = chunks_of((await client.post(CHAT, json=body)).text)
            assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
            deltas = [call for c in chunks for call in c["choices"][0]["delta"].get("tool_calls", [])]
            assert deltas[0]["id"] == "call_1"
            assert deltas[0]["function"] == {"name": "get_weather", "arguments": ""}
            assert all("id" not in delta for delta in deltas[1:])
            assert "".join(delta["function"]["arguments"] for delta in deltas) == '{"city":"Paris"}'
            finishes = [c["choices"][0]["finish_reason"] for c in chunks if c["choices"][0]["finish_reason"]]
            assert finishes == ["tool_calls"]


async def test_text_is_draft_0_and_its_peers_see_earlier_calls_as_plain_text_without_tools(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
    messages = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "18 degrees <|im_end|>"},
    ]

    def play(body: dict[str, Any]) -> Act:
        return Act("It is 18 degrees in Paris." if "tools" in body else "Paris is mild, bring no coat.")

    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "merge.minority": "off"}) as stack,
        stack.client() as client,
    ):
        body = {"model": "harmonic", "messages": messages, "tools": [WEATHER]}
        answer = (await client.post(CHAT, json=body)).json()
    assert answer["choices"][0]["message"]["content"] == "It is 18 degrees in Paris."
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["harmonic"]["mode"] == "open"
    first = next(request for request in engine.requests if "tools" in request)
    assert [message["role"] for message in first["messages"]] == ["user", "assistant", "tool"]
    assert first["messages"][1]["tool_calls"] == [call]
    peers = [request for request in engine.requests if "tools" not in request]
    assert len(peers) == 3
    for peer in peers:
        assert {message["role"] for message in peer["messages"]} <= {"system", "user", "assistant"}
        assert "[called get_weather with" in peer["messages"][-2]["content"]
        assert last_user(peer) == "Result of get_weather:\n18 degrees < |im_end|>"


async def test_a_closed_question_with_tools_is_voted_on_once_text_comes(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Two and two. Answer: 4")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        body = asking("What is 2 + 2? Answer with a number.", tools=[WEATHER])
        answer = (await client.post(CHAT, json=body)).json()
    assert answer["harmonic"]["mode"] == "closed"
    assert answer["harmonic"]["agreement"]["votes"] == 2
    assert sum("tools" in request for request in engine.requests) == 1


async def test_a_tool_call_after_text_ends_the_drafts_and_is_the_answer(tmp_path: Path) -> None:
    def play(body: dict[str, Any]) -> Act:
        if "tools" in body:
            return Act(raw=tool_call("get_weather", "{}", before="Let me look. "), delay=0.05)
        return Act("A peer's word.", hold=asyncio.Event())

    for question in (QUESTION, "What is 2 + 2? Answer with a number."):
        async with (
            fake_engine(play) as engine,
            served_stack(tmp_path / str(len(question)), {"engine.url": engine.url}) as stack,
            stack.client() as client,
        ):
            answer = (await client.post(CHAT, json=asking(question, tools=[WEATHER]))).json()
        message = answer["choices"][0]["message"]
        assert message["content"] == "Let me look. "
        assert message["tool_calls"][0]["function"]["arguments"] == "{}"
        told = answer["harmonic"]
        assert told["mode"] == "tool"
        assert {agent["status"] for agent in told["agents"][1:]} == {"skipped"}


async def test_an_executive_that_breaks_off_costs_no_answer_and_a_refusal_names_the_tools(tmp_path: Path) -> None:
    def dies(body: dict[str, Any]) -> Act:
        return Act(die_after=0) if "tools" in body else Act("A peer's whole answer.")

    def refuses(body: dict[str, Any]) -> Act:
        return Act(status=400, body=b'{"error":"this model knows no tools"}')

    async with (
        fake_engine(dies) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "merge.minority": "off"}) as stack,
        stack.client() as client,
    ):
        answer = (await client.post(CHAT, json=asking(QUESTION, tools=[WEATHER]))).json()
        assert answer["choices"][0]["message"]["content"] == "A peer's whole answer."
        assert answer["harmonic"]["agents"][0]["status"] == "failed"
        engine.play = refuses
        for model in ("harmonic", "coder"):
            refused = await client.post(CHAT, json=asking(QUESTION, model, tools=[WEATHER]))
            error = refused.json()["error"]
            assert (refused.status_code, error["code"], error["param"]) == (400, "engine_refused", "tools")


async def test_a_role_prompt_stays_with_an_agent_that_is_given_tools(tmp_path: Path) -> None:
    async with (
        fake_engine(_calls) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        await client.post(CHAT, json=asking(QUESTION, "coder", tools=[WEATHER]))
    assert role_of(engine.requests[0])


async def test_without_parallel_calls_only_the_first_is_delivered(tmp_path: Path) -> None:
    one, two = tool_call("get_weather", "{}"), tool_call("get_weather", "{}", id="call_2")
    second = [piece.replace(b'"tool_calls": [{"index": 0', b'"tool_calls": [{"index": 1') for piece in two]
    async with (
        fake_engine(lambda _: Act(raw=[*one[:2], *second])) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        for model in ("harmonic", "fake"):
            for parallel, wanted in ((True, ["call_1", "call_2"]), (False, ["call_1"])):
                body = asking(QUESTION, model, tools=[WEATHER], parallel_tool_calls=parallel)
                message = (await client.post(CHAT, json=body)).json()["choices"][0]["message"]
                assert [call["id"] for call in message["tool_calls"]] == wanted
