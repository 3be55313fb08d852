"""The admin routes that look at the box and its crew: /admin/hardware, plan, agents, engines, status, queries."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from harmonic_stack.api.models import TheDaemon
from harmonic_stack.crew import Agent
from harmonic_stack.daemon import Daemon
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
    return {"agents": [_agent_object(daemon, agent) for agent in daemon.crew.agents]}


class Switch(BaseModel):
    """Whether an agent may be asked."""

    model_config = ConfigDict(extra="forbid", strict=True)

    enabled: bool


@router.patch("/agents/{name}")
async def switch_agent(name: str, switch: Switch, daemon: TheDaemon, request: Request) -> dict[str, Any]:
    """Rest or wake one agent until the stack stops; the crew file is left as it is."""
    daemon.switch(name, enabled=switch.enabled)
    request.app.openapi_schema = None  # it lists the names that a model may have
    return next(_agent_object(daemon, agent) for agent in daemon.crew.agents if agent.name == name)


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


def _agent_object(daemon: Daemon, agent: Agent) -> dict[str, Any]:
    planned = next((each for each in daemon.plan.agents if each.name == agent.name), None)
    return {
        "name": agent.name,
        "tier": agent.tier,
        "model": agent.model if planned is None else planned.model,
        "slots": 0 if planned is None else planned.slots,
        "enabled": agent.enabled,
        "rested": planned is not None and not agent.enabled,
        "executive": agent.name == daemon.crew.executive,
        "description": agent.description,
        "role": agent.role,
        "knowledge": daemon.orchestrator.knowledge.about(agent.name),
        "record": daemon.orchestrator.bridge.record.figures().get(agent.name),
    }
