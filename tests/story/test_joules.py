"""Energy, from the meter to the report of a query, the status and the metrics."""

import asyncio
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.fake_engine import Act, fake_engine
from tests.helpers import until
from tests.stack import asking, served_stack
from tests.unit.query.test_energy import Meter

BODY = asking("Hello there", "harmonic-fast")


async def test_a_report_tells_what_the_box_used_and_status_what_a_joule_gave(tmp_path: Path) -> None:
    held, meter = asyncio.Event(), Meter()
    async with (
        fake_engine(lambda _: Act("Hello to you too.", hold=held)) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}, ask=meter.ask) as stack,
        stack.client(admin=True) as client,
    ):
        under_way = asyncio.create_task(client.post("/v1/chat/completions", json=BODY))
        await until(lambda: engine.streaming == 1 and meter.asked > 0, "the query runs, and was measured first")
        meter.joules = 108.0
        held.set()
        answer = (await under_way).json()
        status = (await client.get("/admin/status")).json()["energy"]
        told = await client.get("/metrics")
    assert answer["harmonic"]["joules"] == 8.0
    assert answer["usage"]["completion_tokens"] == 4
    assert status == {"device": "gpu", "joules": 8.0, "tokens_per_joule": 0.5, "utilisation": 0.5}
    samples = {
        sample.name: (sample.value, sample.labels)
        for family in text_string_to_metric_families(told.text)
        for sample in family.samples
    }
    assert samples["harmonic_energy_joules_total"] == (8.0, {"device": "gpu"})
    assert samples["harmonic_tokens_per_joule"] == (0.5, {"device": "gpu"})
    assert samples["harmonic_utilisation"] == (0.5, {"device": "gpu"})


async def test_a_box_that_does_not_tell_says_null_and_has_no_such_metric(tmp_path: Path) -> None:
    async with (
        fake_engine() as engine,
        served_stack(tmp_path, {"engine.url": engine.url}, ask=lambda: None) as stack,
        stack.client(admin=True) as client,
    ):
        answer = (await client.post("/v1/chat/completions", json=BODY)).json()
        status = (await client.get("/admin/status")).json()["energy"]
        told = await client.get("/metrics")
    assert answer["harmonic"]["joules"] is None
    assert (status["joules"], status["tokens_per_joule"]) == (None, None)
    assert "harmonic_energy_joules_total{" not in told.text
