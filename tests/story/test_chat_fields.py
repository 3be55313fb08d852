"""What a chat request may ask for reaches the engine, and what comes back reaches the client."""

import json
from pathlib import Path
from typing import Any

from tests.fake_chunks import with_logprobs
from tests.fake_engine import Act, fake_engine, role_of
from tests.sse import chunks_of
from tests.stack import asking, served_stack

CHAT = "/v1/chat/completions"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}


async def test_several_choices_come_whole_and_streamed_each_under_its_own_seed(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda body: Act(f"seed {body['seed']}")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        for model in ("fake", "coder", "harmonic-fast"):
            answer = (await client.post(CHAT, json=asking("Hi", model, n=3, seed=40))).json()
            said = {choice["index"]: choice["message"]["content"] for choice in answer["choices"]}
            assert said == {0: "seed 40", 1: "seed 41", 2: "seed 42"}
            assert answer["usage"]["completion_tokens"] == 6
            assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0
        text = (await client.post(CHAT, json=asking("Hi", "fake", n=2, seed=7, stream=True))).text
    chunks = chunks_of(text)
    streamed = {0: "", 1: ""}
    finishes = []
    for chunk in chunks:
        for choice in chunk["choices"]:
            streamed[choice["index"]] += choice["delta"].get("content", "")
            finishes += [(choice["index"], choice["finish_reason"])] if choice["finish_reason"] else []
    assert streamed == {0: "seed 7", 1: "seed 8"}
    assert sorted(finishes) == [(0, "stop"), (1, "stop")]
    assert sum("agents" in chunk.get("harmonic", {}) for chunk in chunks) == 1


async def test_probabilities_arrive_with_their_tokens_and_without_the_engines_own_fields(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act(raw=with_logprobs("one", " two"))) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        body = asking("Hi", "fake", logprobs=True, top_logprobs=1)
        whole = (await client.post(CHAT, json=body)).json()["choices"][0]
        chunks = chunks_of((await client.post(CHAT, json={**body, "stream": True})).text)
    assert (engine.requests[0]["logprobs"], engine.requests[0]["top_logprobs"]) == (True, 1)
    assert [token["token"] for token in whole["logprobs"]["content"]] == ["one", " two"]
    assert set(whole["logprobs"]["content"][0]) == {"token", "logprob", "bytes", "top_logprobs"}
    streamed = [(c["choices"][0].get("logprobs") or {}).get("content") or [] for c in chunks]
    assert [token["token"] for tokens in streamed for token in tokens] == ["one", " two"]
    for chunk in chunks:
        choice = chunk["choices"][0]
        tokens = (choice.get("logprobs") or {}).get("content") or []
        assert "".join(token["token"] for token in tokens) == choice["delta"].get("content", "")


async def test_the_grammar_is_on_every_draft_and_drafts_agree_in_canonical_form(tmp_path: Path) -> None:
    said = iter(['{"city": "Rome"}', '{ "city" : "Paris" }', '{"city":"Paris"}', '{"city":"Paris"}'])
    async with (
        fake_engine(lambda _: Act(next(said))) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "engine.slots": 1}) as stack,
        stack.client() as client,
    ):
        answer = (await client.post(CHAT, json=asking("Where is the Louvre?", response_format=FORMAT))).json()
    assert all(request["response_format"] == FORMAT for request in engine.requests)
    assert len(engine.requests) >= 3
    assert json.loads(answer["choices"][0]["message"]["content"]) == {"city": "Paris"}
    assert answer["harmonic"]["mode"] == "closed"
    assert not any("Answer:" in message["content"] for r in engine.requests for message in r["messages"])


async def test_where_no_two_drafts_agree_draft_0_is_delivered_as_it_is(tmp_path: Path) -> None:
    number = iter(range(100))

    def play(body: dict[str, Any]) -> Act:
        return Act(json.dumps({"draft": "first" if body.get("temperature") == 0 else next(number)}))

    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        body = asking("Make something up.", response_format={"type": "json_object"})
        answer = (await client.post(CHAT, json=body)).json()
    assert answer["choices"][0]["message"]["content"] == '{"draft": "first"}'


async def test_a_schema_that_the_engine_refuses_is_the_callers_mistake(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act(status=400, body=b'{"error":"unrecognized schema"}')) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        for model in ("harmonic", "fake"):
            for stream in (False, True):
                refused = await client.post(CHAT, json=asking("Hi", model, response_format=FORMAT, stream=stream))
                error = refused.json()["error"]
                assert (refused.status_code, error["param"]) == (400, "response_format")


async def test_images_reach_a_model_that_sees_and_what_is_not_ours_to_forward_does_not(tmp_path: Path) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]}]
    strange = {"n_discard": -1, "slot_id": 3, "cache_prompt": False, "lora": [], "keep_alive": 0, "options": {"a": 1}}
    async with (
        fake_engine(lambda _: Act("A dot.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        await client.post(CHAT, json={"model": "fake", "messages": messages, "user": "u", **strange})
        await client.post(CHAT, json={"model": "harmonic", "messages": messages})
    sent = engine.requests[0]
    assert sent["messages"][0]["content"][1]["image_url"]["url"] == image["image_url"]["url"]
    assert not {*strange, "user"} & sent.keys()
    for request in engine.requests[1:]:
        user = next(message for message in request["messages"] if message["role"] == "user")
        assert [part["type"] for part in user["content"]].count("image_url") == 1


async def test_a_stop_text_ends_a_voted_answer_too(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Two and two make four. END Answer: 4")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        body = asking("What is 2 + 2? Answer with a number.", stop=["never", "END"])
        whole = (await client.post(CHAT, json=body)).json()
        streamed = chunks_of((await client.post(CHAT, json={**body, "stream": True})).text)
    assert whole["harmonic"]["mode"] == "closed"
    assert whole["choices"][0]["message"]["content"] == "Two and two make four. "
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in streamed) == "Two and two make four. "


async def test_a_stop_text_ends_the_draft_that_stands_in_for_a_base_that_died(tmp_path: Path) -> None:
    def play(body: dict[str, Any]) -> Act:
        return Act("Wrap it. END Freeze it.", die_after=None if role_of(body) else 0)

    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        body = asking("How should I keep bread fresh?", stop="END")
        answer = (await client.post(CHAT, json=body)).json()
    assert answer["harmonic"]["agents"][0]["status"] == "failed"
    assert answer["choices"][0]["message"]["content"] == "Wrap it. "


async def test_what_would_be_another_answer_is_refused_by_name(tmp_path: Path) -> None:
    refused: list[tuple[str, object]] = [
        ("audio", {"voice": "alloy", "format": "wav"}),
        ("modalities", ["text", "audio"]),
        ("web_search_options", {}),
        ("function_call", {"name": "f"}),
        ("functions", [{"name": "f"}]),
    ]
    taken: list[tuple[str, object]] = [
        ("audio", None),
        ("modalities", ["text"]),
        ("function_call", "auto"),
        ("functions", []),
    ]
    async with (
        fake_engine() as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        for param, value in refused:
            answer = await client.post(CHAT, json=asking("Hi", "fake", **{param: value}))
            error = answer.json()["error"]
            assert (answer.status_code, error["code"], error["param"]) == (400, "unsupported_parameter", param)
        for param, value in taken:
            assert (await client.post(CHAT, json=asking("Hi", "fake", **{param: value}))).status_code == 200
