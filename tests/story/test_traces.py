"""What a collector of traces is told: one span for each query, its phases and its engine calls below it."""

from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace

from tests.crews import crew_that_knows
from tests.fake_chunks import DONE, tool_call
from tests.fake_engine import Act
from tests.helpers import until
from tests.sse import chunks_of
from tests.stack import asking
from tests.traced import traced
from tests.word_engine import judged

CHAT = "/v1/chat/completions"
CLOSED, OPEN = "What is 2 + 2? Answer with a number.", "Tell me about lighthouses."
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
CLIENTS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def four(_: dict[str, Any]) -> Act:
    return Act("Two and two. Answer: 4")


async def test_a_vote_is_a_workflow_with_its_phases_and_its_drafts_below_them(tmp_path: Path) -> None:
    async with traced(tmp_path, four) as here:
        answer = (await here.client.post(CHAT, json=asking(CLOSED))).json()
        (root,) = await here.told()
        tree, spans = here.receiver.tree(root), here.receiver.spans()
        resource = here.receiver.resource()
    assert tree == [
        "invoke_workflow harmonic",
        "  route",
        "  recall",
        "  draft",
        "    chat fake",
        "    chat fake",
        "  merge",
        "  keep",
    ]
    assert root.parent == ""
    assert {span.trace for span in spans} == {root.trace}
    assert root["gen_ai.operation.name"] == "invoke_workflow"
    assert (root["gen_ai.agent.name"], root["gen_ai.request.model"]) == ("harmonic", "harmonic")
    assert "gen_ai.provider.name" not in root.attributes
    assert (root["harmonic.query"], root["harmonic.mode"]) == (answer["harmonic"]["query"], "closed")
    assert (root["harmonic.votes"], root["harmonic.asked"], root["harmonic.status"]) == (2, 2, "ok")
    assert (root["harmonic.input_tokens"], root["harmonic.output_tokens"]) == (20, 10)
    assert root["gen_ai.conversation.id"] == answer["harmonic"]["session"]
    drafts = [span for span in spans if span.kind == "client"]
    assert [draft["gen_ai.agent.name"] for draft in drafts] == [agent["name"] for agent in answer["harmonic"]["agents"]]
    for place, draft in enumerate(drafts):
        assert draft["gen_ai.operation.name"] == "chat"
        assert (draft["gen_ai.request.model"], draft["gen_ai.provider.name"]) == ("fake", "openai_compatible")
        assert (draft["gen_ai.usage.input_tokens"], draft["gen_ai.usage.output_tokens"]) == (10, 5)
        assert draft["gen_ai.response.finish_reasons"] == ["stop"]
        assert 0 < draft["gen_ai.response.time_to_first_chunk"] <= draft.ended - draft.begun
        assert 0 <= draft["harmonic.slot_wait"] < draft.ended - draft.begun
        assert (draft["harmonic.role"], draft["harmonic.place"], draft["harmonic.status"]) == ("draft", place, "ok")
    assert [draft["gen_ai.request.temperature"] for draft in drafts] == [0.0, 0.7]
    assert not any(span.error or span.more for span in spans)
    for span in spans:
        assert root.begun <= span.begun <= span.ended <= root.ended
    assert (resource["service.name"], resource["service.version"]) == ("harmonic-stack", "0.1.0")


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_an_aggregators_call_stands_in_the_merge(tmp_path: Path, streamed: bool) -> None:
    async with traced(tmp_path, lambda _: Act("Lighthouses shine."), {"merge.minority": "off"}) as here:
        reply = await here.client.post(CHAT, json=asking(OPEN, "harmonic-full", stream=streamed))
        assert reply.status_code == 200
        if streamed:
            assert chunks_of(reply.text)[-1]["harmonic"]["mode"] == "open"
        (root,) = await here.told()
        phases = {phase.name: here.receiver.below(phase) for phase in here.receiver.below(root)}
    assert list(phases) == ["route", "recall", "draft", "merge", "keep"]
    assert [call["harmonic.role"] for call in phases["draft"]] == ["draft"] * 4
    (aggregator,) = phases["merge"]
    assert (aggregator["harmonic.role"], aggregator.name) == ("aggregator", "chat fake")
    assert "gen_ai.agent.name" not in aggregator.attributes
    assert root["harmonic.drafts_ok"] == 4


async def test_a_judges_words_stand_in_the_merge(tmp_path: Path) -> None:
    async with traced(tmp_path, judged({"yes": -0.1}), {"engine.slots": 1}, examine=True) as here:
        examining = here.stack.daemon.orchestrator.examining
        await until(lambda: bool(examining.fitness.fit), "the model is known to be fit")
        await here.client.post(CHAT, json=asking("What is 2 + 2?"))
        (root,) = await here.told()
        phases = {phase.name: here.receiver.below(phase) for phase in here.receiver.below(root)}
    assert len(phases["draft"]) == 5
    assert [(call["harmonic.role"], call["harmonic.sample"]) for call in phases["merge"]] == [
        ("judge", 0),
        ("judge", 1),
    ]
    assert phases["merge"][0]["gen_ai.request.max_tokens"] == 1


async def test_the_wave_that_lists_facts_has_a_phase_of_its_own(tmp_path: Path) -> None:
    notes = {"alder": "# Hotels\n\nBoreal has no garage.\n", "birch": "# Garages\n\nSund has a garage for 40 cars.\n"}
    crew = crew_that_knows(tmp_path / "crew", notes)
    question = "Which hotel is the cheapest one with a garage?\nA) Boreal: 80 euros\nB) Sund: 95 euros"
    async with traced(tmp_path, lambda _: Act("Answer: B"), {"crew.file": str(crew)}) as here:
        await here.client.post(CHAT, json=asking(question, "harmonic-deep"))
        (root,) = await here.told()
        phases = [
            (phase.name, {call["harmonic.role"] for call in here.receiver.below(phase)})
            for phase in here.receiver.below(root)
        ]
    named = [phase for phase in phases if phase[1]]
    assert named == [("facts", {"facts"}), ("draft", {"draft"})]


async def test_one_agent_is_invoked_and_a_model_is_asked_without_phases_between(tmp_path: Path) -> None:
    text = [b'data: {"choices": [{"text": "a time.", "finish_reason": "stop"}]}\n\n', DONE]

    async with traced(tmp_path, lambda body: Act(raw=text) if "prompt" in body else Act("Hi.")) as here:
        for model in ("coder", "harmonic-fast", "fake"):
            assert (await here.client.post(CHAT, json=asking("hi", model, n=2, max_tokens=9))).status_code == 200
        raw = {"model": "fake", "prompt": "Once upon", "temperature": 0.5}
        assert (await here.client.post("/v1/completions", json=raw)).status_code == 200
        roots = await here.told(4)
        below = [here.receiver.below(root) for root in roots]
    assert [root.name for root in roots] == [
        "invoke_agent coder",
        "invoke_agent executive",
        "chat fake",
        "text_completion fake",
    ]
    assert [[call.name for call in calls if call.kind == "client"] for calls in below] == [
        *([["chat fake", "chat fake"]] * 3),
        ["text_completion fake"],
    ]
    assert [root.attributes.get("gen_ai.agent.name") for root in roots] == ["coder", "executive", None, None]
    assert [root.attributes.get("gen_ai.provider.name") for root in roots] == [None, None, *["harmonic_stack"] * 2]
    assert roots[0]["gen_ai.request.choice.count"] == 2
    assert roots[0]["gen_ai.response.finish_reasons"] == ["stop", "stop"]
    calls = [call for found in below for call in found if call.kind == "client"]
    assert {call["harmonic.role"] for call in calls} == {"answer"}
    assert [call.attributes.get("gen_ai.agent.name") for call in calls] == ["coder"] * 2 + ["executive"] * 2 + [
        None
    ] * 3
    assert calls[0]["gen_ai.request.max_tokens"] == 9
    assert calls[-1]["gen_ai.request.temperature"] == 0.5


async def test_a_tool_call_ends_a_trace_with_its_finish_reason_and_lets_peers_go(tmp_path: Path) -> None:
    def play(body: dict[str, Any]) -> Act:
        if "tools" in body:
            return Act(raw=tool_call("look", "{}", before="Let me look. "), delay=0.05)
        return Act("A peer's word. " * 500, delay=0.01)

    async with traced(tmp_path, play) as here:
        answer = (await here.client.post(CHAT, json=asking(OPEN, tools=[TOOL]))).json()
        (root,) = await here.told()
        calls = here.receiver.calls()
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert (root["harmonic.mode"], root["harmonic.tools"], root["harmonic.status"]) == ("tool", True, "ok")
    assert root["gen_ai.response.finish_reasons"] == ["tool_calls"]
    assert calls[0]["gen_ai.response.finish_reasons"] == ["tool_calls"]
    assert {call["harmonic.status"] for call in calls[1:]} == {"skipped"}
    assert not any(call.error for call in calls)


async def test_other_routes_are_traced_alike(tmp_path: Path) -> None:
    bodies = {
        "/v1/messages": {"model": "coder", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
        "/v1/responses": {"model": "coder", "input": "hi"},
    }
    async with traced(tmp_path, four) as here:
        for path, body in bodies.items():
            reply = await here.client.post(path, json=body, headers={"traceparent": CLIENTS})
            assert reply.status_code == 200
        roots = await here.told(2)
    assert [(root.name, root.trace) for root in roots] == [("invoke_agent coder", CLIENTS.split("-")[1])] * 2


async def test_a_clients_span_is_the_parent_and_engines_are_not_told_of_it(tmp_path: Path) -> None:
    headers = {"traceparent": CLIENTS, "tracestate": "vendor=secret"}
    async with traced(tmp_path, four) as here:
        await here.client.post(CHAT, json=asking("hi", "coder"), headers=headers)
        (root,) = await here.told()
        assert (root.trace, root.parent) == tuple(CLIENTS.split("-")[1:3])
        assert all("trace" not in head.lower() for head in here.engine.headers)
        assert b"secret" not in b"".join(here.receiver.bodies)


async def test_a_client_that_samples_its_trace_out_gets_none_and_a_bad_header_is_ignored(tmp_path: Path) -> None:
    unsampled, bad = CLIENTS[:-2] + "00", CLIENTS.upper()
    async with traced(tmp_path, four) as here:
        for header in (unsampled, bad):
            reply = await here.client.post(CHAT, json=asking("hi", "coder"), headers={"traceparent": header})
            assert reply.status_code == 200
        (root,) = await here.told()
    assert root.parent == ""
    assert root.trace != CLIENTS.split("-")[1]


async def test_what_the_environment_names_is_heeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "the-box-upstairs")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=home")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=abc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    async with traced(tmp_path, four) as here:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")  # but no proxy is asked; nobody is there
        await here.client.post(CHAT, json=asking("hi", "coder"))
        await here.told()
        resource, head = here.receiver.resource(), here.receiver.heads[0]
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("the-box-upstairs", "home")
    assert "x-collector-key: abc" in head
    assert "content-encoding: gzip" in head


async def test_spans_are_counted_and_no_library_finds_a_provider(tmp_path: Path) -> None:
    async with traced(tmp_path, four) as here:
        await here.client.post(CHAT, json=asking(CLOSED))
        await here.told()
        assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)

        async def counted() -> bool:
            return await here.spans() == {"sent": 8}

        await until(counted, "eight spans are counted as sent")
