"""The embedded engine as a child of ours with a port and key of its own: the faster of its two forms that generates."""

import asyncio
import json
import logging
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from launcher.child import Child, State, clean_environment
from launcher.demo_model import DEMO_NOTE, local_model
from launcher.embedded import BAD_MODEL, BAD_SETTINGS, NOT_LOADABLE, Settings
from launcher.engine import Dialect, EngineSettings, Report
from launcher.errors import EngineFailed, EngineNotLoadable, UnknownModel
from launcher.form import Form, choose
from launcher.hardware import detect_hardware
from launcher.http_client import control_client, model_ids
from launcher.levers import STOCK, Levers
from launcher.llama_server import Program, arguments, environment, options_in
from launcher.loopback import HOST, free_port
from launcher.ollama_env import only_card
from launcher.one_token import one_token
from launcher.plan_types import Plan, Pool
from launcher.probe_host import default_threads, read_cpu
from launcher.restart import NEVER, Restart
from launcher.types import ModelFacts

RESTART = Restart(final_codes=frozenset({BAD_SETTINGS, BAD_MODEL, NOT_LOADABLE}))
HELP_LIMIT = 10.0  # seconds that a user's own llama-server may take to list its options
POLL = 0.05

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EmbeddedEngine:
    """llama.cpp in a child process on loopback; see Engine for what each name means."""

    child: Child
    base_url: str
    key: str
    slots: int
    models: tuple[str, ...]
    note: str | None
    form: Form = "xllamacpp"
    version: str | None = None  # of the build that serves
    levers: Levers = STOCK
    name: str = "embedded"
    dialect: Dialect = "openai"
    request: Mapping[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> State:
        return self.child.state

    @property
    def log(self) -> Path:
        return self.child.log

    def shortfall(self, _model: str, /) -> str | None:
        return None

    def pids(self) -> list[int]:
        return self.child.pids()

    async def health(self) -> bool:
        # With the key: a stranger who took the port in between would not know the model.
        async with control_client(self.key, timeout=2.0) as client:
            try:
                return model_ids(await client.get(f"{self.base_url}/models")) == self.models
            except httpx.HTTPError:
                return False


@asynccontextmanager
async def embedded_engine(
    settings: EngineSettings, plan: Plan, *, run_dir: Path, log_dir: Path, report: Report
) -> AsyncIterator[EmbeddedEngine]:
    """Serve the plan's model from a child process; stop it at the end.

    1. Take the form that the settings ask for; left to us, `llama-server` where this CPU has one that can run.
    2. Start it with the plan's levers. `llama-server` must generate a token before it is taken: a crash, or a model
       that its build does not know, and the other form is started instead, without levers, which were not measured
       with it; not where the settings insist, nor where the plan is for a GPU, which the other form cannot use.

    Raises NoModel, BadModelFile, UnknownModel (it serves one model), EngineFailed, EngineNotLoadable and
    EngineNotReady.
    """
    facts = local_model(settings.model, settings.alias)
    pool = _only_pool(plan, facts)
    serve = _what_to_serve(settings, plan, pool, facts)
    note = DEMO_NOTE if settings.model is None else None
    chosen = await asyncio.to_thread(choose, settings)
    told = f"; {said}" if (said := plan.levers.words()) else ""
    size = f"{pool.slots} slots of {plan.context} tokens"
    report(f"starting the embedded engine ({chosen.form}): {pool.model}, {size}{told}")
    begun = time.monotonic()
    if serve.gpu and chosen.form == "xllamacpp":
        raise EngineFailed("xllamacpp", None, "the plan is for a GPU, and this form of the engine has no code for one")
    cards = only_card(await asyncio.to_thread(detect_hardware), pool.device) if serve.gpu else []
    shown = {variable.name: variable.value for variable in cards if variable.value is not None}
    engine = await _make(chosen.form, chosen.program, serve, note, run_dir, log_dir, shown=shown)
    engine = replace(engine, levers=plan.levers)
    try:
        try:
            await _start(engine, settings.start_timeout)
        except EngineFailed as failure:
            if chosen.form == "xllamacpp" or chosen.forced or serve.gpu:
                raise
            await engine.child.stop()
            report(f"{failure}; the other form, xllamacpp, is taken")
            log.warning("llama-server does not serve this model here", extra={"log_tail": failure.log_tail})
            plain = _what_to_serve(settings, replace(plan, levers=STOCK), pool, facts)
            engine = await _make("xllamacpp", None, plain, note, run_dir, log_dir)
            await _start(engine, settings.start_timeout)
        build = chosen if engine.form == chosen.form else replace(chosen, form=engine.form, program=None)
        engine = replace(engine, version=build.build.removeprefix(f"{build.form} "))
        report(f"the engine is ready after {time.monotonic() - begun:.1f} s")
        yield engine
    finally:
        await engine.child.stop()


def _only_pool(plan: Plan, facts: ModelFacts) -> Pool:
    for pool in plan.pools:
        if pool.model != facts.name:
            raise UnknownModel(pool.model, [facts.name])
    return plan.pools[0]


def _what_to_serve(settings: EngineSettings, plan: Plan, pool: Pool, facts: ModelFacts) -> Settings:
    return Settings(
        model=str(facts.path),
        alias=pool.model,
        key=secrets.token_urlsafe(32),
        port=free_port(),
        slots=pool.slots,
        context=plan.context,
        threads=settings.threads or plan.levers.threads or default_threads(read_cpu()),
        cache_type=plan.levers.cache_type or plan.cache_type,
        host=HOST,
        gpu=pool.device != "cpu",
        backend_sampling=plan.levers.backend_sampling,
        flash_attention=plan.levers.flash_attention,
        ubatch=plan.levers.ubatch,
    )


async def _make(
    form: Form,
    program: Program | None,
    serve: Settings,
    note: str | None,
    run_dir: Path,
    log_dir: Path,
    *,
    shown: Mapping[str, str] | None = None,
) -> EmbeddedEngine:
    """Return the engine in this form, not started yet; raise EngineFailed where its program is missing.

    *shown* are the variables that show `llama-server` one card alone.
    """
    if form == "llama-server":
        if program is None:
            raise EngineFailed("llama-server", None, "")
        known = None if program.pinned else options_in(await told_by(program.path, "--help"))
        argv = arguments(program.path, serve, known)
        secret, env = f"{serve.key}\n", {**environment(), **(shown or {})}
    else:
        # -P: the folder of embedded.py is not searched for modules; it has a types.py of its own.
        argv = [sys.executable, "-P", str(Path(__file__).with_name("embedded.py"))]
        secret, env = json.dumps(asdict(serve)) + "\n", clean_environment()
    child = Child(
        "engine",
        argv,
        log=log_dir / "engine.log",
        env=env,
        secret=secret.encode(),
        restart=RESTART,
        record=run_dir / "engine.json",
    )
    return EmbeddedEngine(
        child, f"http://{HOST}:{serve.port}/v1", serve.key, serve.slots, (serve.alias,), note, form=form
    )


async def _start(engine: EmbeddedEngine, timeout: float) -> None:
    """Start the engine and wait until it serves; `llama-server` has one try only, and must generate."""
    begun = time.monotonic()
    child = engine.child
    await child.start()
    waiting = asyncio.ensure_future(child.wait_ready(engine.health, timeout))
    try:
        while not waiting.done():
            # It exits with 1 for whatever goes wrong, and dies of a signal on a CPU that it was not built for.
            if engine.form == "llama-server" and child.state == "restarting":
                raise EngineFailed("llama-server", child.exit_code, child.log_tail())
            await asyncio.wait({waiting}, timeout=POLL)
        waiting.result()
    except EngineFailed as failure:
        if engine.form == "xllamacpp" and failure.exit_code == NOT_LOADABLE:
            raise EngineNotLoadable(_reason(failure.log_tail), failure.log_tail) from failure
        raise
    finally:
        waiting.cancel()
    if engine.form == "llama-server":
        left = timeout - (time.monotonic() - begun)
        if why := await one_token(engine.base_url, engine.key, engine.models[0], timeout=max(1.0, left)):
            raise EngineFailed("llama-server", child.exit_code, f"{child.log_tail()}\n{why}")


def _reason(log: str) -> str:
    """Return why embedded.py could not serve, as the last such line of its log tells."""
    told = [line for line in log.splitlines() if line.startswith('{"failed"')]
    return str(json.loads(told[-1])["reason"]) if told else "no reason is in its log"


async def told_by(program: Path, word: str) -> str:
    """Return what a `llama-server` prints for `--help` or `--list-devices`."""
    with tempfile.TemporaryDirectory() as folder:
        child = Child(
            f"llama-server {word}", [str(program), word], log=Path(folder) / "told", env=environment(), restart=NEVER
        )
        try:
            await child.start()
            with suppress(EngineFailed):  # it ends at once, as it should
                await child.wait_ready(_never, HELP_LIMIT)
        finally:
            await child.stop()
        return child.log.read_text("utf-8", errors="replace")


async def _never() -> bool:
    return False
