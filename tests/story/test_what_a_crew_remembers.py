"""What reaches agents from earlier turns: facts given long ago, peers' points, the operator's experience."""

import json
from pathlib import Path
from typing import Any

from tests.fake_engine import Act, FakeEngine, fake_engine, last_user, role_of
from tests.stack import Stack, asking, served_stack

FACTS = [
    ("My dog is called {0}.", "What is my dog called, and how should I train it?", "Biscuit{0}"),
    ("I live in the town of {0}.", "Which town do I live in, and what can I do there?", "Oldham{0}"),
    ("The code of my bicycle lock is {0}.", "Explain how I open my bicycle lock, with its code.", "48{0}7"),
    ("My sister works as a {0}.", "What does my sister work as, and what is that like?", "glazier{0}"),
    ("My boiler is a {0}.", "Explain which boiler I have and how I service it.", "Thermex{0}"),
]
FILLERS = ("How do I poach an egg?", "Tell me about the moons of Jupiter.", "Why do leaves turn red in autumn?")


def conversations() -> list[tuple[str, str, str]]:
    """Twenty: the fact of the first turn, the question of the fifth, and the word that tells whether it is known."""
    told = [(fact, question, word.format(number)) for number in range(4) for fact, question, word in FACTS]
    return [(fact.format(word), question, word) for fact, question, word in told]


async def hold(stack: Stack, engine: FakeEngine, number: int, fact: str, question: str, *, resend: bool) -> list[str]:
    """Hold one five-turn conversation; return the whole prompt of each call of the fifth turn."""
    history: list[dict[str, str]] = []
    headers = {} if resend else {"x-session-id": f"talk-{number}"}
    async with stack.client() as client:
        for text in (fact, *FILLERS, question):
            engine.requests.clear()
            history.append({"role": "user", "content": text})
            body = {"model": "harmonic", "messages": history if resend else history[-1:]}
            reply = (await client.post("/v1/chat/completions", json=body, headers=headers)).json()
            history.append({"role": "assistant", "content": reply["choices"][0]["message"]["content"]})
    return ["\n".join(message["content"] for message in asked["messages"]) for asked in engine.requests]


async def test_a_fact_of_the_first_turn_is_in_every_prompt_of_the_fifth(tmp_path: Path) -> None:
    with_spine, without, resent = [], [], []
    async with fake_engine(lambda _: Act("I see. Noted.")) as engine:
        async with served_stack(tmp_path / "on", {"engine.url": engine.url}) as stack:
            for number, (fact, question, word) in enumerate(conversations()):
                prompts = await hold(stack, engine, number, fact, question, resend=False)
                with_spine.append([prompt.count(word) for prompt in prompts])
                prompts = await hold(stack, engine, number, fact, question, resend=True)
                resent.append([prompt.count(word) for prompt in prompts])
        async with served_stack(tmp_path / "off", {"engine.url": engine.url, "spine.enabled": False}) as stack:
            for number, (fact, question, word) in enumerate(conversations()):
                prompts = await hold(stack, engine, number, fact, question, resend=False)
                without.append([prompt.count(word) for prompt in prompts])
    assert len(with_spine) == 20
    assert all(len(counts) >= 2 for counts in (*with_spine, *without, *resent)), "several agents were asked each time"
    assert {count for counts in with_spine for count in counts} == {1}
    assert {count for counts in resent for count in counts} == {1}
    assert {count for counts in without for count in counts} == {0}


POINT = "A hard frost after mid May happens about once in 7 years."


async def test_what_passed_the_gate_is_told_to_the_other_agents_in_the_next_turn(tmp_path: Path) -> None:
    """A point that the answer left out is news to the others, and never said back to the one that made it."""

    def play(body: dict[str, Any]) -> Act:
        if "gardener" in role_of(body):
            return Act(f"Sow beans when the soil is warm. {POINT}")
        return Act("Sow beans when the soil is warm.")

    crew = tmp_path / "crew.toml"
    crew.write_text(
        '[agents.executive]\ntier = 1\nrole = "You lead."\n'
        '[agents.gardener]\ntier = 3\nrole = "You are a gardener."\n'
        '[agents.farmer]\ntier = 3\nrole = "You are a farmer."\n'
    )
    settings = {"crew.file": str(crew), "merge.minority": "off", "gate.budget": 0.5}
    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, **settings}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        headers = {"x-session-id": "beans"}
        await client.post(
            "/v1/chat/completions", json=asking("How do I sow beans, and when is a hard frost over?"), headers=headers
        )
        engine.requests.clear()
        reply = await client.post(
            "/v1/chat/completions", json=asking("Explain how likely a hard frost is after mid May."), headers=headers
        )
        await stack.daemon.writer.flush()
        found = (await admin.get("/admin/spine/channels/4/signals", params={"session": "beans"})).json()["signals"]
        story = (await admin.get(f"/admin/queries/{reply.json()['harmonic']['query']}")).json()
    said = [signal for signal in found if signal["kind"] == "broadcast" and signal["text"] == POINT]
    assert [(signal["writer"], signal["payload"]["passed"]) for signal in said[:1]] == [("gardener", True)]
    assert said[0]["payload"]["salience"] > said[0]["payload"]["threshold"]
    gates = [signal["payload"] for signal in found if signal["kind"] == "gate"]
    assert all(told["passed"] <= told["of"] and len(told["decisions"]) == told["of"] for told in gates)
    told = {("gardener" if "gardener" in role_of(body) else "other"): role_of(body) for body in engine.requests}
    assert POINT in told["other"]
    assert POINT not in told["gardener"]
    assert "not instructions" in told["other"]
    route = next(signal for signal in story["channels"]["3"] if signal["kind"] == "route")
    assert ["gardener", POINT] in route["payload"]["recalled_points"]


async def test_drafts_of_a_vote_are_not_broadcast(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Two and two make four. Answer: 4")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        body = asking("What is 2 + 2?")
        assert (await client.post("/v1/chat/completions", json=body)).json()["harmonic"]["mode"] == "closed"
        await stack.daemon.writer.flush()
        found = (await admin.get("/admin/spine/channels/4/signals")).json()["signals"]
    assert {signal["kind"] for signal in found} == {"relations", "merge"}


async def test_peers_are_told_what_went_wrong_before_as_a_suggestion_and_draft_0_is_not(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Water them in the", finish="length")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        for _ in range(3):
            await client.post("/v1/chat/completions", json=asking("How should I water tomatoes?"))
        assert not any("suggestion" in role_of(body) for body in engine.requests)
        engine.requests.clear()
        reply = (await client.post("/v1/chat/completions", json=asking("How should I water tomatoes?"))).json()
        await stack.daemon.writer.flush()
        query = reply["harmonic"]["query"]
        found = (await admin.get("/admin/spine/channels/3/signals", params={"query": query})).json()["signals"]
        status = (await admin.get("/admin/status")).json()
    told = [role_of(body) for body in engine.requests]
    assert sum("A suggestion from experience, not an instruction" in role for role in told) == len(told) - 1
    briefing = next(signal for signal in found if signal["kind"] == "briefing")
    assert briefing["text"].startswith("3 earlier questions of this kind (open, ")
    assert status["crew"]["executive"]["calls"] == 4


async def test_an_agent_that_keeps_failing_is_asked_last(tmp_path: Path) -> None:
    """The routed agents are those that can answer; the failing one has its turn again later."""
    question = "Write a Python function that sorts a list of words."
    broken: list[str] = []

    def play(body: dict[str, Any]) -> Act:
        return Act(status=500, body=b"{}") if broken and broken[0] in role_of(body) else Act("def f(): pass")

    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):

        async def asked() -> list[str]:
            reply = (await client.post("/v1/chat/completions", json=asking(question))).json()
            return [each["name"] for each in reply["harmonic"]["agents"]]

        first = (await asked())[1]
        broken.append(next(agent.role for agent in stack.daemon.crew.agents if agent.name == first)[:40])
        for _ in range(3):
            assert first in await asked()
        assert first not in await asked()
        assert (await admin.get("/admin/status")).json()["failing"] == [first]


async def test_what_a_message_asks_to_be_remembered_outlives_its_session(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Noted.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        for _ in range(2):
            body = asking("Hello. Please remember that my tomatoes stand on the south balcony.", "harmonic-fast")
            await client.post("/v1/chat/completions", json=body)
        kept = (await admin.get("/admin/spine/channels/2/signals")).json()["signals"]
        assert [(each["text"], each["trust"]) for each in kept] == [("my tomatoes stand on the south balcony.", "user")]
        engine.requests.clear()
        body = asking("How often should I water my tomatoes?", "harmonic-fast")
        await client.post("/v1/chat/completions", json=body, headers={"x-session-id": "another"})
    assert "south balcony" in role_of(engine.requests[0])
    assert "south balcony" not in last_user(engine.requests[0])


async def test_nothing_is_kept_by_itself_where_that_is_switched_off(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Noted.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "recall.keep": "off"}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        body = asking("Please remember that my name is Ada.", "harmonic-fast")
        await client.post("/v1/chat/completions", json=body)
        assert json.loads((await admin.get("/admin/spine/channels/2/signals")).text)["signals"] == []
