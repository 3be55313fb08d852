"""Between the settings and the launcher: which engine is asked for, and the plan for this crew on this box."""

import os
from collections.abc import Sequence
from pathlib import Path

from harmonic_stack.config import Loaded
from harmonic_stack.crew import PAPERS_CREW, Agent, Crew, load_crew
from harmonic_stack.host.ollama_choice import models_on, wanted_models
from harmonic_stack.host.paths import Paths
from launcher import (
    AgentSpec,
    Bytes,
    Calibration,
    EngineSettings,
    Hardware,
    Plan,
    detect_hardware,
    find_engine,
    local_model,
    look_at_ollama,
    nominal_hardware,
    nominal_models,
    papers_plan,
    plan,
    plan_elsewhere,
    profile_named,
)
from launcher.budget import CPU_PROCESS, OLLAMA_SERVER
from launcher.calibration import calibration_here
from launcher.form import EmbeddedSettings
from launcher.openai_engine import DEFAULT_SLOTS


def engine_settings(loaded: Loaded) -> EngineSettings:
    """What the settings say of the engine, in the launcher's words; "auto" is still open (ollama_choice.py)."""
    engine = loaded.config.engine
    kind = "openai" if engine.name == "auto" and engine.url else engine.name
    model: Path | str | None = engine.model or None
    if model is not None and kind in ("auto", "embedded"):
        model = loaded.path_of("engine", "model")
    return EmbeddedSettings(
        kind=kind,
        url=engine.url or None,
        api_key=os.environ.get(engine.api_key_env) if engine.api_key_env else None,
        model=model,
        slots=engine.slots or None,
        context=engine.context,
        threads=engine.threads or None,
        cache_type=engine.cache_type,
        start_timeout=engine.start_seconds,
        form=engine.form,
        calibrations=calibrations_file(Paths.find()),
    )


def calibrations_file(paths: Paths) -> Path:
    """Where `harmonic-stack tune` keeps what it measured."""
    return paths.state / "calibrations.json"


async def plan_for(hardware: Hardware, crew: Crew, settings: EngineSettings) -> Plan:
    """The plan for *crew* on *hardware*; an engine elsewhere is asked for its models first.

    Raises:
        EngineUnreachable: there is no engine at the URL.
        OllamaMissing, ModelMissing: there is no Ollama, or it lacks a model.
        DoesNotFit, NoModel, BadModelFile, UnknownModel: there is no plan, and why.
    """
    slots = settings.slots or DEFAULT_SLOTS
    if settings.kind == "openai":
        engine = await find_engine(settings)
        model = str(settings.model) if settings.model else engine.models[0]
        return plan_elsewhere(agent_specs(crew.enabled, model), slots=slots, context=settings.context)
    if settings.kind == "ollama":
        return await plan_on_ollama(hardware, crew, settings)
    return plan_here(hardware, crew, settings)


async def plan_on_ollama(hardware: Hardware, crew: Crew, settings: EngineSettings) -> Plan:
    """The plan for an Ollama of ours; for one that runs already, the slots asked of it and no memory."""
    site = settings.ollama or await look_at_ollama(settings.url, wanted_models(str(settings.model or ""), crew))
    found = models_on(site, settings, crew)
    specs = agent_specs(crew.enabled, found.main)
    if found.facts is None:
        return plan_elsewhere(specs, slots=settings.slots or DEFAULT_SLOTS, context=settings.context)
    # On a card only the runner counts; where all share the system's memory, the server that starts it does too.
    process = None if hardware.gpus else Bytes(CPU_PROCESS + OLLAMA_SERVER)
    return plan(
        hardware,
        specs,
        found.facts,
        context=settings.context,
        slots=settings.slots,
        cache_type=settings.cache_type,
        calibration=None if process is None else Calibration(peak=None, process_bytes=process),
    )


def plan_here(hardware: Hardware, crew: Crew, settings: EngineSettings) -> Plan:
    """The plan for the embedded engine, which has no GPU code (DESIGN 3): the CPU's profile and memory."""
    facts, here = local_model(settings.model), hardware.cpu_only()
    return plan(
        here,
        agent_specs(crew.enabled, facts.name),
        {facts.name: facts},
        context=settings.context,
        slots=settings.slots,
        cache_type=settings.cache_type,
        calibration=calibration_here(settings, facts, here),
    )


def plan_for_profile(name: str, crew: Crew, settings: EngineSettings) -> Plan:
    """The plan for another box, by the name of its profile, with the models that the profile names for its roles.

    A configured model takes their place: a file that is here, or one of the profiles' models by name.

    Raises:
        UnknownProfile: there is no such profile.
        UnknownModel: an agent wants a model of which nothing is known here.
    """
    profile = profile_named(name)
    known = dict(nominal_models())
    if settings.model is None:
        specs = [
            AgentSpec(agent.name, agent.tier, agent.model or profile.model_for(agent.name, agent.tier))
            for agent in crew.enabled
        ]
    else:
        facts = known.get(Path(settings.model).name) or local_model(settings.model)
        known[facts.name] = facts
        specs = agent_specs(crew.enabled, facts.name)
    return plan(
        nominal_hardware(profile),
        specs,
        known,
        context=settings.context,
        cache_type=settings.cache_type,
        profile=profile,
    )


def plan_as_papers(name: str | None) -> Plan:
    """The plan for the papers' own crew by the papers' accounting, on the box of profile *name*, or on this one.

    Raises:
        UnknownProfile, DoesNotFit.
    """
    profile = None if name is None else profile_named(name)
    hardware = detect_hardware() if profile is None else nominal_hardware(profile)
    return papers_plan(hardware, agent_specs(load_crew(PAPERS_CREW).enabled, ""), profile=profile)


def agent_specs(agents: Sequence[Agent], model: str) -> list[AgentSpec]:
    """The agents as the launcher plans them; one without a model of its own runs on *model*."""
    return [AgentSpec(agent.name, agent.tier, agent.model or model) for agent in agents]
