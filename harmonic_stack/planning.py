"""Between the settings and the launcher: which engine is asked for, and the plan for this crew on this box."""

import os
from collections.abc import Sequence
from pathlib import Path

from harmonic_stack.config import Loaded
from harmonic_stack.crew import Agent, Crew
from launcher import (
    AgentSpec,
    EngineSettings,
    Hardware,
    Plan,
    find_engine,
    local_model,
    nominal_hardware,
    plan,
    plan_elsewhere,
    profile_named,
)


def engine_settings(loaded: Loaded) -> EngineSettings:
    """What the settings say of the engine, in the launcher's words."""
    engine = loaded.config.engine
    remote = engine.name == "openai" or (engine.name == "auto" and bool(engine.url))
    model: Path | str | None = engine.model or None
    if model is not None and not remote:
        model = loaded.path_of("engine", "model")
    return EngineSettings(
        kind="openai" if remote else "embedded",
        url=engine.url or None,
        api_key=os.environ.get(engine.api_key_env) if engine.api_key_env else None,
        model=model,
        slots=engine.slots,
        context=engine.context,
        threads=engine.threads or None,
        cache_type=engine.cache_type,
        start_timeout=engine.start_seconds,
    )


async def plan_for(hardware: Hardware, crew: Crew, settings: EngineSettings) -> Plan:
    """The plan for *crew* on *hardware*; an engine elsewhere is asked for its models first.

    Raises:
        EngineUnreachable: there is no engine at the URL.
        DoesNotFit, NoModel, BadModelFile, UnknownModel: there is no plan, and why.
    """
    slots = settings.slots or 1
    if settings.kind == "openai":
        engine = await find_engine(settings)
        model = str(settings.model) if settings.model else engine.models[0]
        return plan_elsewhere(agent_specs(crew.enabled, model), slots=slots, context=settings.context)
    return plan_here(hardware, crew, settings)


def plan_here(hardware: Hardware, crew: Crew, settings: EngineSettings) -> Plan:
    """The plan for the embedded engine, which has no GPU code (DESIGN 3): the CPU's profile and memory."""
    facts = local_model(settings.model)
    return plan(
        hardware.cpu_only(),
        agent_specs(crew.enabled, facts.name),
        {facts.name: facts},
        context=settings.context,
        slots=settings.slots,
        cache_type=settings.cache_type,
    )


def plan_for_profile(name: str, crew: Crew, settings: EngineSettings) -> Plan:
    """The plan for another box, by the name of its profile.

    Raises:
        UnknownProfile: there is no such profile.
    """
    profile = profile_named(name)
    facts = local_model(settings.model)
    return plan(
        nominal_hardware(profile),
        agent_specs(crew.enabled, facts.name),
        {facts.name: facts},
        context=settings.context,
        cache_type=settings.cache_type,
        profile=profile,
    )


def agent_specs(agents: Sequence[Agent], model: str) -> list[AgentSpec]:
    """The agents as the launcher plans them; one without a model of its own runs on *model*."""
    return [AgentSpec(agent.name, agent.tier, agent.model or model) for agent in agents]
