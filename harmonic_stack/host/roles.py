"""The models that a profile names for the crew's roles: which of them this box has room for."""

from collections.abc import Mapping

from harmonic_stack.crew import Crew
from launcher import (
    AgentSpec,
    DoesNotFit,
    EngineSettings,
    Hardware,
    LauncherError,
    OllamaSite,
    choose_profile,
    nominal_models,
    plan,
)


def models_for_roles(hardware: Hardware, crew: Crew, settings: EngineSettings) -> dict[str, str]:
    """Return for each agent without a model of its own the profile's model for its role; {} where none fits.

    An agent whose model finds no room takes the first agent's.
    """
    profile = choose_profile(hardware)
    open_ones = [agent for agent in crew.enabled if not agent.model]
    specs = [AgentSpec(agent.name, agent.tier, profile.model_for(agent.name, agent.tier)) for agent in open_ones]
    try:
        found = plan(hardware, specs, nominal_models(), context=settings.context, cache_type=settings.cache_type)
    except (DoesNotFit, ValueError):
        return {}
    fitting = {agent.name: agent.model for agent in found.agents}
    return {spec.name: fitting.get(spec.name, found.agents[0].model) for spec in specs}


def sizes_of(models: Mapping[str, str]) -> dict[str, int]:
    """Return the models of these agents, each once, with the bytes that the profile's figures give its weights."""
    return {model: nominal_models()[model].weights for model in dict.fromkeys(models.values())}


def all_there(site: OllamaSite, models: Mapping[str, str]) -> bool:
    """True where Ollama has every one of these agents' models."""
    try:
        for model in models.values():
            site.find(model)
    except LauncherError:
        return False
    return bool(models)


def has_any(site: OllamaSite) -> bool:
    """True where Ollama has a model that writes text."""
    return any(model.completes for model in site.models)
