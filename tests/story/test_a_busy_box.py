"""More queries than slots: who waits, who is sent away, what Prometheus and the admin API tell of it."""

import asyncio
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.fake_engine import Act, fake_engine
from tests.helpers import until
from tests.stack import asking, served_stack

ONE_SLOT = {"engine.slots": 1, "queue.depth": 1}
BODY = asking("Hello there", "harmonic-fast")


async def test_a_query_waits_for_its_turn_and_is_told_its_place(tmp_path: Path) -> None:
    held = asyncio.Event()
    async with (
        fake_engine(lambda _: Act("Hello.", hold=held)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, **ONE_SLOT}) as stack,
        stack.client() as client,
        stack.client(admin=True) as admin,
    ):
        conductor = stack.daemon.orchestrator.conductor
        first = asyncio.create_task(client.post("/v1/chat/completions", json=BODY))
        await until(lambda: conductor.running == 1, "the first query runs")
        second = asyncio.create_task(client.post("/v1/chat/completions", json={**BODY, "stream": True}))
        await until(lambda: conductor.waiting == 1, "the second waits")
        looked = (await admin.get("/admin/queue")).json()
        refused = await client.post("/v1/chat/completions", json=BODY)
        held.set()
        answers = [await first, await second]
    assert (looked["running"], looked["waiting"], looked["queue"][0]["position"]) == (1, 1, 1)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "server_busy")
    assert int(refused.headers["retry-after"]) >= 1
    assert [answer.headers["x-queue-position"] for answer in answers] == ["0", "1"]
    assert answers[0].json()["harmonic"]["queued"] == 0


async def test_one_key_cannot_take_all_places(tmp_path: Path) -> None:
    held = asyncio.Event()
    async with (
        fake_engine(lambda _: Act("Hello.", hold=held)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "engine.slots": 4, "server.max_in_flight": 1}) as stack,
        stack.client() as client,
        stack.client(admin=True) as other,
    ):
        first = asyncio.create_task(client.post("/v1/chat/completions", json=BODY))
        await until(lambda: engine.streaming == 1, "the first query runs")
        refused = await client.post("/v1/chat/completions", json=BODY)
        second = asyncio.create_task(other.post("/v1/chat/completions", json=BODY))
        await until(lambda: engine.streaming == 2, "another key gets in")
        held.set()
        assert [(await answer).status_code for answer in (first, second)] == [200, 200]
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")


async def test_a_client_that_leaves_the_queue_makes_room_at_once(tmp_path: Path) -> None:
    held = asyncio.Event()
    async with (
        fake_engine(lambda _: Act("Hello.", hold=held)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, **ONE_SLOT}) as stack,
    ):
        conductor = stack.daemon.orchestrator.conductor
        async with stack.client() as staying:
            first = asyncio.create_task(staying.post("/v1/chat/completions", json=BODY))
            await until(lambda: conductor.running == 1, "the first query runs")
            async with stack.client() as leaving:
                second = asyncio.create_task(leaving.post("/v1/chat/completions", json=BODY))
                await until(lambda: conductor.waiting == 1, "the second waits")
                second.cancel()
            await until(lambda: conductor.waiting == 0, "its place is free")
            held.set()
            assert (await first).status_code == 200
        assert len(engine.requests) == 1


async def test_once_closed_nothing_new_is_taken_and_what_runs_is_finished(tmp_path: Path) -> None:
    held = asyncio.Event()
    async with (
        fake_engine(lambda _: Act("Hello.", hold=held)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        first = asyncio.create_task(client.post("/v1/chat/completions", json=BODY))
        await until(lambda: engine.streaming == 1, "the first query runs")
        assert (await client.get("/ready")).status_code == 200
        stack.daemon.orchestrator.conductor.close()
        refused = await client.post("/v1/chat/completions", json=BODY)
        ready = await client.get("/ready")
        held.set()
        assert (await first).status_code == 200
    assert (refused.status_code, refused.json()["error"]["code"], ready.status_code) == (503, "shutting_down", 503)


async def test_metrics_tell_of_which_tier_those_are_who_run_and_wait(tmp_path: Path) -> None:
    held = asyncio.Event()
    async with (
        fake_engine(lambda _: Act("Hello.", hold=held)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, **ONE_SLOT}) as stack,
        stack.client() as client,
    ):
        conductor = stack.daemon.orchestrator.conductor
        first = asyncio.create_task(client.post("/v1/chat/completions", json=asking("Hello", "analyst")))
        await until(lambda: conductor.running == 1, "the first query runs")
        second = asyncio.create_task(client.post("/v1/chat/completions", json=asking("Hello")))
        await until(lambda: conductor.waiting == 1, "the second waits")
        await client.post("/v1/chat/completions", json=BODY)
        busy = (await client.get("/metrics")).text
        held.set()
        await asyncio.gather(first, second)
        after = (await client.get("/metrics")).text
    assert 'harmonic_requests_running{tier="specialist"} 1.0' in busy
    assert 'harmonic_requests_running{tier="executive"} 0.0' in busy
    assert 'harmonic_requests_waiting{tier="executive"} 1.0' in busy
    assert 'harmonic_requests_waiting{tier="specialist"} 0.0' in busy
    assert {'harmonic_requests_refused_total{limit="depth"} 1.0'} <= set(busy.splitlines()) & set(after.splitlines())
    assert 'harmonic_requests_running{tier="specialist"} 0.0' in after


async def test_metrics_tell_what_happened_and_no_callers_word(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Two and two make four. Answer: 4")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        await client.post("/v1/chat/completions", json=asking("What is 2 + 2?"))
        await client.get("/v1/secret-word")
        await client.get("/admin/status")
        await stack.daemon.writer.flush()
        told = await client.get("/metrics")
    assert told.status_code == 200
    assert "secret-word" not in told.text
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(told.text)
        for sample in family.samples
    }
    assert samples["harmonic_requests_total", ("code", "200"), ("route", "/v1/chat/completions")] == 1
    assert samples["harmonic_requests_total", ("code", "404"), ("route", "other")] == 1
    assert samples["harmonic_requests_total", ("code", "403"), ("route", "other")] == 1
    assert samples["harmonic_answers_total", ("mode", "closed")] == 1
    assert samples[("harmonic_generation_tokens_total",)] > 0
    assert samples["harmonic_slots", ("state", "planned"), ("tier", "executive")] >= 1
    assert samples["harmonic_spine_entries", ("channel", "1")] == 1
    assert samples[("harmonic_spine_degraded",)] == 0
