"""Split knowledge through the whole stack: each agent lists its own facts, all answer from the pool, code votes."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from harmonic_stack.errors import KnowledgeMissing
from tests.crews import crew_that_knows
from tests.fake_engine import Act, fake_engine, last_user, role_of
from tests.stack import asking, served_stack

QUESTION = "Which hotel is the cheapest one with a garage?\nA) Boreal: 80 euros\nB) Sund: 95 euros"
OPEN = "Write what a guest should know of the hotels Boreal and Sund and their garage."
BOREAL, SUND = "Boreal has no garage.", "Sund has a garage for 40 cars."
NOTES = {"alder": f"# Hotels\n\n{BOREAL} Breakfast is served in a pretty garden.\n", "birch": f"# Garages\n\n{SUND}\n"}


def lists(body: dict[str, Any]) -> bool:
    """Whether a request is one of the first wave."""
    return "Do not answer the question yet" in last_user(body)


def known(body: dict[str, Any]) -> list[str]:
    """The facts that stand before the question."""
    text = last_user(body)
    return [line[2:] for line in text.splitlines() if line.startswith("- ")] if text.startswith("Known facts") else []


def play(body: dict[str, Any]) -> Act:
    """Agents list what their notes say, and answer B where they know that Boreal has no garage."""
    if lists(body):
        return Act(f"FACTS:\n- {BOREAL if 'You are alder' in role_of(body) else SUND}\n")
    everything = role_of(body) + last_user(body)
    return Act(f"FACTS\n- {SUND}\nSo.\nAnswer: {'B' if BOREAL in everything else 'A'}")


async def test_facts_travel_and_opinions_do_not(tmp_path: Path) -> None:
    crew = crew_that_knows(tmp_path / "crew", NOTES)
    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "crew.file": str(crew), "deep.most": 5}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        answer = (await client.post("/v1/chat/completions", json=asking(QUESTION, "harmonic-deep"))).json()
        await stack.daemon.writer.flush()
        story = (await admin.get(f"/admin/queries/{answer['harmonic']['query']}")).json()["channels"]
        agents = (await admin.get("/admin/agents")).json()["agents"]
    told = answer["harmonic"]
    assert told["mode"] == "closed"
    assert (told["agreement"]["votes"], told["agreement"]["asked"]) == (5, 5)
    assert [(agent["name"], agent["wave"]) for agent in told["agents"]] == [
        ("executive", 2), ("alder", 2), ("birch", 2), ("alder", 2), ("birch", 2), ("alder", 1), ("birch", 1),
    ]  # fmt: skip
    assert [(fact["text"], fact["holders"], sorted(fact["handed_to"])) for fact in told["facts"]] == [
        (BOREAL, ["alder"], ["birch", "executive"]),
        (SUND, ["birch"], ["alder", "executive"]),
    ]
    second = [body for body in engine.requests if not lists(body)]
    for body in second:
        # Its own notes, the facts that are new to it, the question: nobody's answer, no tally, no word of others.
        text = role_of(body) + last_user(body)
        assert "Answer: B" not in text
        assert not any(word in text.lower() for word in ("vote", "majority", "other agents", "draft"))
    for name, own, new in (("alder", BOREAL, SUND), ("birch", SUND, BOREAL)):
        mine = [body for body in second if f"You are {name}" in role_of(body)]
        assert mine
        assert all(known(body) == [new] and own in role_of(body) and new not in role_of(body) for body in mine)
    assert [sorted(known(body)) for body in second if not role_of(body)] == [[BOREAL, SUND]]
    (pooled,) = [signal for signal in story["4"] if signal["kind"] == "facts"]
    assert [fact["holders"] for fact in pooled["payload"]["facts"]] == [["alder"], ["birch"]]
    assert pooled["payload"]["panels"]["alder"]["shown"] == [1]
    (shown,) = [signal for signal in story["3"] if signal["kind"] == "knowledge"]
    assert shown["payload"]["agents"]["alder"]["files"] == ["notes/alder.md"]
    assert {a["name"]: a["knowledge"] and a["knowledge"]["chunks"] for a in agents} == {
        "executive": None, "alder": 1, "birch": 1,
    }  # fmt: skip


async def test_an_open_questions_base_is_the_executives_second_wave_live(tmp_path: Path) -> None:
    crew = crew_that_knows(tmp_path / "crew", NOTES)
    peers = asyncio.Event()

    def speak(body: dict[str, Any]) -> Act:
        if lists(body):
            return play(body)
        text = " ".join(["The hotels differ.", *sorted(known(body))])
        return Act(text) if not role_of(body) else Act(f"{SUND} The Sund charges 12 euros for it.", hold=peers)

    async with (
        fake_engine(speak) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "crew.file": str(crew)}) as stack,
        stack.client() as client,
        client.stream("POST", "/v1/chat/completions", json=asking(OPEN, "harmonic-deep", stream=True)) as response,
    ):
        content, told = "", {}
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                chunk = json.loads(line[6:])
                content += (chunk["choices"][0]["delta"].get("content") or "") if chunk["choices"] else ""
                if content == f"The hotels differ. {BOREAL} {SUND}":
                    peers.set()  # the base is whole while its peers have not said a word
                told = chunk.get("harmonic") or told
    assert content.startswith(f"The hotels differ. {BOREAL} {SUND}")
    assert "12 euros" in content[len(BOREAL) + len(SUND) + 20 :]
    assert (told["mode"], told["aggregator"]) == ("open", None)


async def test_without_knowledge_it_is_the_full_crew_that_hears_every_draft(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Answer: 4")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "deep.most": 6}) as stack,
        stack.client() as client,
    ):
        answer = (await client.post("/v1/chat/completions", json=asking("What is 2 + 2?", "harmonic-deep"))).json()
        names = [model["id"] for model in (await client.get("/v1/models")).json()["data"]]
    assert answer["harmonic"]["agreement"]["asked"] == len(engine.requests) == 6
    assert "facts" not in answer["harmonic"]
    assert "harmonic-deep" in names


async def test_a_first_wave_that_fails_is_told_and_the_second_answers(tmp_path: Path) -> None:
    crew = crew_that_knows(tmp_path / "crew", NOTES)

    def speak(body: dict[str, Any]) -> Act:
        return Act("FACTS", die_after=0) if lists(body) else play(body)

    async with (
        fake_engine(speak) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "crew.file": str(crew), "deep.most": 3}) as stack,
        stack.client() as client,
    ):
        answer = (await client.post("/v1/chat/completions", json=asking(QUESTION, "harmonic-deep"))).json()
    # What they did not list stands in their notes by the hotels' names.
    assert [fact["text"] for fact in answer["harmonic"]["facts"]] == [BOREAL, SUND]
    assert answer["harmonic"]["agreement"]["asked"] == 3
    assert any("alder failed in the first wave" in warning for warning in answer["harmonic"]["warnings"])


async def test_facts_that_contradict_each_other_are_both_handed_out_and_flagged(tmp_path: Path) -> None:
    notes = {"alder": "The garage of Boreal holds 12 cars.", "birch": "The garage of Boreal holds 40 cars."}
    crew = crew_that_knows(tmp_path / "crew", notes)

    def speak(body: dict[str, Any]) -> Act:
        name = "alder" if "You are alder" in role_of(body) else "birch"
        return Act(f"FACTS\n- {notes[name]}") if lists(body) else Act("Answer: B")

    async with (
        fake_engine(speak) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "crew.file": str(crew), "deep.most": 3}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        answer = (await client.post("/v1/chat/completions", json=asking(QUESTION, "harmonic-deep"))).json()
        await stack.daemon.writer.flush()
        story = (await admin.get(f"/admin/queries/{answer['harmonic']['query']}")).json()["channels"]
    (pooled,) = [signal for signal in story["4"] if signal["kind"] == "facts"]
    assert pooled["payload"]["disagreements"] == [[0, 1, "12 vs 40"]]
    executives = next(known(body) for body in engine.requests if not lists(body) and not role_of(body))
    assert sorted(executives) == sorted(notes.values())


async def test_in_the_other_ways_an_agent_has_its_own_notes_and_nobody_elses(tmp_path: Path) -> None:
    crew = crew_that_knows(
        tmp_path / "crew", NOTES, executive="The hotels Boreal and Sund stand in Turku, garage or not."
    )
    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "crew.file": str(crew)}) as stack,
        stack.client() as client,
    ):
        for model in ("harmonic-full", "harmonic-fast", "alder"):
            await client.post("/v1/chat/completions", json=asking(QUESTION, model))
    for body in engine.requests:
        holds = [text in role_of(body) for text in (BOREAL, SUND, "Turku")]
        name = next((name for name in ("alder", "birch") if f"You are {name}" in role_of(body)), "executive")
        assert holds == [name == "alder", name == "birch", name == "executive"]
        assert not known(body)
    assert len([body for body in engine.requests if "Turku" in role_of(body)]) >= 2


async def test_a_crew_file_whose_knowledge_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    crew = crew_that_knows(tmp_path / "crew", NOTES)
    (tmp_path / "crew" / "notes" / "birch.md").unlink()
    with pytest.raises(KnowledgeMissing) as caught:
        async with served_stack(tmp_path, {"crew.file": str(crew)}):
            pass
    assert caught.value.agent == "birch"
