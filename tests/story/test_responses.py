"""OpenAI's responses: created whole and streamed, kept on the spine, continued, deleted, owned by their key."""

from pathlib import Path
from typing import Any

from tests.fake_chunks import tool_call
from tests.fake_engine import Act, fake_engine, last_user, role_of
from tests.sse import events_of
from tests.stack import served_stack

PATH = "/v1/responses"
WEATHER = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}, "strict": True}
QUESTION = "How should I keep bread fresh?"


async def test_a_response_is_kept_continued_listed_and_deleted(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda body: Act(f"You said {last_user(body)}")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
        stack.client(admin=True) as other,
    ):
        first = (await client.post(PATH, json={"model": "fake", "input": "one", "instructions": "Be brief."})).json()
        assert (first["object"], first["status"], first["store"]) == ("response", "completed", True)
        assert first["output"][-1]["content"][0]["text"] == "You said one"
        assert first["usage"]["total_tokens"] == 13
        assert (await client.get(f"{PATH}/{first['id']}")).json() == first
        items = (await client.get(f"{PATH}/{first['id']}/input_items")).json()["data"]
        assert [item["content"] for item in items] == ["one"]
        asked = {"model": "fake", "input": "two", "previous_response_id": first["id"]}
        second = (await client.post(PATH, json=asked)).json()
        assert second["previous_response_id"] == first["id"]
        assert second["harmonic"]["session"] == first["harmonic"]["session"]
        sent = engine.requests[-1]["messages"]
        assert [(m["role"], m["content"]) for m in sent] == [
            ("user", "one"),
            ("assistant", "You said one"),
            ("user", "two"),
        ]
        assert (await other.get(f"{PATH}/{first['id']}")).status_code == 404
        assert (await client.delete(f"{PATH}/{first['id']}")).json()["deleted"] is True
        for gone in (await client.get(f"{PATH}/{first['id']}"), await client.delete(f"{PATH}/{first['id']}")):
            assert (gone.status_code, gone.json()["error"]["code"]) == (404, "response_not_found")
        orphan = await client.post(PATH, json=asked)
        assert (orphan.status_code, orphan.json()["error"]["param"]) == (400, "previous_response_id")


async def test_input_items_come_in_pages_the_newest_first(tmp_path: Path) -> None:
    async with (
        fake_engine() as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        given = [{"role": "user", "content": str(number)} for number in range(5)]
        made = (await client.post(PATH, json={"model": "fake", "input": given})).json()
        path = f"{PATH}/{made['id']}/input_items"

        async def read(**asked: str | int) -> list[str]:
            """Page after page, as a client does."""
            found: list[str] = []
            while True:
                page = (await client.get(path, params=asked)).json()
                found += [item["content"] for item in page["data"]]
                if not page["has_more"]:
                    return found
                asked["after"] = page["last_id"]

        assert await read() == ["4", "3", "2", "1", "0"]
        assert await read(limit=2) == ["4", "3", "2", "1", "0"]
        assert await read(limit=2, order="asc") == ["0", "1", "2", "3", "4"]
        for asked in ({"after": "in_9"}, {"limit": 0}, {"limit": 101}, {"order": "up"}):
            refused = await client.get(path, params=asked)
            assert (refused.status_code, refused.json()["error"]["param"]) == (400, next(iter(asked)))


async def test_what_a_response_cannot_be_asked_for_is_refused_by_name(tmp_path: Path) -> None:
    async with (
        fake_engine() as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        body = {"model": "fake", "input": "Hi"}
        answer = await client.post(PATH, json={**body, "include": ["message.output_text.logprobs"]})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "include")
        made = await client.post(PATH, json={**body, "include": ["reasoning.encrypted_content"]})
        assert made.status_code == 200
        again = await client.get(f"{PATH}/{made.json()['id']}", params={"stream": True})
        assert (again.status_code, again.json()["error"]["param"]) == (400, "stream")


async def test_store_false_leaves_no_trace_on_the_spine(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Nothing to see.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        answer = (await client.post(PATH, json={"model": "harmonic", "input": QUESTION, "store": False})).json()
        assert (await client.get(f"{PATH}/{answer['id']}")).status_code == 404
        await stack.daemon.writer.flush()
        assert (await admin.get("/admin/spine/sessions")).json()["sessions"] == []
        assert (await admin.get(f"/admin/queries/{answer['harmonic']['query']}")).status_code == 404
    assert answer["store"] is False


async def test_a_forgotten_session_takes_its_responses_along_and_no_others(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda body: Act(f"You said {last_user(body)}")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        kept = {}
        for session in ("ada", "bob"):
            asked = {"model": "fake", "input": f"I am {session}"}
            kept[session] = (await client.post(PATH, json=asked, headers={"x-session-id": session})).json()["id"]
        assert (await admin.delete("/admin/spine/sessions/ada")).json()["removed"] > 1
        assert (await client.get(f"{PATH}/{kept['ada']}")).status_code == 404
        assert (await client.get(f"{PATH}/{kept['bob']}")).status_code == 200
        assert "I am ada" not in (await admin.get("/admin/spine/export")).text


async def test_the_events_of_a_stream_build_the_very_object_that_is_kept(tmp_path: Path) -> None:
    def play(body: dict[str, Any]) -> Act:
        return Act("Peers store bread in linen. Crusts dry first.") if role_of(body) else Act("Keep it in a box.")

    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "merge.minority": "off"}) as stack,
        stack.client() as client,
    ):
        events = events_of(
            (await client.post(PATH, json={"model": "harmonic", "input": QUESTION, "stream": True})).text
        )
        kept = (await client.get(f"{PATH}/{events[-1][1]['response']['id']}")).json()
    kinds = [kind for kind, _ in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert [data["sequence_number"] for _, data in events] == list(range(len(events)))
    assert all(data["type"] == kind for kind, data in events)
    final = events[-1][1]["response"]
    assert kept == final
    by_type = {item["type"]: item for item in final["output"]}
    assert set(by_type) == {"reasoning", "message"}
    text = "".join(data["delta"] for kind, data in events if kind == "response.output_text.delta")
    assert by_type["message"]["content"][0]["text"] == text == "Keep it in a box."
    drafts = "".join(data["delta"] for kind, data in events if kind == "response.reasoning_summary_text.delta")
    assert by_type["reasoning"]["summary"][0]["text"] == drafts
    assert "linen" in drafts
    for item in final["output"]:
        added = [
            data for kind, data in events if kind == "response.output_item.added" and data["item"]["id"] == item["id"]
        ]
        done = [
            data for kind, data in events if kind == "response.output_item.done" and data["item"]["id"] == item["id"]
        ]
        assert (len(added), [data["item"] for data in done]) == (1, [item])


async def test_a_function_call_and_its_output_go_round(tmp_path: Path) -> None:
    def play(body: dict[str, Any]) -> Act:
        answered = any(message["role"] == "tool" for message in body["messages"])
        return Act("It rains.") if answered else Act(raw=tool_call("get_weather", '{"city":', '"Rome"}'))

    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "merge.minority": "off"}) as stack,
        stack.client() as client,
    ):
        body = {"model": "fake", "input": "Weather in Rome?", "tools": [WEATHER], "stream": True}
        events = events_of((await client.post(PATH, json=body)).text)
        first = events[-1][1]["response"]
        (call,) = first["output"]
        assert (call["type"], call["name"], call["arguments"]) == ("function_call", "get_weather", '{"city":"Rome"}')
        deltas = [data["delta"] for kind, data in events if kind == "response.function_call_arguments.delta"]
        assert "".join(deltas) == call["arguments"]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "rain"}
        body = {"model": "fake", "input": [output], "tools": [WEATHER], "previous_response_id": first["id"]}
        second = (await client.post(PATH, json=body)).json()
    assert second["output"][-1]["content"][0]["text"] == "It rains."
    sent = engine.requests[-1]
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "tool"]
    assert sent["messages"][1]["tool_calls"][0]["id"] == sent["messages"][2]["tool_call_id"] == call["call_id"]
    assert sent["tools"][0]["function"]["name"] == "get_weather"


async def test_a_schema_images_limits_and_a_cut_answer(tmp_path: Path) -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    content = [{"type": "input_text", "text": "what?"}, image]
    form = {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": True}
    async with (
        fake_engine(lambda _: Act('{"a": 1}', finish="length")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        body = {
            "model": "fake",
            "input": [{"role": "user", "content": content}],
            "text": {"format": form},
            "max_output_tokens": 5,
        }
        answer = (await client.post(PATH, json=body)).json()
    assert (answer["status"], answer["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert [item["status"] for item in answer["output"]] == ["incomplete"]
    sent = engine.requests[0]
    assert sent["max_tokens"] == 5
    assert sent["response_format"]["json_schema"] == {"name": "x", "schema": {"type": "object"}, "strict": True}
    assert sent["messages"][0]["content"][1]["image_url"]["url"] == image["image_url"]


WRONG: list[tuple[dict[str, Any], int, str | None]] = [
    ({"input": []}, 400, "input"),
    ({"input": [{"type": "computer_call"}]}, 400, "input[0].type"),
    ({"input": [{"content": "x"}]}, 400, "input[0].role"),
    ({"input": [{"type": "function_call", "call_id": "c"}]}, 400, "input[0].function.name"),
    ({"input": [{"type": "function_call_output", "output": "x"}]}, 400, "input[0].call_id"),
    ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, 400, "input[0].content[0]"),
    ({"tools": [{"type": "web_search"}]}, 400, "tools[0].type"),
    ({"tools": [{"type": "function"}]}, 400, "tools[0]"),
    ({"background": True}, 400, "background"),
    ({"conversation": "c"}, 400, "conversation"),
    ({"model": "gpt-4"}, 404, "model"),
    ({"temperature": 9}, 400, "temperature"),
    ({"text": {"format": {"type": "json_schema"}}}, 400, "text.format.json_schema"),
]


async def test_a_wrong_request_names_its_field(tmp_path: Path) -> None:
    async with (
        fake_engine() as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        for more, status, param in WRONG:
            reply = await client.post(PATH, json={"model": "fake", "input": "x", **more})
            assert (reply.status_code, reply.json()["error"]["param"]) == (status, param), more
        failed = Act("one two three", die_after=2)
        engine.play = lambda _: failed
        text = (await client.post(PATH, json={"model": "fake", "input": "x", "stream": True})).text
    kind, data = events_of(text)[-1]
    assert kind == "response.failed"
    assert (data["response"]["status"], data["response"]["error"]["code"]) == ("failed", "all_agents_failed")
