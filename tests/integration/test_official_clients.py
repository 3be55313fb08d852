"""The official Python clients against the real stack on the real model, and an engine that calls tools."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import anthropic
import httpx
import openai
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic import BaseModel

from tests.cli import Home
from tests.fake_chunks import tool_call
from tests.fake_engine import Act, fake_engine
from tests.helpers import until
from tests.stack import Stack, served_stack

real = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
HELLO: Any = [{"role": "user", "content": "Say hello to a friend."}]
OURS = "harmonic-embed-hash512-2"


class Place(BaseModel):
    """What the model is made to answer with: a schema in which even this small model comes to an end."""

    city: Literal["Paris", "Rome"]
    large: bool


async def _where(home: Home) -> tuple[str, str]:
    return (await home.json("status"))["url"], (await home.run("key", "show")).out.strip()


@asynccontextmanager
async def _openai(home: Home) -> AsyncIterator[AsyncOpenAI]:
    url, key = await _where(home)
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        yield client


@asynccontextmanager
async def _anthropic(home: Home) -> AsyncIterator[AsyncAnthropic]:
    url, key = await _where(home)
    async with AsyncAnthropic(base_url=url, api_key=key, max_retries=0) as client:
        yield client


async def _model(client: AsyncOpenAI) -> str:
    (found,) = [model.id async for model in client.models.list() if "smollm2" in model.id]
    return found


async def _until_free(home: Home) -> None:
    """Wait until no slot of the engine is taken."""
    url, _ = await _where(home)
    key = (await home.run("key", "show", "--admin")).out.strip()
    async with httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {key}"}) as admin:

        async def free() -> bool:
            engines = (await admin.get("/admin/engines")).json()["engines"]
            return all(pool["busy"] == 0 for engine in engines for pool in engine["pools"])

        await until(free, "every slot is free again", timeout=5)


class TestReal:
    """On the embedded engine with the demonstration model."""

    pytestmark = real

    async def test_openai_choices_probabilities_and_a_schema(self, running: Home) -> None:
        async with _openai(running) as client:
            model = await _model(client)
            several = await client.chat.completions.create(model=model, messages=HELLO, n=2, seed=1, max_tokens=8)
            assert [choice.index for choice in several.choices] == [0, 1]
            assert all(choice.message.content for choice in several.choices)
            probable = await client.chat.completions.create(
                model=model, messages=HELLO, logprobs=True, top_logprobs=2, max_tokens=6
            )
            told = probable.choices[0].logprobs
            assert told is not None
            assert told.content
            assert all(token.logprob <= 0 and len(token.top_logprobs) == 2 for token in told.content)
            for name in (model, "harmonic"):
                parsed = await client.chat.completions.parse(
                    model=name, messages=HELLO, response_format=Place, max_tokens=80, temperature=0
                )
                assert isinstance(parsed.choices[0].message.parsed, Place)
            anything = await client.chat.completions.create(
                model=model, messages=HELLO, response_format={"type": "json_object"}, max_tokens=12
            )
            assert (anything.choices[0].message.content or "").lstrip().startswith("{")

    async def test_openai_stream_is_cancelled_and_its_slots_are_free(self, running: Home) -> None:
        async with _openai(running) as client:
            stream = await client.chat.completions.create(
                model="harmonic", messages=HELLO, stream=True, max_tokens=400, extra_body={"harmonic": {"most": 3}}
            )
            async for _ in stream:
                break
            await stream.close()
        await _until_free(running)

    async def test_openai_errors_are_typed(self, running: Home) -> None:
        tool: Any = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
        async with _openai(running) as client:
            model = await _model(client)
            with pytest.raises(openai.BadRequestError) as refused:
                await client.chat.completions.create(model=model, messages=HELLO, tools=[tool])
            assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "tools")
            part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
            seen: Any = [{"role": "user", "content": [part]}]
            with pytest.raises(openai.BadRequestError) as image:
                await client.chat.completions.create(model=model, messages=seen)
            assert "image_url" in str(image.value.param)
            bad: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "whatever"}}}
            with pytest.raises(openai.BadRequestError) as schema:
                await client.chat.completions.create(model=model, messages=HELLO, response_format=bad)
            assert (schema.value.code, schema.value.param) == ("engine_refused", "response_format")

    async def test_openai_completions_and_embeddings(self, running: Home) -> None:
        async with _openai(running) as client:
            model = await _model(client)
            text = await client.completions.create(model=model, prompt="The sea is", max_tokens=6, temperature=0)
            assert text.choices[0].text
            pieces = [
                chunk.choices[0].text
                async for chunk in await client.completions.create(
                    model=model, prompt="The sea is", max_tokens=6, temperature=0, stream=True
                )
            ]
            assert "".join(pieces) == text.choices[0].text
            found = await client.embeddings.create(model=OURS, input=["warm sea", "warm seas"])
            plain = await client.embeddings.create(model=OURS, input=["warm sea"], encoding_format="float")
            assert [len(item.embedding) for item in found.data] == [512, 512]
            assert found.data[0].embedding == pytest.approx(plain.data[0].embedding)
            with pytest.raises(openai.BadRequestError):
                await client.embeddings.create(model=model, input="x")

    async def test_openai_responses(self, running: Home) -> None:
        async with _openai(running) as client:
            first = await client.responses.create(
                model="harmonic-fast", input="Say hello.", max_output_tokens=12, metadata={"why": "test"}
            )
            assert first.output_text
            assert (await client.responses.retrieve(first.id)).output_text == first.output_text
            async with client.responses.stream(
                model="harmonic", input="And to a child?", previous_response_id=first.id, max_output_tokens=16
            ) as stream:
                kinds = [event.type async for event in stream]
            assert kinds[0] == "response.created"
            assert "response.output_text.delta" in kinds
            assert kinds[-1] in ("response.completed", "response.incomplete")
            await client.responses.delete(first.id)
            with pytest.raises(openai.NotFoundError):
                await client.responses.retrieve(first.id)

    async def test_anthropic_lists_asks_streams_counts_and_refuses(self, running: Home) -> None:
        async with _anthropic(running) as client:
            names = [model.id async for model in client.models.list()]
            assert "harmonic" in names
            whole = await client.messages.create(model="harmonic-fast", messages=HELLO, max_tokens=12)
            assert whole.content[0].type == "text"
            assert whole.usage.output_tokens > 0
            async with client.messages.stream(model="harmonic", messages=HELLO, max_tokens=16) as stream:
                text = "".join([piece async for piece in stream.text_stream])
                final = await stream.get_final_message()
            assert text
            assert (final.content[0].type, final.stop_reason) == ("text", final.stop_reason)
            assert final.stop_reason in ("end_turn", "max_tokens")
            counted = await client.messages.count_tokens(model="harmonic", messages=HELLO)
            assert counted.input_tokens > 0
            with pytest.raises(anthropic.NotFoundError):
                await client.messages.create(model="claude", messages=HELLO, max_tokens=5)
            async with client.messages.stream(model="harmonic", messages=HELLO, max_tokens=400) as stream:
                async for _ in stream.text_stream:
                    break
        await _until_free(running)
        url, _ = await _where(running)
        async with AsyncAnthropic(base_url=url, api_key="hs-wrong", max_retries=0) as stranger:
            with pytest.raises(anthropic.AuthenticationError):
                await stranger.messages.create(model="harmonic", messages=HELLO, max_tokens=5)


def _calls(body: dict[str, Any]) -> Act:
    if any(message["role"] == "tool" for message in body["messages"]):
        return Act("It rains in Rome.")
    return Act(raw=tool_call("get_weather", '{"city":', '"Rome"}')) if "tools" in body else Act("Rain, I guess.")


@asynccontextmanager
async def _with_tools(folder: Path) -> AsyncIterator[Stack]:
    settings: dict[str, object] = {"merge.minority": "off"}
    async with fake_engine(_calls) as engine, served_stack(folder, {"engine.url": engine.url, **settings}) as stack:
        yield stack


async def test_openai_calls_a_tool_and_is_told_its_result(tmp_path: Path) -> None:
    function = {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
    tools: Any = [{"type": "function", "function": function}]
    messages: Any = [{"role": "user", "content": "How is the weather in Rome today?"}]
    async with (
        _with_tools(tmp_path) as stack,
        AsyncOpenAI(base_url=f"{stack.url}/v1", api_key=stack.key, max_retries=0) as client,
    ):
        for model in ("harmonic", "fake"):
            async with client.chat.completions.stream(model=model, messages=messages, tools=tools) as stream:
                done = [event async for event in stream if event.type == "tool_calls.function.arguments.done"]
                message = (await stream.get_final_completion()).choices[0].message
            assert [event.arguments for event in done] == ['{"city":"Rome"}']
            assert message.tool_calls
            call = message.tool_calls[0]
            result = {"role": "tool", "tool_call_id": call.id, "content": "rain"}
            back = [*messages, message.model_dump(exclude_none=True), result]
            answer = await client.chat.completions.create(model=model, messages=back, tools=tools)
            assert answer.choices[0].message.content == "It rains in Rome."


async def test_anthropic_uses_a_tool_and_is_told_its_result(tmp_path: Path) -> None:
    tools: Any = [{"name": "get_weather", "input_schema": {"type": "object"}}]
    messages: Any = [{"role": "user", "content": "How is the weather in Rome today?"}]
    async with (
        _with_tools(tmp_path) as stack,
        AsyncAnthropic(base_url=stack.url, api_key=stack.key, max_retries=0) as client,
    ):
        async with client.messages.stream(model="harmonic", messages=messages, tools=tools, max_tokens=50) as stream:
            message = await stream.get_final_message()
        assert message.stop_reason == "tool_use"
        used = message.content[0]
        assert used.type == "tool_use"
        assert used.input == {"city": "Rome"}
        result = {"type": "tool_result", "tool_use_id": used.id, "content": "rain"}
        content = json.loads(message.model_dump_json(exclude_none=True))["content"]
        back = [*messages, {"role": "assistant", "content": content}, {"role": "user", "content": [result]}]
        answer = await client.messages.create(model="harmonic", messages=back, tools=tools, max_tokens=50)
    assert [block.text for block in answer.content if block.type == "text"] == ["It rains in Rome."]


async def test_a_client_that_tries_again_with_its_key_is_answered_once(tmp_path: Path) -> None:
    acts = iter([Act(status=503, body=b"{}"), Act("at last")])
    async with (
        fake_engine(lambda _: next(acts)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        AsyncOpenAI(base_url=f"{stack.url}/v1", api_key=stack.key, max_retries=1) as client,
    ):
        for _ in range(2):
            answer = await client.chat.completions.create(
                model="fake", messages=HELLO, extra_headers={"Idempotency-Key": "one"}
            )
            assert answer.choices[0].message.content == "at last"
    assert len(engine.requests) == 2
