"""`doctor`: asks the box everything that the checks need, and prints one line a finding."""

import asyncio
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
import typer

from harmonic_stack.cli.client import fetch
from harmonic_stack.cli.look import AsJson
from harmonic_stack.cli.output import show_json
from harmonic_stack.config import Config, Loaded
from harmonic_stack.crew import load_crew
from harmonic_stack.errors import DaemonRefused, HarmonicError, NotRunning
from harmonic_stack.host.doctor import Box, Finding, Level, OllamaFacts, examine
from harmonic_stack.host.encoder_probe import probe_encoder
from harmonic_stack.host.ollama_choice import wanted_models
from harmonic_stack.host.paths import Paths
from harmonic_stack.host.planning import encoder_file, plan_now
from harmonic_stack.host.ports import listeners
from harmonic_stack.problems import problem_of
from launcher import Hardware, LauncherError, OllamaApi, Plan, clamp_reason, detect_hardware, in_gb, same_model
from launcher.ollama_site import server_address
from launcher.plan_words import refusal_words

T = TypeVar("T")


def doctor(as_json: AsJson = False) -> None:
    """Look for what is wrong with this box; exit code 1 if anything is."""
    logging.getLogger().addHandler(logging.NullHandler())  # what a look logs as a warning is a finding here
    findings = examine(_ask())
    if as_json:
        show_json({"findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            typer.echo(_line(finding))
    if any(finding.level is Level.WRONG for finding in findings):
        raise typer.Exit(1)


def _line(finding: Finding) -> str:
    remedy = f" -> {finding.remedy}" if finding.remedy else ""
    return f"{finding.level.value:8} {finding.what}{remedy}"


def _ask() -> Box:
    loaded, problem = _settings()
    paths = Paths.find()
    hardware = _or_none(detect_hardware, LauncherError, OSError)
    ollama, ollama_problem = _ollama_facts(loaded)
    models = Path(os.environ.get("OLLAMA_MODELS") or Path.home() / ".ollama/models")
    folder = next(parent for parent in (paths.data, *paths.data.parents) if parent.exists())
    box = Box(
        hardware=hardware,
        environment=dict(os.environ),
        port=(loaded.config if loaded is not None else Config()).server.port,
        listeners=listeners(),
        free_disk=_or_none(lambda: shutil.disk_usage(folder).free, OSError),
        render_nodes={str(node): os.access(node, os.R_OK | os.W_OK) for node in Path("/dev/dri").glob("render*")},
        ollama_version=_or_none(_ollama_version, httpx.HTTPError, ValueError, KeyError),
        status=_or_none(_status, NotRunning, DaemonRefused),
        settings_problem=problem,
        planned=None,
        data_folder=folder,
        ollama=ollama,
        ollama_problem=ollama_problem,
        context=(loaded.config if loaded is not None else Config()).engine.context,
        models_folder=models if models.is_dir() else None,
        models_disk=_or_none(lambda: shutil.disk_usage(models).free, OSError),
    )
    return box if loaded is None or hardware is None else _with_plan(box, loaded, hardware)


def _settings() -> tuple[Loaded | None, str | None]:
    try:
        loaded = Config.load()
        load_crew(loaded.path_of("crew", "file"))
    except HarmonicError as error:
        return None, str(error).splitlines()[0]
    return loaded, None


def _with_plan(box: Box, loaded: Loaded, hardware: Hardware) -> Box:
    """*box* with what a start would plan now, or why it would not."""
    try:
        found = asyncio.run(plan_now(loaded, hardware))
    except (HarmonicError, LauncherError) as error:
        box = replace(box, plan_problem=str(error), plan_remedy=problem_of(error).remedy)
        return _with_encoder(box, loaded, launched=False)
    left_out = [refusal_words(refused).rstrip(".") for refused in found.refused]
    if box.status is None:  # else what runs tells who is absent
        left_out += [f"{', '.join(absent.agents)} left out: {absent.reason}" for absent in found.absent]
    return _with_encoder(replace(box, planned=_taken(found), left_out=left_out), loaded, launched=bool(found.beside))


def _with_encoder(box: Box, loaded: Loaded, *, launched: bool) -> Box:
    """*box* with how the declared encoder is: as the running stack tells it, else asked for vectors now."""
    if not loaded.config.encoder.engine:
        return box
    if box.status is not None:
        return replace(box, encoder=box.status["encoder"])
    keep, wait = encoder_file(Paths.find()), loaded.config.engine.connect_seconds
    try:
        probe = probe_encoder(loaded.config.encoder, keep, launched=launched, connect_seconds=wait)
        return replace(box, encoder=asyncio.run(probe))
    except LauncherError as error:
        return replace(box, encoder_problem=str(error))


def _taken(found: Plan) -> str:
    models = ", ".join(dict.fromkeys(pool.model for pool in found.pools))
    return f"{models}, {in_gb(found.shared_bytes)} of {in_gb(found.budget_bytes)}" if found.budget_bytes else models


def _status() -> Mapping[str, Any]:
    found: Mapping[str, Any] = fetch("/admin/status")
    return found


def _ollama_version() -> str:
    return str(httpx.get(f"{server_address()}/api/version", timeout=1.0, trust_env=False).json()["version"])


def _ollama_facts(loaded: Loaded | None) -> tuple[OllamaFacts | None, str | None]:
    """What an Ollama that answers has loaded, and which of the crew's models it would clamp; else why not."""
    api = OllamaApi(server_address())
    if _or_none(_ollama_version, httpx.HTTPError, ValueError, KeyError) is None:
        return None, None
    crew = None if loaded is None else load_crew(loaded.path_of("crew", "file"))
    wanted = [] if loaded is None or crew is None else wanted_models(loaded.config.engine.model, crew)

    async def ask() -> OllamaFacts:
        version, models, held = await api.version(), await api.models(), await api.loaded()
        mine = [model for model in models if any(same_model(model.name, name) for name in wanted if name)]
        reasons = (clamp_reason(model.family, version) for model in mine)
        return OllamaFacts(held, tuple(dict.fromkeys(filter(None, reasons))))

    try:
        return asyncio.run(ask()), None
    except LauncherError as error:
        return None, str(error)


def _or_none(ask: Callable[[], T], *failures: type[Exception]) -> T | None:
    """What *ask* gives, None where the box would not tell."""
    try:
        return ask()
    except failures:
        return None
