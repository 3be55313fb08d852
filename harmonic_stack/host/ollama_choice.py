"""Between the settings and Ollama: whether it serves, which of its models, and which of them are missing."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harmonic_stack.config import Loaded
from harmonic_stack.crew import Crew
from launcher import (
    BadModelFile,
    EngineSettings,
    LauncherError,
    ModelFacts,
    ModelMissing,
    ModelNowhere,
    OllamaMissing,
    OllamaSite,
    look_at_ollama,
    read_gguf,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OnOllama:
    """The models that a crew needs of an Ollama; *facts* is None where its server, not ours, has them in memory."""

    main: str
    facts: dict[str, ModelFacts] | None


async def with_ollama(settings: EngineSettings, loaded: Loaded, crew: Crew) -> EngineSettings:
    """Look at Ollama, where *settings* ask for it, or leave the choice to us and it has what the crew needs.

    Raises:
        OllamaMissing, EngineUnreachable: it was asked for and is not there.
        ModelNowhere: the choice is left to us, and the configured model is neither a file nor one of Ollama's.
    """
    wanted = wanted_models(loaded.config.engine.model, crew)
    encoder = encoder_on_ollama(loaded)
    seen = [*wanted, encoder] if encoder else wanted  # an encoder that Ollama lacks is no reason against it
    if settings.kind == "ollama":
        return replace(settings, ollama=await look_at_ollama(settings.url, seen))
    if settings.kind != "auto" or (isinstance(settings.model, Path) and settings.model.exists()):
        return settings
    try:
        site = await look_at_ollama(None, seen)
        for name in wanted:
            site.find(name)
    except LauncherError as reason:
        log.info("Ollama is not taken", extra={"reason": str(reason)})
        name = loaded.config.engine.model
        if not isinstance(settings.model, Path) or _means_a_file(name):
            return settings
        if isinstance(reason, OllamaMissing | ModelMissing):
            raise ModelNowhere(name, str(reason)) from reason
        raise  # it has the model and cannot run it, or does not answer as it should
    return replace(settings, kind="ollama", url=site.url, model=loaded.config.engine.model or None, ollama=site)


def _means_a_file(name: str) -> bool:
    """True for what can only be meant as a path: a slash alone is in Ollama's names too.

    >>> _means_a_file("./tiny"), _means_a_file("tiny.gguf"), _means_a_file("library/tiny"), _means_a_file("qwen3:4b")
    (True, True, False, False)
    """
    return name.startswith(("/", "./", "../", "~")) or name.lower().endswith(".gguf")


def encoder_on_ollama(loaded: Loaded) -> str:
    """The embedding model that the settings ask of this box's Ollama; "" for none."""
    return loaded.config.encoder.model if loaded.config.encoder.engine == "ollama" else ""


def wanted_models(model: str, crew: Crew) -> list[str]:
    """The models that *crew* needs: the configured one ("" is Ollama's newest) and those of its agents."""
    return list(dict.fromkeys([model, *(agent.model for agent in crew.enabled if agent.model)]))


def missing_models(site: OllamaSite, wanted: Sequence[str]) -> list[str]:
    """Those of *wanted* that Ollama does not have; "", any model at all, cannot be pulled and is left out."""
    missing = []
    for name in filter(None, wanted):
        try:
            site.find(name)
        except ModelMissing:
            missing.append(name)
    return missing


def encoder_facts(site: OllamaSite, name: str) -> ModelFacts | None:
    """What a plan counts of the embedding model; None where Ollama's server, not ours, holds it, or it is not there.

    Then it is not used: the encoder says why (declared_encoder.py).
    """
    try:
        model = site.find(name)
        return None if site.url is not None or model.blob is None else read_gguf(model.blob, name)
    except LauncherError as reason:
        log.warning("the encoder's model is not planned", extra={"reason": str(reason)})
        return None


def models_on(site: OllamaSite, settings: EngineSettings, crew: Crew) -> OnOllama:
    """The crew's models as the plan needs them.

    Raises:
        ModelMissing: Ollama does not have one of them.
        BadModelFile: its file is broken, or is not there to be read.
    """
    main = str(settings.model) if settings.model else site.find("").name
    names = wanted_models(main, crew)
    found = {name: site.find(name) for name in names}
    if site.url is not None:
        return OnOllama(main, None)
    facts = {}
    for name, model in found.items():
        if model.blob is None:
            raise BadModelFile(Path(model.name), "Ollama does not tell which file it runs it from")
        facts[name] = read_gguf(model.blob, name)
    return OnOllama(main, facts)
