"""The embedded engine as a child of ours: embedded.py behind a guard, with a port and a key of its own."""

import json
import secrets
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx

from launcher.child import Child, State, clean_environment
from launcher.demo_model import DEMO_NOTE, local_model
from launcher.embedded import BAD_MODEL, BAD_SETTINGS
from launcher.engine import Dialect, EngineSettings, Report
from launcher.errors import UnknownModel
from launcher.http_client import control_client, model_ids
from launcher.plan_types import Plan, Pool
from launcher.probe_host import default_threads, read_cpu
from launcher.restart import Restart
from launcher.types import ModelFacts

HOST: Literal["127.0.0.1"] = "127.0.0.1"
RESTART = Restart(final_codes=frozenset({BAD_SETTINGS, BAD_MODEL}))


@dataclass(frozen=True)
class EmbeddedEngine:
    """llama.cpp in a child process on loopback; see Engine for what each name means."""

    child: Child
    base_url: str
    key: str
    slots: int
    models: tuple[str, ...]
    note: str | None
    name: str = "embedded"
    dialect: Dialect = "openai"

    @property
    def state(self) -> State:
        return self.child.state

    @property
    def log(self) -> Path:
        return self.child.log

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

    Raises NoModel, BadModelFile, UnknownModel (it serves one model), EngineFailed and EngineNotReady.
    """
    facts = local_model(settings.model)
    pool = _only_pool(plan, facts)
    port, key = free_port(), secrets.token_urlsafe(32)
    child = Child(
        "engine",
        # -P: the folder of embedded.py is not searched for modules; it has a types.py of its own.
        [sys.executable, "-P", str(Path(__file__).with_name("embedded.py"))],
        log=log_dir / "engine.log",
        env=clean_environment(),
        secret=_settings_line(settings, plan, pool, facts, port=port, key=key),
        restart=RESTART,
        record=run_dir / "engine.json",
    )
    note = DEMO_NOTE if settings.model is None else None
    engine = EmbeddedEngine(child, f"http://{HOST}:{port}/v1", key, pool.slots, (pool.model,), note)
    report(f"starting the embedded engine: {pool.model}, {pool.slots} slots of {plan.context} tokens")
    begun = time.monotonic()
    try:
        await child.start()
        await child.wait_ready(engine.health, settings.start_timeout)
        report(f"the engine is ready after {time.monotonic() - begun:.1f} s")
        yield engine
    finally:
        await child.stop()


def free_port(host: str = HOST) -> int:
    """Return a TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _only_pool(plan: Plan, facts: ModelFacts) -> Pool:
    for pool in plan.pools:
        if pool.model != facts.name:
            raise UnknownModel(pool.model, [facts.name])
    return plan.pools[0]


def _settings_line(
    settings: EngineSettings, plan: Plan, pool: Pool, facts: ModelFacts, *, port: int, key: str
) -> bytes:
    """Return the line that embedded.py reads (its Settings)."""
    line = {
        "model": str(facts.path),
        "alias": pool.model,
        "key": key,
        "port": port,
        "slots": pool.slots,
        "context": plan.context,
        "threads": settings.threads or default_threads(read_cpu()),
        "cache_type": plan.cache_type,
        "host": HOST,
    }
    return (json.dumps(line) + "\n").encode()
