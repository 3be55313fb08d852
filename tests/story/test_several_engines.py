"""A crew on several engines: each agent is asked at its own, and one engine that dies fails only its own agents."""

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from launcher import EngineUnreachable
from launcher.loopback import free_port
from tests.fake_engine import Act, fake_engine
from tests.fake_ollama import FakeOllama, fake_ollama
from tests.helpers import until
from tests.stack import asking, served_stack

QUESTION = "How should I look after a sourdough starter?"
BASE = "Feed the sourdough starter flour and water every day. Keep the starter in a jar."
LONE = "Feed the sourdough starter every day with flour. Sourdough from 1847 is still kept alive in San Francisco."

CREW = """
version = 1
[agents.executive]
tier = 1
role = "You answer."
[agents.coder]
tier = 3
role = "You are a programmer."
{more}
"""


def settings(folder: Path, url: str, more: str) -> dict[str, object]:
    file = folder / "crew.toml"
    file.write_text(CREW.format(more=more))
    return {"engine.url": url, "crew.file": str(file), "engine.prove": True}


def at(url: str, model: str = "") -> str:
    return f'engine = "{url}"\nmodel = "{model}"'


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]


async def test_each_agent_is_asked_at_its_own_engine(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act(BASE, delay=0.01), models=("one",)) as first,
        fake_engine(lambda _: Act(LONE, delay=0.01), models=("other", "two")) as second,
        served_stack(tmp_path, settings(tmp_path, first.url, at(second.url, "two"))) as stack,
        stack.client(admin=True) as admin,
    ):
        first.requests.clear()
        second.requests.clear()
        answer = (await admin.post("/v1/chat/completions", json=asking(QUESTION, "harmonic"))).json()
        assert {request["model"] for request in first.requests} == {"one"}
        assert {request["model"] for request in second.requests} == {"two"}
        assert {agent["name"] for agent in answer["harmonic"]["agents"]} == {"executive", "coder"}
        engines = (await admin.get("/admin/engines")).json()["engines"]
        status = (await admin.get("/admin/status")).json()
        plan = (await admin.get("/admin/plan")).json()
        listed = {model["id"] for model in (await admin.get("/v1/models")).json()["data"]}
    assert [(e["url"], e["pools"][0]["model"], e["proofs"][0]["achieved"]) for e in engines] == [
        (first.url, "one", 4),
        (second.url, "two", 4),
    ]
    assert status["slots"]["promised"] == 8
    assert [engine["healthy"] for engine in status["engines"]] == [True, True]
    assert [agent["pool"] for agent in plan["agents"]] == ["one", "two"]
    assert {"one", "two"} < listed


async def test_an_engine_that_dies_fails_only_its_own_agents(tmp_path: Path) -> None:
    async with AsyncExitStack() as second, fake_engine(lambda _: Act(BASE), models=("one",)) as first:
        other = await second.enter_async_context(fake_engine(models=("two",)))
        async with (
            served_stack(tmp_path, settings(tmp_path, first.url, at(other.url, "two"))) as stack,
            stack.client(admin=True) as admin,
        ):
            await second.aclose()
            answer = await admin.post("/v1/chat/completions", json=asking(QUESTION, "harmonic"))
            alone = await admin.post("/v1/chat/completions", json=asking(QUESTION, "coder"))
            status = (await admin.get("/admin/status")).json()
            ready = await admin.get("/ready")
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"].strip() == BASE
    agents = {agent["name"]: agent["status"] for agent in answer.json()["harmonic"]["agents"]}
    assert agents == {"executive": "ok", "coder": "failed"}
    assert alone.status_code == 502
    assert [engine["healthy"] for engine in status["engines"]] == [True, False]
    assert ready.status_code == 200


async def test_one_model_at_two_engines_is_two_pools(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act(BASE), models=("same",)) as first,
        fake_engine(lambda _: Act(LONE), models=("same",)) as second,
        served_stack(tmp_path, settings(tmp_path, first.url, at(second.url, "same"))) as stack,
        stack.client() as client,
    ):
        second.requests.clear()
        pools = [pool.name for pool in stack.daemon.plan.pools]
        first.requests.clear()
        asked = await client.post("/v1/chat/completions", json=asking(QUESTION, pools[1]))
        assert asked.status_code == 200
        assert first.requests == []
        assert second.requests[0]["model"] == "same"
    assert pools == ["same", "same@elsewhere.2"]


async def test_an_agent_on_ollama_beside_a_strangers_server_is_spoken_to_in_its_own_dialect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        fake_engine(lambda _: Act(BASE), models=("one",)) as first,
        fake_ollama(FakeOllama()) as ollama,
    ):
        monkeypatch.setenv("OLLAMA_HOST", ollama.url.removeprefix("http://"))
        async with (
            served_stack(tmp_path, settings(tmp_path, first.url, at("ollama", "tiny"))) as stack,
            stack.client() as client,
        ):
            asked = asking(QUESTION, "coder", logit_bias={"5": 1})
            refused = await client.post("/v1/chat/completions", json=asked)
            carried = await client.post("/v1/chat/completions", json=asked | {"model": "executive"})
            answer = await client.post("/v1/chat/completions", json=asking(QUESTION, "coder"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "unsupported_parameter")
    assert refused.json()["error"]["param"] == "logit_bias"
    assert carried.status_code == 200
    assert first.requests[-1]["logit_bias"] == {"5": 1}
    assert answer.json()["choices"][0]["message"]["content"] == "one two"


async def test_an_agent_whose_engine_is_not_there_is_left_out_and_named(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    words: list[str] = []
    async with (
        fake_engine(lambda _: Act(BASE), models=("one",)) as first,
        served_stack(tmp_path, settings(tmp_path, first.url, at(nobody, "two")), say=words.append) as stack,
        stack.client(admin=True) as admin,
    ):
        answer = await admin.post("/v1/chat/completions", json=asking(QUESTION, "harmonic"))
        named = await admin.post("/v1/chat/completions", json=asking(QUESTION, "coder"))
        status = (await admin.get("/admin/status")).json()
        plan = (await admin.get("/admin/plan")).json()
        woken = await admin.patch("/admin/agents/coder", json={"enabled": True})
    assert {agent["name"] for agent in answer.json()["harmonic"]["agents"]} == {"executive"}
    assert (named.status_code, named.json()["error"]["code"]) == (404, "model_not_found")
    (absent,) = status["absent"]
    assert absent["agents"] == ["coder"]
    assert nobody in absent["reason"]
    assert [word for word in words if word.startswith("left out: coder: ") and nobody in word]
    assert [sentence for sentence in plan["decisions"] if sentence.startswith("coder left out: ")]
    assert (woken.status_code, woken.json()["error"]["code"]) == (409, "agent_not_planned")


async def test_the_executives_engine_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    async with fake_engine(models=("two",)) as other:
        with pytest.raises(EngineUnreachable) as refusal:
            async with served_stack(tmp_path, settings(tmp_path, nobody, at(other.url, "two"))):
                raise AssertionError("it started")
    assert nobody in str(refusal.value)


@pytest.mark.engine
async def test_the_embedded_engine_serves_one_agent_beside_a_strangers_server(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act(BASE), models=("one",)) as first,
        served_stack(tmp_path, settings(tmp_path, first.url, 'engine = "embedded"')) as stack,
        stack.client(admin=True) as admin,
    ):
        engines = (await admin.get("/admin/engines")).json()["engines"]
        answer = await admin.post("/v1/chat/completions", json=asking("Say hello.", "coder", max_tokens=8))
        mine = next(engine for engine in engines if engine["name"] == "embedded")
        plan = stack.daemon.plan
        assert answer.status_code == 200, answer.text
        assert mine["pids"]
        assert mine["form"] in ("llama-server", "xllamacpp")
        assert plan.budget_bytes >= plan.shared_bytes > 0
    await until(lambda: not any(map(alive, mine["pids"])), "the embedded engine has ended")


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
