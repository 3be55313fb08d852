"""The whole stack, running: what starts in order stops in reverse, also when the third step fails."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harmonic_stack.bridge import Bridge
from harmonic_stack.chat_client import ChatClient, Patience
from harmonic_stack.conductor import Conductor
from harmonic_stack.config import Config, Loaded
from harmonic_stack.config import Spine as SpineSettings
from harmonic_stack.crew import Crew, load_crew
from harmonic_stack.engine.connection import Upstream
from harmonic_stack.engine.ollama_dialect import ollama_dialect
from harmonic_stack.host.describe import hardware_line
from harmonic_stack.host.keys import Keys
from harmonic_stack.host.ollama_choice import with_ollama
from harmonic_stack.host.paths import Paths
from harmonic_stack.host.planning import engine_settings, plan_for
from harmonic_stack.knowledge.index import Knowledge
from harmonic_stack.metrics import Metrics
from harmonic_stack.model_names import Names
from harmonic_stack.orchestrator import Orchestrator
from harmonic_stack.outcomes import Outcomes
from harmonic_stack.routing import Router
from harmonic_stack.run import Seats
from harmonic_stack.signals.crew_record import CrewRecord
from harmonic_stack.signals.spine_writer import SpineWriter
from harmonic_stack.slots import SlotPool
from harmonic_stack.store import running_store
from launcher import Child, Engine, Hardware, Plan, Proof, detect_hardware, prove_slots, running_engine
from ommatidia import Cached, Encoder, best_encoder
from spine import Bus, Channel, Retention, SpineError, open_bus

Say = Callable[[str], None]
GPU_DEADLINE, CPU_DEADLINE = 60.0, 120.0  # seconds that drafts may take (DESIGN 6)
DAY, HOUR = 86_400.0, 3_600.0  # seconds
MOST_CALLS = 500  # signals of channel 5 that the crew's record is read back from


@dataclass(slots=True)
class Daemon:
    """The running parts, for the API to look at."""

    config: Config
    paths: Paths
    keys: Keys
    crew: Crew
    hardware: Hardware
    plan: Plan
    engine: Engine
    proofs: tuple[Proof, ...]
    bus: Bus
    writer: SpineWriter
    store: Child | None
    orchestrator: Orchestrator
    encoder: Encoder
    names: Names
    metrics: Metrics
    started: float = field(default_factory=time.time)

    async def status(self) -> dict[str, Any]:
        """Everything at one look, as ``harmonic-stack status`` prints it."""
        pools, health = self.orchestrator.seats.pools.values(), self.bus.health()
        return {
            "url": f"http://{self.config.server.host}:{self.config.server.port}",
            "seconds": round(time.time() - self.started, 1),
            "engine": {
                "name": self.engine.name,
                "state": self.engine.state,
                "healthy": await self.engine.health(),
                "models": list(self.engine.models),
                "note": self.engine.note,
                "pids": self.engine.pids(),
            },
            "slots": {
                "promised": sum(pool.slots for pool in self.plan.pools),
                "achieved": sum(proof.achieved for proof in self.proofs) if self.proofs else None,
                "reason": "; ".join(proof.reason for proof in self.proofs if proof.reason) or None,
                "busy": sum(pool.busy for pool in pools),
                "waiting": sum(pool.waiting for pool in pools),
            },
            "queue": self.orchestrator.conductor.as_dict(),
            "spine": {
                "enabled": self.config.spine.enabled,
                "state": health.state,
                "backend": health.backend,
                "degraded_since": health.since,
                "reason": health.reason,
                "pid": None if self.store is None else self.store.pid,
            },
            "agents": [agent.name for agent in self.crew.enabled],
            "crew": self.orchestrator.bridge.record.figures(),
            "failing": sorted(self.orchestrator.bridge.failing()),
        }


@asynccontextmanager
async def running_stack(loaded: Loaded, paths: Paths, say: Say) -> AsyncIterator[Daemon]:
    """Detect, plan and start everything; *say* is told each step.

    Raises:
        LauncherError, SpineError, HarmonicError: what could not be started; all that had been is stopped again.
    """
    config = loaded.config
    keys = Keys.open(paths)
    crew = load_crew(loaded.path_of("crew", "file"))
    hardware = await asyncio.to_thread(detect_hardware)
    settings = await with_ollama(engine_settings(loaded), loaded, crew)
    plan = await plan_for(hardware, crew, settings)
    knowledge = await Knowledge.open(crew, await asyncio.to_thread(best_encoder), config.knowledge)
    _announce(say, hardware, plan)
    async with AsyncExitStack() as parts:
        store, bus = await _open_spine(parts, config, paths, say)
        say("engine: starting")
        engine = await parts.enter_async_context(
            running_engine(settings, plan, run_dir=paths.runtime, log_dir=paths.state / "logs", report=say)
        )
        proofs = await _prove(engine, plan, config, say)
        writer = SpineWriter(bus)
        parts.push_async_callback(writer.aclose)
        seats = _seats(engine, plan, config, hardware, proofs)
        parts.callback(seats.client.close)
        encoder, metrics = Cached(best_encoder()), Metrics()
        record = CrewRecord()
        with suppress(SpineError):  # a store that is lost costs the record of earlier runs, not the start
            record.load(await bus.recent(Channel.META, count=MOST_CALLS))
        yield Daemon(
            config=config,
            paths=paths,
            keys=keys,
            crew=crew,
            hardware=hardware,
            plan=plan,
            engine=engine,
            proofs=proofs,
            bus=bus,
            writer=writer,
            store=store,
            encoder=encoder,
            metrics=metrics,
            orchestrator=Orchestrator(
                config=config,
                crew=crew,
                seats=seats,
                router=Router(crew, encoder, config),
                bridge=Bridge(bus, writer, encoder, config, record),
                conductor=_conductor(config, seats),
                observe=metrics.answered,
                knowledge=knowledge,
                outcomes=Outcomes(paths.data / "outcomes.sqlite3", least=config.merge.outcomes),
            ),
            names=Names([agent.name for agent in crew.enabled], crew.executive, engine.models),
        )


async def _open_spine(parts: AsyncExitStack, config: Config, paths: Paths, say: Say) -> tuple[Child | None, Bus]:
    """The bus on the store that is configured; the embedded one is started first."""
    store, url = None, config.spine.url
    if url == "embedded":
        store, url = await parts.enter_async_context(running_store(paths))
    settings = config.spine
    record: Path = paths.data / "memories.sqlite3"
    bus = await parts.enter_async_context(
        open_bus(url, record=record, prefix=settings.prefix, retention=retention_of(settings))
    )
    say(f"spine: {bus.health().backend}, {bus.health().state}")
    return store, bus


def retention_of(settings: SpineSettings) -> Retention:
    """The bounds that the settings ask for; the other channels keep the spine's own."""
    usual = Retention()
    task = dict.fromkeys((Channel.TASK, Channel.HARMONIC), settings.task_hours * HOUR)
    bounded = [channel for channel in Channel if channel is not Channel.PERSISTENT]
    return replace(
        usual,
        maxlen={**usual.maxlen, **dict.fromkeys(bounded, settings.entries)},
        ttl={**usual.ttl, Channel.SESSION: settings.session_days * DAY, **task},
        max_sessions=settings.max_sessions,
    )


async def _prove(engine: Engine, plan: Plan, config: Config, say: Say) -> tuple[Proof, ...]:
    """Measure the slots that each pool was promised, and say what came out; nothing where that is switched off."""
    proofs: list[Proof] = []
    for pool in plan.pools if config.engine.prove else ():
        proof = await prove_slots(engine, pool.model, pool.slots)
        why = f" ({proof.reason})" if proof.reason else ""
        say(f"slots of {pool.model}: asked {proof.promised}, got {proof.achieved}{why}")
        proofs.append(proof)
    return tuple(proofs)


def _seats(engine: Engine, plan: Plan, config: Config, hardware: Hardware, proofs: Sequence[Proof]) -> Seats:
    """The engine's client, and as many slots as were promised; fewer where fewer were achieved."""
    settings = config.engine
    achieved = {proof.pool: proof.achieved for proof in proofs if proof.achieved}
    upstream = Upstream(engine.base_url, key=engine.key, connect_seconds=settings.connect_seconds)
    patience = Patience(first_token=settings.first_token_seconds, token=settings.token_seconds)
    deadline = config.draft.deadline_seconds or (GPU_DEADLINE if hardware.gpus else CPU_DEADLINE)
    return Seats(
        client=ChatClient(upstream, patience, ollama_dialect(engine.request) if engine.dialect == "ollama" else None),
        pools={pool.model: SlotPool(min(pool.slots, achieved.get(pool.model, pool.slots))) for pool in plan.pools},
        shares={agent.name: SlotPool(agent.slots) for agent in plan.agents},
        model=plan.pools[0].model,
        context=plan.context,
        deadline=deadline,
        min_p=engine.name in ("embedded", "ollama"),
        logprobs=engine.dialect == "openai",
    )


def _conductor(config: Config, seats: Seats) -> Conductor:
    """The admission gate: unless set, as many queries at once as there are slots, since each needs at least one."""
    slots = sum(pool.slots for pool in seats.pools.values())
    queue = config.queue
    return Conductor(
        running=queue.running or max(slots, 1),
        depth=queue.depth,
        seconds=queue.seconds,
        per_key=config.server.max_in_flight,
    )


def _announce(say: Say, hardware: Hardware, plan: Plan) -> None:
    say(f"hardware: {hardware_line(hardware)}")
    pool = plan.pools[0]
    slots = f"{pool.slots} slots of {plan.context} tokens"
    say(f"plan: {pool.model}, {slots} for {len(plan.agents)} agents ({plan.profile})")
