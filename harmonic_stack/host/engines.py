"""Which engines a crew needs: the one of the settings, and one more for each that its agents name."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harmonic_stack.config import Loaded
from harmonic_stack.crew import Agent, Crew
from harmonic_stack.host.ollama_choice import encoder_on_ollama, with_ollama
from harmonic_stack.host.paths import Paths
from harmonic_stack.host.roles import all_there, has_any, models_for_roles, sizes_of
from launcher import EngineSettings, Hardware, LauncherError, ModelMissing, clamp_reason, local_model
from launcher.embedded_devices import with_card
from launcher.hub import fetched, read_name

MAIN = ""  # what the engine of the settings is called among them


@dataclass(frozen=True)
class Needed:
    """The settings of each engine by its name in the plan, and for each agent: that name and its model there.

    A model that is "" is the engine's own. ``moved`` says in a sentence each model that another engine serves than
    the one that was asked; ``encoder`` is the model that Ollama is to hold beside, for vectors.
    """

    settings: Mapping[str, EngineSettings]
    agents: Mapping[str, tuple[str, str]]
    moved: tuple[str, ...] = ()
    encoder: str = ""

    @property
    def main(self) -> EngineSettings:
        """The settings of the engine that most agents are on."""
        return self.settings.get(MAIN) or next(iter(self.settings.values()))


def on_main(crew: Crew) -> Crew:
    """The agents that name no engine of their own."""
    return crew.only([agent.name for agent in crew.enabled if not agent.engine])


async def needed_engines(settings: EngineSettings, loaded: Loaded, crew: Crew, hardware: Hardware) -> Needed:
    """Find out which engines *crew* needs beside the one of *settings*, where that choice is left to us included.

    Raises:
        OllamaMissing, EngineUnreachable: an Ollama was asked for and is not there.
        ModelMissing: it has no model at all.
        BadModelFile: an agent's own GGUF file is broken.
    """
    settings = await with_card(settings, hardware)
    guests = [agent for agent in crew.enabled if agent.engine]
    hosts = on_main(crew)
    found: dict[str, EngineSettings] = {}
    if hosts.enabled:
        found[MAIN] = await with_ollama(settings, loaded, hosts)
    roles = _roles(found.get(MAIN), hosts, hardware)
    agents = {agent.name: (MAIN, agent.model or roles.get(agent.name, "")) for agent in hosts.enabled}
    on_ollama = crew.only([agent.name for agent in guests if agent.engine == "ollama"])
    for agent in guests:
        own = _settings_of(agent, settings, loaded)
        key = f"embedded {own.model or ''}".strip() if own.kind == "embedded" else own.url or own.kind
        if MAIN in found and _same(own, found[MAIN]):
            key = MAIN
        if key not in found:
            found[key] = await with_ollama(own, loaded, on_ollama) if own.kind == "ollama" else own
        model = local_model(own.model).name if own.kind == "embedded" else agent.model
        agents[agent.name] = (key, model)
    return _without_clamped(Needed(found, agents, encoder=encoder_on_ollama(loaded)), loaded)


def _settings_of(agent: Agent, main: EngineSettings, loaded: Loaded) -> EngineSettings:
    """What the settings say of an engine, for the one that *agent* names."""
    own = replace(main, url=None, api_key=None, ollama=None, model=None)
    if agent.engine == "ollama":
        return replace(own, kind="ollama")
    if agent.engine == "embedded":
        return replace(own, kind="embedded", model=_file_of(agent, loaded))
    key = os.environ.get(agent.api_key_env) if agent.api_key_env else None
    return replace(own, kind="openai", url=agent.engine, api_key=key)


def _roles(main: EngineSettings | None, crew: Crew, hardware: Hardware) -> dict[str, str]:
    """The profile's models by agent, where nothing is configured and Ollama has all of them."""
    if main is None or main.ollama is None or main.model:
        return {}
    roles = models_for_roles(hardware, crew, main)
    if all_there(main.ollama, roles):
        return roles
    if not has_any(main.ollama):
        raise ModelMissing("", [], sizes_of(roles).keys())
    return {}


def models_folder(paths: Paths) -> Path:
    """Where models of the hub are kept."""
    return paths.data / "models"


def _file_of(agent: Agent, loaded: Loaded) -> Path | None:
    """The GGUF file that *agent* names, by its path from the crew file's folder or by its name on the hub."""
    if not agent.model:
        return None
    if (name := read_name(agent.model)) is not None:
        return fetched(name, models_folder(Paths.find()))
    crew_file = loaded.path_of("crew", "file")
    return (crew_file.parent if crew_file is not None else Path()) / Path(agent.model).expanduser()


def _same(one: EngineSettings, main: EngineSettings) -> bool:
    """True where an agent names the engine that the settings name too."""
    if one.kind == "embedded":
        return main.kind in ("auto", "embedded") and one.model == main.model
    return one.kind == main.kind and (one.kind == "ollama" or one.url == main.url)


def _without_clamped(needed: Needed, loaded: Loaded) -> Needed:
    """Move the models that Ollama gives one slot to the embedded engine, where the settings allow it."""
    if loaded.config.engine.clamped == "keep":
        return needed
    found, agents, moved = dict(needed.settings), dict(needed.agents), []
    for key, settings in needed.settings.items():
        if settings.ollama is None:
            continue
        mine = {name: model for name, (engine, model) in needed.agents.items() if engine == key}
        for model in dict.fromkeys(mine.values()):
            name = model or str(settings.model or "")
            try:
                listed = settings.ollama.find(name)
            except LauncherError:
                continue  # for the plan to refuse
            reason = clamp_reason(listed.family, settings.ollama.version)
            if reason is None or listed.blob is None or not os.access(listed.blob, os.R_OK):
                continue
            other, alias = f"embedded {listed.blob}", name or listed.name
            found[other] = replace(settings, kind="embedded", url=None, model=listed.blob, alias=alias, ollama=None)
            agents |= {agent: (other, alias) for agent, own in mine.items() if own == model}
            moved.append(f"{alias} is served by the embedded engine: {reason}")
    kept = {engine for engine, _ in agents.values()}
    return replace(
        needed, settings={key: found[key] for key in found if key in kept}, agents=agents, moved=tuple(moved)
    )
