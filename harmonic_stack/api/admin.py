"""The admin routes that look at the box and its crew: /admin/hardware, plan, agents, engines, status, queries."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from harmonic_stack.api.models import TheDaemon
from harmonic_stack.host.describe import hardware_object
from harmonic_stack.signals.story import query_story

router = APIRouter(prefix="/admin")


@router.get("/hardware")
async def hardware(daemon: TheDaemon) -> dict[str, Any]:
    """What was detected; null is "the box does not tell"."""
    return hardware_object(daemon.hardware)


@router.get("/plan")
async def plan(daemon: TheDaemon) -> dict[str, Any]:
    """Which agent has how many slots, and what that takes of the memory."""
    return daemon.plan.as_dict()


@router.get("/agents")
async def agents(daemon: TheDaemon) -> dict[str, Any]:
    """The crew: tier, model, slots, what its role is, and the files that it alone knows."""
    slots = {agent.name: agent.slots for agent in daemon.plan.agents}
    models = {agent.name: agent.model for agent in daemon.plan.agents}
    record = daemon.orchestrator.bridge.record.figures()
    return {
        "agents": [
            {
                "name": agent.name,
                "tier": agent.tier,
                "model": models.get(agent.name) or agent.model,
                "slots": slots.get(agent.name, 0),
                "enabled": agent.enabled,
                "executive": agent.name == daemon.crew.executive,
                "description": agent.description,
                "role": agent.role,
                "knowledge": daemon.orchestrator.knowledge.about(agent.name),
                "record": record.get(agent.name),
            }
            for agent in daemon.crew.agents
        ]
    }


@router.get("/engines")
async def engines(daemon: TheDaemon) -> dict[str, Any]:
    """Every engine: its state, its models, and the slots promised and achieved."""
    return {"engines": daemon.engine_objects()}


@router.get("/status")
async def status(daemon: TheDaemon) -> dict[str, Any]:
    """One look at everything: address, engine, slots, spine."""
    return await daemon.status()


class Outcome(BaseModel):
    """Whether the answer to a query turned out to be right."""

    model_config = ConfigDict(extra="forbid", strict=True)

    right: bool


@router.post("/queries/{query}/outcome", status_code=201)
async def post_outcome(query: str, outcome: Outcome, daemon: TheDaemon) -> dict[str, Any]:
    """Keep whether a voted answer was right: it counts into the confidence of later ones."""
    await daemon.writer.flush()
    models = {agent.name: agent.model or daemon.orchestrator.seats.model for agent in daemon.crew.agents}
    told = await daemon.orchestrator.outcomes.post(daemon.bus, query, models, right=outcome.right)
    return {"query": query, "votes": told.votes, "asked": told.asked, "right": told.right}


@router.get("/queries/{query}")
async def one_query(query: str, daemon: TheDaemon) -> dict[str, Any]:
    """The whole story of one answer, channel by channel, from the spine."""
    return await query_story(daemon.bus, query, daemon.encoders.words)
