"""What a query leaves on the six channels, who may see it, and what the next turn is told of it."""

import json
from pathlib import Path
from typing import Any

from tests.fake_engine import Act, fake_engine, role_of
from tests.helpers import until
from tests.stack import Stack, asking, served_stack

OPEN = "How should I water tomatoes?"


async def _signals(stack: Stack, channel: int, **params: str) -> list[dict[str, Any]]:
    async with stack.client(admin=True) as client:
        answer = await client.get(f"/admin/spine/channels/{channel}/signals", params=params)
    assert answer.status_code == 200
    signals: list[dict[str, Any]] = answer.json()["signals"]
    return signals


async def test_a_query_can_be_read_on_its_channels_and_only_in_its_session(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Water tomatoes in the morning. Never wet the leaves.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        headers = {"x-session-id": "garden"}
        answer = (await client.post("/v1/chat/completions", json=asking(OPEN), headers=headers)).json()
        query = answer["harmonic"]["query"]
        assert answer["harmonic"]["session"] == "garden"

        async def written() -> bool:
            return len(await _signals(stack, 5, query=query)) == 1

        await until(written, "the costs of the calls stand on channel 5")
        costs = (await _signals(stack, 5, query=query))[0]["payload"]["calls"]
        assert [cost["status"] for cost in costs] == ["ok"] * 4
        expected = {
            0: {"question", "draft", "answer"},
            1: {"turn"},
            3: {"route", "proposal"},
            4: {"relations", "gate", "merge"},  # all say the same: nothing is news
        }
        for channel, kinds in expected.items():
            found = await _signals(stack, channel, session="garden", query=query)
            assert {signal["kind"] for signal in found} == kinds
            assert all(signal["writer"] and signal["time"] > 0 and signal["query"] == query for signal in found)
            assert any(signal["frame"] for signal in found)
            assert await _signals(stack, channel, session="kitchen") == []
        turn = (await _signals(stack, 1, session="garden"))[0]
        assert turn["payload"]["question"] == OPEN
        assert turn["text"] == answer["choices"][0]["message"]["content"]
        async with stack.client(admin=True) as admin:
            story = (await admin.get(f"/admin/queries/{query}")).json()
            unknown = await admin.get("/admin/queries/q-none")
        assert story["session"] == "garden"
        assert {number for number, signals in story["channels"].items() if signals} == {"0", "1", "3", "4", "5"}
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "query_not_found")


async def test_a_client_that_sends_only_its_newest_message_has_its_first_turn_recalled(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Noted.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        headers = {"x-session-id": "ada"}
        body = asking("My name is Ada and I grow tomatoes.", "harmonic-fast")
        await client.post("/v1/chat/completions", json=body, headers=headers)
        body = asking("What is my name?", "harmonic-fast")
        await client.post("/v1/chat/completions", json=body, headers=headers)
        await client.post("/v1/chat/completions", json=body, headers={"x-session-id": "bob"})
    told = [[(m["role"], m["content"]) for m in request["messages"]] for request in engine.requests]
    assert told[1] == [
        ("user", "My name is Ada and I grow tomatoes."),
        ("assistant", "Noted."),
        ("user", "What is my name?"),
    ]
    assert told[2] == [("user", "What is my name?")]


async def test_a_client_that_resends_its_history_is_not_told_twice(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Noted.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        first = asking("My name is Ada.", "harmonic-fast")
        one = (await client.post("/v1/chat/completions", json=first)).json()
        history = [*first["messages"], {"role": "assistant", "content": "Noted."}]
        second = {"model": "harmonic-fast", "messages": [*history, {"role": "user", "content": "And?"}]}
        two = (await client.post("/v1/chat/completions", json=second)).json()
    assert two["harmonic"]["session"] == one["harmonic"]["session"]
    assert [m["content"] for m in engine.requests[1]["messages"]] == ["My name is Ada.", "Noted.", "And?"]


async def test_with_the_spine_off_nothing_is_written_or_recalled(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Noted.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "spine.enabled": False}) as stack,
        stack.client() as client,
    ):
        for text in ("My name is Ada.", "What is my name?"):
            body = asking(text, "harmonic-fast")
            await client.post("/v1/chat/completions", json=body, headers={"x-session-id": "ada"})
        assert await _signals(stack, 1) == []
    assert len(engine.requests[1]["messages"]) == 1


async def test_a_trace_shows_the_very_words_that_an_agent_was_given(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Noted.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        body = asking("Hello there", "coder", harmonic={"trace": True})
        answer = (await client.post("/v1/chat/completions", json=body)).json()
        prompts = await _signals(stack, 3, query=answer["harmonic"]["query"], kind="prompt")
    given = [[message["role"], message["content"]] for message in engine.requests[0]["messages"]]
    assert [prompt["payload"]["messages"] for prompt in prompts] == [given]


async def test_the_tail_shows_signals_as_they_are_written(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Noted.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client(admin=True) as client,
        client.stream("GET", "/admin/spine/tail", params={"channel": 1}) as tail,
    ):
        lines = tail.aiter_lines()
        assert await anext(lines) == ": listening"
        await client.post("/v1/chat/completions", json=asking("Hello there", "coder"))
        seen = [await anext(lines) for _ in range(4)]
    assert any(line.startswith('data: {"id"') and '"kind":"turn"' in line for line in seen)


async def test_what_the_user_has_remembered_reaches_the_agents_where_it_bears_on_the_question(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Noted.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        kept = {"text": "My tomatoes stand on the south balcony."}
        assert (await admin.post("/admin/spine/channels/2/signals", json=kept)).status_code == 201
        assert (await client.post("/admin/spine/channels/2/signals", json=kept)).status_code == 403
        for text in ("How often should I water my tomatoes?", "Translate hello into French"):
            await client.post("/v1/chat/completions", json=asking(text, "harmonic-fast"))
    assert "south balcony" in role_of(engine.requests[0])
    assert role_of(engine.requests[1]) == ""


async def test_the_sessions_state_grows_turn_by_turn_and_goes_with_the_session(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Water the tomatoes in the morning.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        for _ in range(3):
            body = asking("How do I water tomatoes?", "harmonic-fast")
            await client.post("/v1/chat/completions", json=body, headers={"x-session-id": "garden"})
        await stack.daemon.writer.flush()
        census = (await admin.get("/admin/spine/sessions/garden/state")).json()
        assert (census["turns"], census["bytes"], census["spike"]) == (3, 1536, False)
        fast, middle, slow = (level["length"] for level in census["levels"])
        assert 1 > fast > middle > slow > 0
        await admin.delete("/admin/spine/sessions/garden")
        assert (await admin.get("/admin/spine/sessions/garden/state")).status_code == 404


async def test_a_forgotten_session_leaves_nothing_and_the_export_is_whole(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Noted.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        for session in ("ada", "bob"):
            body = asking(f"I am {session}", "harmonic-fast")
            await client.post("/v1/chat/completions", json=body, headers={"x-session-id": session})

        async def written() -> bool:
            return len(await _signals(stack, 5)) == 2

        await until(written, "both queries stand on the spine")
        known = (await admin.get("/admin/spine/sessions")).json()["sessions"]
        assert {session["id"] for session in known} == {"ada", "bob"}
        lines = (await admin.get("/admin/spine/export")).text.splitlines()
        assert {json.loads(line)["session"] for line in lines} == {"ada", "bob"}
        assert (await admin.delete("/admin/spine/sessions/ada")).json()["removed"] > 0
        lines = (await admin.get("/admin/spine/export")).text.splitlines()
        assert {json.loads(line)["session"] for line in lines} == {"bob"}
        gone = await admin.get("/admin/spine/sessions/ada")
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "session_not_found")


async def test_a_reader_that_comes_back_gets_what_it_missed(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Noted.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        for text in ("one", "two", "three"):
            body = asking(text, "harmonic-fast")
            await client.post("/v1/chat/completions", json=body, headers={"x-session-id": "s"})
        await stack.daemon.writer.flush()
        turns = await _signals(stack, 1, session="s")
        params, seen = {"channel": 1, "session": "s"}, []
        headers = {"last-event-id": turns[0]["id"]}
        async with admin.stream("GET", "/admin/spine/tail", params=params, headers=headers) as tail:
            async for line in tail.aiter_lines():
                if line.startswith("data: "):
                    seen.append(json.loads(line[6:])["payload"]["question"])
                if len(seen) == 2:
                    break
        assert seen == ["two", "three"]
        bad = await admin.get("/admin/spine/tail", headers={"last-event-id": "nonsense"})
        assert (bad.status_code, bad.json()["error"]["code"]) == (400, "invalid_signal")
