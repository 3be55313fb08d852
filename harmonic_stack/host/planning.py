"""Between the settings and the launcher: which engine is asked for, and the plan for this crew on this box."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harmonic_stack.config import Loaded
from harmonic_stack.crew import PAPERS_CREW, Agent, Crew, load_crew
from harmonic_stack.host.engines import Needed, models_folder, needed_engines
from harmonic_stack.host.ollama_choice import encoder_facts, models_on, wanted_models
from harmonic_stack.host.paths import Paths
from launcher import (
    Absent,
    AgentSpec,
    Bytes,
    Calibration,
    EngineSettings,
    EngineUnreachable,
    Hardware,
    ModelFacts,
    Plan,
    detect_hardware,
    find_engine,
    joined,
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
from launcher.embedded_devices import Usable, usable_by_embedded
from launcher.form import EmbeddedSettings
from launcher.hub import fetched, read_name
from launcher.openai_engine import DEFAULT_SLOTS


def engine_settings(loaded: Loaded) -> EngineSettings:
    """What the settings say of the engine, in the launcher's words; "auto" is still open (ollama_choice.py).

    Raises:
        ModelNotFetched: the model is one of the hub, and not on this disk.
    """
    engine = loaded.config.engine
    kind = "openai" if engine.name == "auto" and engine.url else engine.name
    model: Path | str | None = engine.model or None
    if model is not None and kind in ("auto", "embedded"):
        name = read_name(engine.model)
        model = loaded.path_of("engine", "model") if name is None else fetched(name, models_folder(Paths.find()))
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


def encoder_file(paths: Paths) -> Path:
    """Where the daemon keeps the vectors by which it knows the declared encoder again."""
    return paths.state / "encoder.json"


async def plan_now(loaded: Loaded, hardware: Hardware) -> Plan:
    """The plan that a start with these settings would follow now.

    Raises:
        What `engine_settings`, `needed_engines` and `plan_for` raise.
    """
    crew, settings = load_crew(loaded.path_of("crew", "file")), engine_settings(loaded)
    return await plan_for(hardware, crew, await needed_engines(settings, loaded, crew, hardware))


async def plan_for(hardware: Hardware, crew: Crew, needed: Needed) -> Plan:
    """The plan for *crew* on *hardware*: one sum for all engines of this box, beside those that run elsewhere.

    Agents whose own engine does not answer are left out, and the plan names them.

    Raises:
        EngineUnreachable: there is no engine at the executive's URL.
        OllamaMissing, ModelMissing: there is no Ollama, or it lacks a model.
        DoesNotFit, NoModel, BadModelFile, UnknownModel: there is no plan, and why.
    """
    parts, absent = await _parts(crew, needed)
    names = [agent.name for agent in crew.enabled]
    main = needed.main
    away = [spec for part in parts if part.facts is None for spec in part.specs]
    told = {part.engine: part.slots for part in parts if part.slots is not None}
    known = main.slots or DEFAULT_SLOTS
    elsewhere = plan_elsewhere(away, slots=known, context=main.context, told=told) if away else None
    local = [part for part in parts if part.facts is not None]
    if not local:
        assert elsewhere is not None, "a crew has an agent"
        return _without(elsewhere, absent)
    embedded = next((part.settings for part in local if part.settings.kind != "ollama"), None)
    usable = None if embedded is None else await usable_by_embedded(embedded, hardware)
    found = _plan_here(hardware, names, local, main, usable, _beside(needed, local))
    whole = found if elsewhere is None else joined(found, elsewhere, names)
    said = () if usable is None else (usable.words,)
    return _without(replace(whole, decisions=(*said, *whole.decisions, *needed.moved)), absent)


@dataclass(frozen=True)
class _Part:
    """What one engine adds to a plan; *facts* is None where no memory of this box is planned for it.

    *slots* are what a server elsewhere tells; None: it tells none, the user has set them, or the engine is ours.
    """

    engine: str
    settings: EngineSettings
    specs: list[AgentSpec]
    facts: dict[str, ModelFacts] | None
    slots: int | None = None


async def _parts(crew: Crew, needed: Needed) -> tuple[list[_Part], list[Absent]]:
    """What each engine adds, and the agents whose engine is not there; the executive's must be."""
    parts, absent = [], []
    for engine in needed.settings:
        try:
            parts.append(await _part(engine, crew, needed))
        except EngineUnreachable as error:
            mine = tuple(agent.name for agent in crew.enabled if needed.agents[agent.name][0] == engine)
            if crew.executive in mine:
                raise
            absent.append(Absent(mine, str(error)))
    return parts, absent


def _beside(needed: Needed, local: Sequence[_Part]) -> dict[str, ModelFacts]:
    """The encoder's model by the engine that holds it, where that is an Ollama of ours."""
    if not needed.encoder:
        return {}
    found = {
        part.engine: encoder_facts(part.settings.ollama, needed.encoder)
        for part in local
        if part.settings.ollama is not None and needed.encoder not in (part.facts or {})
    }
    return {engine: facts for engine, facts in found.items() if facts is not None}


def _without(found: Plan, absent: Sequence[Absent]) -> Plan:
    words = [f"{', '.join(each.agents)} left out: {each.reason}." for each in absent]
    return replace(found, absent=tuple(absent), decisions=(*found.decisions, *words))


async def _part(engine: str, crew: Crew, needed: Needed) -> _Part:
    settings = needed.settings[engine]
    mine = [
        replace(agent, model=needed.agents[agent.name][1])
        for agent in crew.enabled
        if needed.agents[agent.name][0] == engine
    ]
    facts: dict[str, ModelFacts] | None = None
    slots: int | None = None
    if settings.kind == "openai":
        main, slots = await _elsewhere(settings)
    elif settings.kind == "ollama":
        own = replace(crew, agents=tuple(mine))
        site = settings.ollama or await look_at_ollama(settings.url, wanted_models(str(settings.model or ""), own))
        found = models_on(site, settings, own)
        main, facts = found.main, found.facts
    else:
        model = local_model(settings.model, settings.alias)
        main, facts = model.name, {model.name: model}
    return _Part(engine, settings, [replace(spec, engine=engine) for spec in agent_specs(mine, main)], facts, slots)


async def _elsewhere(settings: EngineSettings) -> tuple[str, int | None]:
    """The model of a server that is not ours, and the slots that it tells; one whose model is set may be away."""
    try:
        server = await find_engine(settings)
    except EngineUnreachable:
        if not settings.model:
            raise
        return str(settings.model), None
    return str(settings.model or server.models[0]), server.slots if server.told else None


def _plan_here(
    hardware: Hardware,
    names: Sequence[str],
    parts: Sequence[_Part],
    main: EngineSettings,
    usable: Usable | None,
    beside: Mapping[str, ModelFacts],
) -> Plan:
    """The plan for the engines of this box; *usable* is what the embedded ones can use of it, None without any."""
    embedded = [part for part in parts if part.settings.kind != "ollama"]
    alone = len(embedded) == len(parts)
    here = usable.hardware if usable is not None and alone else hardware
    calibration = None
    if not alone and not hardware.gpus:
        # On a card only the runner counts; where all share the system's memory, the server that starts it does too.
        calibration = Calibration(peak=None, process_bytes=Bytes(CPU_PROCESS + OLLAMA_SERVER))
    elif alone and len(parts) == 1 and parts[0].facts is not None:
        (facts,) = parts[0].facts.values()
        calibration = calibration_here(parts[0].settings, facts, here)
    specs = sorted((spec for part in parts for spec in part.specs), key=lambda spec: names.index(spec.name))
    return plan(
        here,
        specs,
        {name: facts for part in parts for name, facts in (part.facts or {}).items()},
        context=main.context,
        slots=main.slots,
        cache_type=main.cache_type,
        calibration=calibration,
        no_gpu=() if alone or usable is None or usable.gpu else [part.engine for part in embedded],
        beside=beside,
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
