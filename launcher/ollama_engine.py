"""Ollama as an engine: our own `ollama serve` behind a guard, or a server that runs already and is left as it is."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from launcher.child import Child, State, clean_environment
from launcher.engine import Dialect, EngineSettings, Report
from launcher.errors import LauncherError, OllamaMissing
from launcher.hardware import detect_hardware
from launcher.loopback import HOST, free_port
from launcher.ollama_api import OllamaApi, same_model, version_at
from launcher.ollama_env import clamp_reason, environment, ollama_variables
from launcher.ollama_holds import Placement, log_since, read_placement, resident_at
from launcher.ollama_site import OllamaSite, look_at_ollama, server_address
from launcher.plan_types import Plan
from launcher.types import in_gb

# A server that is not ours must not hold our models for ever, should we be killed before we can free them.
ADOPTED_KEEP_ALIVE = "30m"
OWN_KEEP_ALIVE = -1  # for ever

log = logging.getLogger(__name__)


@dataclass
class OllamaEngine:
    """A running Ollama; see Engine for what each name means. *child* is None for an adopted server."""

    base_url: str
    slots: int
    models: tuple[str, ...]
    request: Mapping[str, Any]
    version: str
    families: Mapping[str, str]  # of each model
    child: Child | None = None
    note: str | None = None
    placement: Placement | None = None  # of the weights, where its log is ours to read
    key: None = None
    name: str = "ollama"
    dialect: Dialect = "ollama"
    _adopted_state: State = field(default="ready", repr=False)

    @property
    def state(self) -> State:
        return self._adopted_state if self.child is None else self.child.state

    @property
    def log(self) -> Path | None:
        return None if self.child is None else self.child.log

    def pids(self) -> list[int]:
        return [] if self.child is None else self.child.pids()

    async def health(self) -> bool:
        serves = await version_at(self.base_url) is not None
        self._adopted_state = "ready" if serves else "failed"
        return serves

    def shortfall(self, model: str, /) -> str | None:
        """Return why it may run fewer requests of *model* at a time than it was asked for."""
        if reason := clamp_reason(self.families.get(model, ""), self.version):
            return reason
        if self.child is None:
            return (
                f"the Ollama at {self.base_url} ran before us and has its own OLLAMA_NUM_PARALLEL: start it with "
                f"OLLAMA_NUM_PARALLEL={self.slots}, or stop it and a server of ours takes its place"
            )
        return None


@asynccontextmanager
async def ollama_engine(
    settings: EngineSettings, plan: Plan, *, run_dir: Path, log_dir: Path, report: Report
) -> AsyncIterator[OllamaEngine]:
    """Run the plan's models on Ollama, every one of them loaded; free them at the end.

    Raises OllamaMissing, EngineUnreachable, ModelMissing, ModelNotLoaded, EngineFailed and EngineNotReady.
    """
    site = settings.ollama or await look_at_ollama(settings.url, [pool.model for pool in plan.pools])
    serving = _adopted(site) if site.url is not None else _own(site, settings, plan, run_dir, log_dir, report)
    async with serving as (url, child):
        engine = OllamaEngine(
            url,
            slots=max(pool.slots for pool in plan.pools),
            models=tuple(dict.fromkeys(pool.model for pool in plan.pools)),
            request=request_fields(plan, settings, OWN_KEEP_ALIVE if child is not None else ADOPTED_KEEP_ALIVE),
            version=site.version,
            families={pool.model: site.find(pool.model).family for pool in plan.pools},
            child=child,
        )
        api = OllamaApi(url)
        before = await api.loaded()
        there_before = before.keys()
        log_start = child.log.stat().st_size if child is not None and child.log.exists() else 0
        if child is None:
            engine.note = await asyncio.to_thread(_held, url, before)
            report(engine.note)
        try:
            await _load_all(api, engine, settings, report)
            if child is not None:
                engine.placement = read_placement(log_since(child.log, log_start))
                if engine.placement is not None and engine.placement.split:
                    engine.note = _split_words(engine.placement)
                    report(engine.note)
            yield engine
        finally:
            if child is None:
                await _free(api, engine.models, there_before)


def request_fields(plan: Plan, settings: EngineSettings, keep_alive: int | str) -> Mapping[str, Any]:
    """Return what every request carries beside its own fields, the same on each.

    A load option that differs makes Ollama unload the model and load it anew (its server/sched.go, needsReload), so
    they stand here alone: context, threads and the shift flag. What does not fit the context is refused, not cut;
    and a model that could think does not: a draft of some hundred tokens would be thoughts alone.
    """
    options = {"num_ctx": plan.context} | ({"num_thread": settings.threads} if settings.threads else {})
    return {"keep_alive": keep_alive, "shift": False, "truncate": False, "think": False, "options": options}


@asynccontextmanager
async def _adopted(site: OllamaSite) -> AsyncIterator[tuple[str, Child | None]]:
    assert site.url is not None  # it is what makes it adopted
    yield site.url, None


@asynccontextmanager
async def _own(
    site: OllamaSite, settings: EngineSettings, plan: Plan, run_dir: Path, log_dir: Path, report: Report
) -> AsyncIterator[tuple[str, Child | None]]:
    """Start `ollama serve` with the environment of this version, hardware and plan."""
    if site.program is None:
        raise OllamaMissing(server_address())
    address = f"{HOST}:{free_port()}"
    variables = ollama_variables(site.version, await asyncio.to_thread(detect_hardware), plan, address=address)
    for variable in variables:
        log.info("environment", extra={"variable": variable.name, "value": variable.value, "why": variable.why})
    child = Child(
        "engine",
        [str(site.program), "serve"],
        log=log_dir / "engine.log",
        env=environment(clean_environment(), variables),
        record=run_dir / "engine.json",
    )
    url = f"http://{address}"
    slots, models = max(pool.slots for pool in plan.pools), ", ".join(pool.model for pool in plan.pools)
    report(f"starting Ollama {site.version}: {models}, {slots} slots of {plan.context} tokens")
    begun = time.monotonic()
    try:
        await child.start()
        await child.wait_ready(lambda: _serves(url), settings.start_timeout)
        report(f"Ollama serves after {time.monotonic() - begun:.1f} s")
        yield url, child
    finally:
        await child.stop()


def _held(url: str, loaded: Mapping[str, int]) -> str:
    """Say what a server that is not ours held before we asked it for anything: no memory of it is planned."""
    models = ", ".join(f"{name} ({context} tokens a slot)" for name, context in loaded.items()) or "no model"
    parts = urlsplit(url)
    size = resident_at(parts.port or 80) if parts.hostname in ("127.0.0.1", "localhost", "::1") else None
    memory = "in memory that is not shown to us" if size is None else f"in {in_gb(size)} of the system's memory"
    return f"the Ollama at {url} ran before us and is left as it is; it holds {models}, {memory}"


def _split_words(placement: Placement) -> str:
    layers = ", ".join(f"{on} of {everything}" for on, everything in placement.layers)
    return (
        f"{layers} layers are on the GPU ({in_gb(placement.gpu)}), the CPU computes the others: choose a smaller "
        "model, a smaller engine.context, or engine.cache_type q8_0"
    )


async def _load_all(api: OllamaApi, engine: OllamaEngine, settings: EngineSettings, report: Report) -> None:
    """Load every model now: a file that is broken or too large is told at the start, not by the first question."""
    for model in engine.models:
        begun = time.monotonic()
        await api.load(model, engine.request, timeout=settings.start_timeout)
        report(f"{model} is loaded after {time.monotonic() - begun:.1f} s")


async def _free(api: OllamaApi, models: tuple[str, ...], there_before: Collection[str]) -> None:
    """Unload what was loaded for us; a server that has gone meanwhile holds nothing."""
    for model in models:
        if not any(same_model(model, other) for other in there_before):
            with suppress(LauncherError):
                await api.unload(model)


async def _serves(url: str) -> bool:
    return await version_at(url) is not None
