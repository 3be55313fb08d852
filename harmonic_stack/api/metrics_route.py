"""GET /metrics for Prometheus, and GET /admin/queue: how busy the box is."""

from typing import Any

from fastapi import APIRouter, Response

from harmonic_stack.api.models import TheDaemon
from harmonic_stack.metrics import CONTENT_TYPE

router = APIRouter()


@router.get("/metrics", response_class=Response)
async def metrics(daemon: TheDaemon) -> Response:
    """Every metric in Prometheus' text format."""
    orchestrator = daemon.orchestrator
    body = await daemon.metrics.exposition(
        conductor=orchestrator.conductor,
        seats=orchestrator.seats,
        agents=daemon.plan.agents,
        engines=list(daemon.engines.values()),
        bus=daemon.bus,
        energy=orchestrator.energy,
    )
    return Response(body, media_type=CONTENT_TYPE)


@router.get("/admin/queue")
async def queue(daemon: TheDaemon) -> dict[str, Any]:
    """What runs, what waits and since when, and in how many seconds a place may be free."""
    return daemon.orchestrator.conductor.as_dict()
