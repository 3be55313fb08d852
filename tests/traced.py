"""A served stack whose traces go to a collector of ours."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.fake_engine import FakeEngine, Play, fake_engine
from tests.helpers import until
from tests.otlp_receiver import Receiver, Told, otlp_receiver
from tests.stack import Stack, served_stack


@dataclass(frozen=True)
class Traced:
    """A stack whose traces go to a collector of ours."""

    stack: Stack
    engine: FakeEngine
    receiver: Receiver
    client: httpx.AsyncClient

    async def told(self, queries: int = 1) -> list[Told]:
        """The spans of whole queries, once so many came."""
        await until(lambda: len(self.receiver.queries()) >= queries, f"{queries} traces came")
        return self.receiver.queries()

    async def spans(self) -> dict[str, float]:
        """How many spans met which fate, as Prometheus is told."""
        page = (await self.client.get("/metrics")).text
        families = {family.name: family.samples for family in text_string_to_metric_families(page)}
        samples = families["harmonic_trace_spans"]
        return {each.labels["fate"]: each.value for each in samples if each.name.endswith("_total")}


@asynccontextmanager
async def traced(
    folder: Path, play: Play, settings: Mapping[str, object] | None = None, *, examine: bool = False
) -> AsyncIterator[Traced]:
    """A stack before a fake engine that plays *play*, and a collector."""
    async with otlp_receiver() as receiver, fake_engine(play) as engine:
        own: dict[str, object] = {"engine.url": engine.url, "telemetry.otlp": receiver.url, "telemetry.seconds": 0.02}
        served = served_stack(folder, {**own, **(settings or {})}, examine=examine)
        async with served as stack, stack.client() as client:
            yield Traced(stack, engine, receiver, client)
