"""The encoder that the settings name: it serves end to end, and whatever becomes of its engine costs no answer."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harmonic_stack.signals.broadcast import gate_of
from launcher.loopback import free_port
from ommatidia import project
from ommatidia.scale import known_texts
from tests.fake_embedder import embedded, vectors
from tests.fake_engine import Act, FakeEngine, fake_engine
from tests.fake_ollama import FakeOllama, fake_ollama, listed
from tests.helpers import until
from tests.stack import Stack, asking, served_stack

QUESTION = "How should I water tomatoes on terrace {}?"
BASE = "Water tomatoes in the morning. Never wet the leaves."
NOTES = "Tomatoes drink two litres a day in July.\n"

CREW = """
version = 1
[agents.executive]
tier = 1
role = "You answer."
[agents.gardener]
tier = 3
role = "You know the garden."
description = "Plants and soil."
examples = ["When do I plant out tomatoes?"]
knowledge = ["garden.md"]
"""


def settings(folder: Path, url: str, encoder: str, **more: object) -> dict[str, object]:
    (folder / "crew.toml").write_text(CREW)
    (folder / "garden.md").write_text(NOTES)
    found: dict[str, object] = {
        "engine.url": url,
        "crew.file": str(folder / "crew.toml"),
        "encoder.engine": encoder,
        "encoder.model": "nomic",
        "encoder.retry_seconds": 0.05,
        "encoder.seconds": 5.0,
    }
    return found | more


def both(body: dict[str, Any]) -> Act:
    return embedded(body) if "input" in body else Act(BASE)


def embeds(engine: FakeEngine) -> int:
    return sum("input" in body for body in engine.requests)


async def encoder_of(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = (await stack.daemon.status())["encoder"]
    return found


async def ready(stack: Stack) -> bool:
    declared = (await encoder_of(stack))["declared"]
    return bool(declared["state"] == "ready")


async def asked(stack: Stack, session: str = "one") -> tuple[dict[str, Any], dict[str, set[str]]]:
    """Ask the crew what no other session asked: the answer, and the encoders on channel 4 by kind of signal."""
    async with stack.client(admin=True) as client:
        headers = {"x-session-id": session}
        answer = (
            await client.post("/v1/chat/completions", json=asking(QUESTION.format(session)), headers=headers)
        ).json()
        query = answer["harmonic"]["query"]
        found: dict[str, set[str]] = {}

        async def written() -> bool:
            answer = await client.get("/admin/spine/channels/4/signals", params={"session": session, "query": query})
            found.clear()
            for signal in answer.json()["signals"]:
                if "encoder" in (signal["payload"] or {}):
                    found.setdefault(signal["kind"], set()).add(signal["payload"]["encoder"])
            return set(found) == {"relations", "gate"}

        await until(written, "relations and gate stand on channel 4")
    return answer, found


async def test_the_declared_model_routes_recalls_relates_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    async with (
        fake_engine(both) as engine,
        served_stack(tmp_path, settings(tmp_path, engine.url, engine.url), say=said.append) as stack,
    ):
        status = await encoder_of(stack)
        tag = status["tag"]
        assert tag.startswith("nomic#")
        assert tag.endswith("@512")
        assert (status["declared"]["model"], status["declared"]["state"]) == ("nomic", "ready")
        assert status["declared"]["told_apart"] > 0.9
        assert f"encoder: {tag}" in said
        before = embeds(engine)
        answer, encoders = await asked(stack)
        assert encoders == {"relations": {tag}, "gate": {tag}}
        sent = [text for body in engine.requests[before:] for text in body.get("input", ())]
        assert {QUESTION.format("one"), "Never wet the leaves."} <= set(sent)
        assert "Tomatoes drink two litres a day in July." not in sent  # framed once, at the start
        assert {agent["name"] for agent in answer["harmonic"]["agents"]} == {"executive", "gardener"}
        assert all(body["model"] == "nomic" for body in engine.requests if "input" in body)
    assert next(head for head in engine.headers).startswith("POST /v1/embeddings")


async def test_its_name_stays_over_a_restart_and_another_model_gets_another(tmp_path: Path) -> None:
    tags = []
    async with fake_engine(both) as engine:
        for seed in (0, 0, 1):
            engine.play = lambda body, seed=seed: embedded(body, seed=seed) if "input" in body else Act(BASE)  # type: ignore[misc]
            async with served_stack(tmp_path, settings(tmp_path, engine.url, engine.url)) as stack:
                tags.append((await encoder_of(stack))["tag"])
    assert tags[0] == tags[1] != tags[2]


async def test_one_that_was_known_at_another_width_gets_a_name_and_a_gate_of_its_own(tmp_path: Path) -> None:
    """Vectors were kept at 128 once: no gate of that time is taken on, and the file is written anew."""
    kept = tmp_path / "state" / "encoder.json"
    kept.parent.mkdir()
    rows = project(vectors(known_texts()[:4]), width=128)
    kept.write_text(json.dumps({"digest": "0" * 12, "vectors": rows.tolist()}))
    old = {"encoder": f"nomic#{'0' * 12}@128", "threshold": 0.9, "scale": 0.1}
    async with (
        fake_engine(both) as engine,
        served_stack(tmp_path, settings(tmp_path, engine.url, engine.url)) as stack,
    ):
        tag = (await encoder_of(stack))["tag"]
        assert tag.endswith("@512")
        assert "0" * 12 not in tag
        encoder = stack.daemon.encoders.meaning.encoder
        assert encoder.dim == 512
        assert gate_of({"gate": old}, encoder, 0.25) is None
        assert gate_of({"gate": old | {"encoder": tag}}, encoder, 0.25) is not None
    assert {len(row) for row in json.loads(kept.read_text())["vectors"]} == {512}


async def test_one_wider_than_512_is_projected_to_512(tmp_path: Path) -> None:
    def wide(body: dict[str, Any]) -> Act:
        rows = np.hstack([vectors(body["input"]), vectors(body["input"], seed=1)])
        data = [{"index": at, "embedding": row.tolist()} for at, row in enumerate(rows)]
        return Act(whole=json.dumps({"data": data}).encode())

    async with (
        fake_engine(both) as engine,
        fake_engine(wide) as embedder,
        served_stack(tmp_path, settings(tmp_path, engine.url, embedder.url)) as stack,
    ):
        tag = (await encoder_of(stack))["tag"]
        assert tag.endswith("@512")
        assert (await asked(stack))[1] == {"relations": {tag}, "gate": {tag}}


async def test_an_engine_that_is_down_at_the_start_is_waited_for_behind_the_installed_encoder(tmp_path: Path) -> None:
    port, said = free_port(), list[str]()
    async with (
        fake_engine(both) as engine,
        served_stack(tmp_path, settings(tmp_path, engine.url, f"http://127.0.0.1:{port}"), say=said.append) as stack,
    ):
        status = await encoder_of(stack)
        installed = stack.daemon.encoders.meaning.installed.tag
        assert (status["tag"], status["declared"]["state"]) == (installed, "failed")
        assert str(port) in status["declared"]["reason"]
        assert any(line.startswith(f"encoder: {installed}, since the encoder nomic cannot be used") for line in said)
        _, encoders = await asked(stack)
        assert encoders == {"relations": {installed}, "gate": {installed}}
        async with fake_engine(both, port=port):
            await until(lambda: ready(stack), "the encoder is taken once it is there")
            _, encoders = await asked(stack, "two")
            assert encoders["gate"] == {(await encoder_of(stack))["tag"]} != {installed}


async def test_an_engine_that_dies_costs_no_answer_and_comes_back_as_it_was(tmp_path: Path) -> None:
    port = free_port()
    async with AsyncExitStack() as later:
        engine = await later.enter_async_context(fake_engine(both))
        serving = AsyncExitStack()
        await serving.enter_async_context(fake_engine(both, port=port))
        config = settings(tmp_path, engine.url, f"http://127.0.0.1:{port}/v1")
        stack = await later.enter_async_context(served_stack(tmp_path, config))
        tag = (await encoder_of(stack))["tag"]
        installed = stack.daemon.encoders.meaning.installed.tag
        assert (await asked(stack))[1]["gate"] == {tag}
        await serving.aclose()
        answer, encoders = await asked(stack, "two")
        assert answer["choices"][0]["message"]["content"].startswith(BASE)
        assert encoders == {"relations": {installed}, "gate": {installed}}
        assert {agent["status"] for agent in answer["harmonic"]["agents"]} == {"ok"}
        status = await encoder_of(stack)
        assert (status["tag"], status["declared"]["state"]) == (installed, "failed")
        await later.enter_async_context(fake_engine(both, port=port))
        await until(lambda: ready(stack), "the encoder is taken again")
        assert (await asked(stack, "three"))[1]["gate"] == {tag}


async def test_another_model_in_its_place_is_measured_and_nothing_is_compared_across(tmp_path: Path) -> None:
    async with (
        fake_engine(both) as engine,
        fake_engine(both) as embedder,
        served_stack(tmp_path, settings(tmp_path, engine.url, embedder.url)) as stack,
    ):
        tag = (await encoder_of(stack))["tag"]
        embedder.play = lambda body: embedded(body, seed=1)
        embedder.requests.clear()
        installed = stack.daemon.encoders.meaning.installed.tag
        _, encoders = await asked(stack)
        assert encoders["relations"] <= {installed, (await encoder_of(stack))["tag"]}
        await until(lambda: ready(stack), "the new model is taken")
        new = (await encoder_of(stack))["tag"]
        assert new not in (tag, installed)
        sent = {text for body in embedder.requests for text in body["input"]}
        assert {NOTES.strip(), "When do I plant out tomatoes?"} <= sent  # encoded anew from their texts
        assert (await asked(stack, "two"))[1] == {"relations": {new}, "gate": {new}}


BROKEN: list[tuple[Act, str]] = [
    (Act(status=501, body=b'{"error":"no embeddings"}'), "501"),
    (Act(whole=b"no json"), "malformed"),
    (Act(whole=b'{"data":[]}'), "0 vectors"),
    (Act(raw=[b"x"], die_after=0), "cut off"),
]


@pytest.mark.parametrize(("act", "reason"), BROKEN, ids=[reason for _, reason in BROKEN])
async def test_an_engine_that_makes_no_vectors_is_named_in_status_and_costs_nothing(
    tmp_path: Path, act: Act, reason: str
) -> None:
    async with (
        fake_engine(both) as engine,
        fake_engine(lambda _: act) as embedder,
        served_stack(tmp_path, settings(tmp_path, engine.url, embedder.url)) as stack,
    ):
        status = await encoder_of(stack)
        assert status["declared"]["state"] == "failed"
        assert reason in status["declared"]["reason"]
        assert (await asked(stack))[0]["choices"][0]["message"]["content"].startswith(BASE)


async def test_a_model_that_tells_nothing_apart_is_refused_with_its_figure(tmp_path: Path) -> None:
    async with (
        fake_engine(both) as engine,
        fake_engine(lambda body: embedded(body, subjects=False)) as embedder,
        served_stack(tmp_path, settings(tmp_path, engine.url, embedder.url)) as stack,
    ):
        declared = (await encoder_of(stack))["declared"]
        assert declared["state"] == "failed"
        assert "AUC" in declared["reason"]
        assert declared["told_apart"] < 0.8


def _mixed_up(body: dict[str, Any]) -> Act:
    """As by a server that was seen: of texts that are computed together only the first is right."""
    rows = vectors(body["input"])
    rows[1:] += rows[:-1]
    return Act(
        whole=json.dumps({"data": [{"index": at, "embedding": row.tolist()} for at, row in enumerate(rows)]}).encode()
    )


async def test_an_engine_whose_vectors_depend_on_their_company_is_refused(tmp_path: Path) -> None:
    async with (
        fake_engine(both) as engine,
        fake_engine(_mixed_up) as embedder,
        served_stack(tmp_path, settings(tmp_path, engine.url, embedder.url)) as stack,
    ):
        declared = (await encoder_of(stack))["declared"]
        assert declared["state"] == "failed"
        assert "beside other texts" in declared["reason"]


async def test_an_engine_that_hangs_is_waited_for_once(tmp_path: Path) -> None:
    hang = asyncio.Event()
    async with (
        fake_engine(both) as engine,
        fake_engine(both) as embedder,
        served_stack(tmp_path, settings(tmp_path, engine.url, embedder.url, **{"encoder.seconds": 0.5})) as stack,
    ):
        assert await ready(stack)
        embedder.play = lambda _: Act(hold=hang)
        _, encoders = await asked(stack)
        installed = stack.daemon.encoders.meaning.installed.tag
        assert encoders == {"relations": {installed}, "gate": {installed}}
        assert "0.5 s" in (await encoder_of(stack))["declared"]["reason"]
        hang.set()


async def test_an_ollama_is_asked_in_its_own_dialect_and_names_the_model_by_its_digest(tmp_path: Path) -> None:
    nomic = listed("nomic:latest", can=("embedding",)) | {
        "digest": "0a109f422b47e3a30ba2b10eca18548e944e8a23073ee3f3e9"
    }
    fake = FakeOllama(models=[nomic], embed=lambda body: {"embeddings": vectors(body["input"]).tolist()})
    async with (
        fake_engine(both) as engine,
        fake_ollama(fake) as ollama,
        served_stack(tmp_path, settings(tmp_path, engine.url, ollama.url)) as stack,
    ):
        assert (await encoder_of(stack))["tag"] == "nomic#0a109f422b47@512"
        assert (await asked(stack))[1]["gate"] == {"nomic#0a109f422b47@512"}
        bodies = [body for path, body in ollama.asked if path == "/api/embed"]
        assert {json.dumps(sorted(body)) for body in bodies} == {'["input", "keep_alive", "model"]'}


async def test_a_model_that_an_ollama_lacks_is_named(tmp_path: Path) -> None:
    async with (
        fake_engine(both) as engine,
        fake_ollama(FakeOllama()) as ollama,
        served_stack(tmp_path, settings(tmp_path, engine.url, ollama.url)) as stack,
    ):
        declared = (await encoder_of(stack))["declared"]
        assert (declared["state"], "nomic" in declared["reason"]) == ("failed", True)
