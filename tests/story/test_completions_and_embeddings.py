"""The older completions route, and embeddings: by an engine that can, else by the spine's own encoder."""

import base64
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.fake_chunks import DONE, usage
from tests.fake_engine import Act, fake_engine, role_of
from tests.sse import chunks_of
from tests.stack import asking, served_stack

TEXT = "/v1/completions"
EMBED = "/v1/embeddings"
OURS = "harmonic-embed-hash512-2"


def _continued(text: str) -> Act:
    piece = {"choices": [{"index": 0, "text": text, "finish_reason": None}]}
    end = {"choices": [{"index": 0, "text": "", "finish_reason": "length"}]}
    events = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in (piece, end)]
    return Act(raw=[*events, usage(4), DONE])


async def test_a_prompt_to_an_engines_model_is_gone_on_with_as_it_stands(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda body: _continued(f" after {body['prompt']}")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        body = {"model": "fake", "prompt": ["one", "two"], "n": 2, "max_tokens": 4, "seed": 5}
        answer = (await client.post(TEXT, json=body)).json()
        assert engine.headers[0].startswith("POST /v1/completions")
        assert [choice["text"] for choice in answer["choices"]] == [" after one"] * 2 + [" after two"] * 2
        assert {choice["finish_reason"] for choice in answer["choices"]} == {"length"}
        assert sorted(request["seed"] for request in engine.requests) == [5, 6, 7, 8]
        assert "messages" not in engine.requests[0]
        streamed = {"model": "fake", "prompt": "one", "stream": True, "stream_options": {"include_usage": True}}
        chunks = chunks_of((await client.post(TEXT, json=streamed)).text)
    assert "".join(choice["text"] for chunk in chunks for choice in chunk["choices"]) == " after one"
    assert sum(bool(choice["finish_reason"]) for chunk in chunks for choice in chunk["choices"]) == 1
    assert chunks[-1]["usage"]["completion_tokens"] == 4
    assert {chunk["object"] for chunk in chunks} == {"text_completion"}


async def test_an_agent_and_the_crew_take_the_prompt_as_a_message(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Warm. Answer: 4")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "merge.minority": "off"}) as stack,
        stack.client() as client,
    ):
        answer = (await client.post(TEXT, json={"model": "coder", "prompt": "Hello"})).json()
        assert answer["choices"][0]["text"] == "Warm. Answer: 4"
        assert role_of(engine.requests[0])
        assert engine.requests[0]["messages"][-1] == {"role": "user", "content": "Hello"}
        crew = (await client.post(TEXT, json={"model": "harmonic", "prompt": "How is the sea?"})).json()
        assert crew["harmonic"]["mode"] == "open"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"echo": True}, "echo"),
    ({"suffix": "x"}, "suffix"),
    ({"best_of": 3}, "best_of"),
    ({"logprobs": 2}, "logprobs"),
    ({"prompt": [1, 2, 3]}, "prompt"),
    ({"prompt": ""}, "prompt"),
    ({"prompt": ["x"] * 9}, "prompt"),
    ({"model": "harmonic", "prompt": ["a", "b"]}, "prompt"),
    ({"model": "harmonic", "n": 2}, "n"),
    ({"temperature": 9}, "temperature"),
]


async def test_what_a_completion_cannot_have_is_refused_by_name(tmp_path: Path) -> None:
    async with (
        fake_engine() as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        for more, param in REFUSED:
            reply = await client.post(TEXT, json={"model": "fake", "prompt": "x", **more})
            assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    assert engine.requests == []


async def test_our_encoder_is_listed_and_embeds_the_same_in_both_formats(tmp_path: Path) -> None:
    async with (
        fake_engine() as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        listed = (await client.get("/v1/models")).json()["data"]
        assert listed[-1]["id"] == OURS
        assert (await client.get(f"/v1/models/{OURS}")).status_code == 200
        texts = ["the sea is warm", "a warm sea", "invoices are due"]
        floats = (await client.post(EMBED, json={"model": OURS, "input": texts})).json()
        packed = (await client.post(EMBED, json={"model": OURS, "input": texts, "encoding_format": "base64"})).json()
        one = (await client.post(EMBED, json={"model": OURS, "input": texts[0], "dimensions": 512})).json()
        chat = await client.post("/v1/chat/completions", json=asking("Hi", OURS))
    vectors = [item["embedding"] for item in floats["data"]]
    assert [len(vector) for vector in vectors] == [512] * 3
    unpacked = [list(struct.unpack("<512f", base64.b64decode(item["embedding"]))) for item in packed["data"]]
    assert unpacked == vectors
    assert one["data"][0]["embedding"] == vectors[0]
    assert sum(number**2 for number in vectors[0]) == pytest.approx(1)
    near, far = (sum(a * b for a, b in zip(vectors[0], other, strict=True)) for other in vectors[1:])
    assert near > 0.4 > far
    assert floats["usage"]["prompt_tokens"] == floats["usage"]["total_tokens"] > 0
    assert chat.status_code == 404


async def test_an_engines_own_vectors_are_passed_on_in_the_order_asked(tmp_path: Path) -> None:
    data = [{"index": 1, "embedding": [0.5, 1]}, {"index": 0, "embedding": [0.25, -2]}]
    found = json.dumps({"data": data, "usage": {"prompt_tokens": 9}}).encode()
    async with (
        fake_engine(lambda _: Act(whole=found)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        answer = (await client.post(EMBED, json={"model": "fake", "input": ["a", "b"], "user": "u"})).json()
        assert [item["embedding"] for item in answer["data"]] == [[0.25, -2], [0.5, 1]]
        assert answer["usage"]["prompt_tokens"] == 9
        assert set(engine.requests[0]) == {"model", "input", "encoding_format"}
        refused = await client.post(EMBED, json={"model": "fake", "input": "a", "dimensions": 3})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "dimensions")
        engine.play = lambda _: Act(status=501, body=b"{}")
        assert (await client.post(EMBED, json={"model": "fake", "input": "a"})).status_code == 502
        engine.play = lambda _: Act(whole=b"no json")
        assert (await client.post(EMBED, json={"model": "fake", "input": "a"})).status_code == 502


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"input": []}, 400, "input"),
    ({"input": ""}, 400, "input"),
    ({"input": ["a", ""]}, 400, "input"),
    ({"input": ["a"] * 2049}, 400, "input"),
    ({"input": [1, 2]}, 400, "input"),
    ({"input": [[1, 2]]}, 400, "input"),
    ({"dimensions": 64}, 400, "dimensions"),
    ({"encoding_format": "hex"}, 400, "encoding_format"),
    ({"model": "gpt-4"}, 404, "model"),
    ({"model": "harmonic"}, 404, "model"),
]


async def test_a_wrong_request_for_embeddings_names_its_field(tmp_path: Path) -> None:
    async with (
        fake_engine() as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        for more, status, param in WRONG:
            reply = await client.post(EMBED, json={"model": OURS, "input": "a", **more})
            assert (reply.status_code, reply.json()["error"]["param"]) == (status, param), more
