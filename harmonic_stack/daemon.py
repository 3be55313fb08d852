"""The whole stack, running: what starts in order stops in reverse, also when the third step fails."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from harmonic_stack.bridge import Bridge
from harmonic_stack.conductor import Conductor
from harmonic_stack.config import Config, Loaded
from harmonic_stack.config import Spine as SpineSettings
from harmonic_stack.crew import Crew, load_crew
from harmonic_stack.declared_encoder import DeclaredEncoder
from harmonic_stack.encoder_off_loop import Encoders
from harmonic_stack.energy import Device, Energy, Source, source_for
from harmonic_stack.engine.capabilities import Capability
from harmonic_stack.errors import AgentNotFound, AgentNotPlanned, ExecutiveNeeded
from harmonic_stack.examining import Examining
from harmonic_stack.host.describe import hardware_line
from harmonic_stack.host.encoder_site import reach_encoder
from harmonic_stack.host.engines import Needed, needed_engines
from harmonic_stack.host.identity import model_identity
from harmonic_stack.host.keys import Keys
from harmonic_stack.host.paths import Paths
from harmonic_stack.host.planning import encoder_file, engine_settings, plan_for
from harmonic_stack.knowledge.index import Knowledge, check_knowledge
from harmonic_stack.metrics import Metrics
from harmonic_stack.model_names import Names
from harmonic_stack.orchestrator import Orchestrator
from harmonic_stack.outcomes import Outcomes
from harmonic_stack.query import Mode
from harmonic_stack.routing import Router
from harmonic_stack.run import Seats, Served
from harmonic_stack.serving import Engines, engine_object, prove_pools, take_seats
from harmonic_stack.signals.crew_record import CrewRecord
from harmonic_stack.signals.spine_writer import SpineWriter
from harmonic_stack.store import running_store
from harmonic_stack.tracing import open_traces
from harmonic_stack.warming import Warming
from launcher import (
    Child,
    DoesNotFit,
    Engine,
    EngineSettings,
    Hardware,
    Plan,
    Proof,
    detect_hardware,
    in_gb,
    running_engines,
)
from ommatidia import Encoder
from spine import IN_PROCESS, Bus, Channel, Retention, SpineError, open_bus

Say = Callable[[str], None]
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
    engines: Engines
    proofs: tuple[Proof, ...]
    bus: Bus
    writer: SpineWriter
    store: Child | None
    orchestrator: Orchestrator
    encoders: Encoders
    names: Names
    metrics: Metrics
    warming: Warming
    started: float = field(default_factory=time.time)
    url: str | None = None  # where it serves, once it does

    @property
    def engine(self) -> Engine:
        """The engine that the crew's executive is on: without it there are no answers."""
        seats = self.orchestrator.seats
        return self.engines[seats.pools[seats.model].server]

    def features(self, mode: Mode, model: str) -> frozenset[Capability]:
        """What the engine that a request reaches can do, and its model."""
        return self.orchestrator.seats.serving(mode, model, self.crew.executive).can

    @property
    def rested(self) -> list[str]:
        """The agents that have slots here and are not asked."""
        return [agent.name for agent in self.plan.agents if self.crew.get(agent.name) is None]

    def switch(self, name: str, *, enabled: bool) -> None:
        """Rest or wake an agent until the stack stops; queries under way go on with the crew that they began with.

        Raises:
            AgentNotFound: there is none of that name.
            ExecutiveNeeded: the executive was to be rested.
            AgentNotPlanned: it was to be woken, and has no slots.
        """
        known = [agent.name for agent in self.crew.agents]
        if name not in known:
            raise AgentNotFound(name, known)
        if not enabled and name == self.crew.executive:
            raise ExecutiveNeeded(name)
        if enabled and all(agent.name != name for agent in self.plan.agents):
            raise AgentNotPlanned(name)
        self.crew = self.crew.switched(name, enabled=enabled)
        self.orchestrator.crew = self.orchestrator.router.crew = self.crew
        self.names.agents = [agent.name for agent in self.crew.enabled]

    def use_idle_time(self) -> None:
        """Begin what is done while nobody asks anything: the agents' prompts, and the judge's measurement."""
        self.orchestrator.examining.begin()
        self.warming.begin()

    def engine_objects(self) -> list[dict[str, Any]]:
        """Every engine with its pools and proofs."""
        seats, proofs = self.orchestrator.seats, self.proofs
        return [engine_object(server, engine, seats, proofs) for server, engine in self.engines.items()]

    async def status(self) -> dict[str, Any]:
        """Everything at one look, as ``harmonic-stack status`` prints it."""
        slots, health = [pool.slots for pool in self.orchestrator.seats.pools.values()], self.bus.health()
        engine = self.engine
        answers = await asyncio.gather(*(each.health() for each in self.engines.values()))
        healthy = dict(zip(self.engines, answers, strict=True))
        engines = [found | {"healthy": healthy[found["server"]]} for found in self.engine_objects()]
        return {
            "url": self.url or f"http://{self.config.server.host}:{self.config.server.port}",
            "seconds": round(time.time() - self.started, 1),
            "engine": next(found for found in engines if self.engines[found["server"]] is engine),
            "engines": engines,
            "slots": {
                "promised": sum(pool.slots for pool in self.plan.pools),
                "achieved": sum(proof.achieved for proof in self.proofs) if self.proofs else None,
                "reason": "; ".join(proof.reason for proof in self.proofs if proof.reason) or None,
                "busy": sum(pool.busy for pool in slots),
                "waiting": sum(pool.waiting for pool in slots),
            },
            "warm": self.warming.as_dict(),
            "judge": self.orchestrator.examining.as_dict(),
            "encoder": self.encoders.meaning.as_dict(),
            "energy": self.orchestrator.energy.as_dict(),
            "queue": self.orchestrator.conductor.as_dict(),
            "spine": {
                "enabled": self.config.spine.enabled,
                "state": health.state,
                "backend": health.backend,
                "degraded_since": health.since,
                "reason": health.reason,
                "memory": health.memory and asdict(health.memory),
                "pid": None if self.store is None else self.store.pid,
            },
            "agents": [agent.name for agent in self.crew.enabled],
            "rested": self.rested,
            "absent": [{"agents": list(each.agents), "reason": each.reason} for each in self.plan.absent],
            "crew": self.orchestrator.bridge.record.figures(),
            "failing": sorted(self.orchestrator.bridge.failing()),
        }


@asynccontextmanager
async def running_stack(
    loaded: Loaded,
    paths: Paths,
    say: Say,
    *,
    source: Callable[[Hardware, Iterable[Served]], tuple[Device, Source]] = source_for,
) -> AsyncIterator[Daemon]:
    """Detect, plan and start everything; *say* is told each step, *source* finds what tells of energy.

    Raises:
        LauncherError, SpineError, HarmonicError: what could not be started; all that had been is stopped again.
    """
    config = loaded.config
    keys = Keys.open(paths)
    crew = load_crew(loaded.path_of("crew", "file"))
    check_knowledge(crew, config.knowledge)
    metrics = Metrics()
    collecting = open_traces(config.telemetry, metrics.spans)
    hardware = await asyncio.to_thread(detect_hardware)
    needed = await needed_engines(engine_settings(loaded), loaded, crew, hardware)
    plan = await plan_for(hardware, crew, needed)
    crew = _planned(crew, plan)
    _announce(say, hardware, plan, needed)
    async with AsyncExitStack() as parts:
        traces = await parts.enter_async_context(collecting)
        # While the store and the engine start: the encoder's weights, and the router's examples through it.
        thinking = asyncio.create_task(_thinking(crew, config), name="encoders")
        parts.push_async_callback(_stop_thinking, thinking)
        store, bus = await _open_spine(parts, config, paths, say)
        say("engine: starting")
        logs = paths.state / "logs"
        engines = await parts.enter_async_context(
            running_engines(needed.settings, plan, run_dir=paths.runtime, log_dir=logs, report=say)
        )
        proofs = await prove_pools(engines, plan, config, say)
        writer = SpineWriter(bus)
        parts.push_async_callback(writer.aclose)
        seats = await take_seats(parts, engines, plan, config, hardware, proofs, executive=crew.executive)
        encoders, router, knowledge = await thinking
        await _declare(config, paths, engines, (encoders, router, knowledge), say)
        device, asking = source(hardware, seats.pools.values())
        energy = Energy(parts.enter_context(asking), device=device)
        record = CrewRecord()
        with suppress(SpineError):  # a store that is lost costs the record of earlier runs, not the start
            record.load(await bus.recent(Channel.META, count=MOST_CALLS))
        conductor = _conductor(config, seats)
        served = next(pool for pool in plan.pools if pool.name == seats.model)
        own = needed.settings[served.engine]
        examining = await _judge(config, paths, own, seats.pools[seats.model], conductor)
        orchestrator = Orchestrator(
            config=config,
            crew=crew,
            seats=seats,
            router=router,
            bridge=Bridge(bus, writer, encoders, config, record),
            conductor=conductor,
            examining=examining,
            energy=energy,
            knowledge=knowledge,
            outcomes=Outcomes(paths.data / "outcomes.sqlite3", least=config.merge.outcomes),
            observe=metrics.answered,
            traces=traces,
        )
        parts.callback(orchestrator.puzzles.close)
        warming = Warming(crew, seats, engines, conductor, after=examining.rested, enabled=config.engine.warm)
        for idler in (examining, warming):
            parts.push_async_callback(idler.aclose)
        yield Daemon(
            config=config,
            paths=paths,
            keys=keys,
            crew=crew,
            hardware=hardware,
            plan=plan,
            engines=engines,
            proofs=proofs,
            bus=bus,
            writer=writer,
            store=store,
            encoders=encoders,
            metrics=metrics,
            orchestrator=orchestrator,
            warming=warming,
            names=Names(
                [agent.name for agent in crew.enabled],
                crew.executive,
                _models(engines, plan, crew.executive),
                encoders.names,
            ),
        )


async def _judge(config: Config, paths: Paths, settings: EngineSettings, pool: Served, gate: Conductor) -> Examining:
    """What settles ties: the executive's model, as far as it is known to be fit."""
    identity = await asyncio.to_thread(model_identity, settings, pool.model)
    keep = paths.state / "judge.json" if identity else None
    return Examining(pool, gate, keep=keep, model=identity or pool.model, enabled=config.merge.judge)


Thinking = tuple[Encoders, Router, Knowledge]


async def _thinking(crew: Crew, config: Config) -> Thinking:
    """The encoders, the router learnt with them, and what the agents know for themselves."""
    encoders = await Encoders.load()
    router = await encoders.meaning.run(lambda encoder: Router(crew, encoder, config))
    return encoders, router, await Knowledge.open(crew, encoders.meaning, config.knowledge)


async def _declare(config: Config, paths: Paths, engines: Engines, thinking: Thinking, say: Say) -> None:
    """Take the encoder that the settings name; where it does not serve, say so, and it is tried again later."""
    settings, (encoders, router, knowledge) = config.encoder, thinking
    if not settings.engine:
        return
    ours = next((engine for engine in engines.values() if engine.name == "ollama"), None)

    async def prepare(encoder: Encoder) -> None:
        await asyncio.to_thread(router.learn, encoder)
        await knowledge.frame(encoder)

    declared = DeclaredEncoder(
        settings,
        lambda: reach_encoder(settings, ours, connect_seconds=config.engine.connect_seconds),
        prepare,
        encoder_file(paths),
    )
    encoders.meaning.declared = declared  # closed with it
    await declared.look()
    if declared.trouble is None:
        say(f"encoder: {encoders.meaning.encoder.tag}")
    else:
        say(f"encoder: {encoders.meaning.encoder.tag}, since {declared.trouble}; it is tried again")


async def _stop_thinking(thinking: "asyncio.Task[Thinking]") -> None:
    thinking.cancel()
    with suppress(asyncio.CancelledError, Exception):
        encoders, _, _ = await thinking
        await encoders.meaning.aclose()


async def _open_spine(parts: AsyncExitStack, config: Config, paths: Paths, say: Say) -> tuple[Child | None, Bus]:
    """The bus on the store that is configured; the embedded one is started first."""
    store, url = None, config.spine.url
    if url == "embedded":
        store, url = await parts.enter_async_context(running_store(paths, room=config.spine.max_bytes))
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
        max_bytes=settings.max_bytes if settings.max_bytes and settings.url == IN_PROCESS else usual.max_bytes,
        store_bytes=settings.max_bytes or None,
    )


def _planned(crew: Crew, plan: Plan) -> Crew:
    """The crew without the agents that did not fit.

    Raises:
        DoesNotFit: the executive is one of them.
    """
    for refused in plan.refused:
        if crew.executive in refused.agents:
            raise DoesNotFit(refused.model, needed=refused.needed, left=refused.left)
    return crew.only([agent.name for agent in plan.agents])


def _models(engines: Engines, plan: Plan, executive: str) -> list[str]:
    """The names under which the engines' models are asked for directly: the pools', then what else the main one has."""
    main = next(agent.pool for agent in plan.agents if agent.name == executive)
    server = next(pool.server for pool in plan.pools if pool.name == main)
    return list(dict.fromkeys([*(pool.name for pool in plan.pools), *engines[server].models]))


def _conductor(config: Config, seats: Seats) -> Conductor:
    """The admission gate: unless set, as many queries at once as there are slots, since each needs at least one."""
    slots = sum(pool.slots.slots for pool in seats.pools.values())
    queue = config.queue
    return Conductor(
        running=queue.running or max(slots, 1),
        depth=queue.depth,
        seconds=queue.seconds,
        per_key=config.server.max_in_flight,
    )


def _announce(say: Say, hardware: Hardware, plan: Plan, needed: Needed) -> None:
    say(f"hardware: {hardware_line(hardware)}")
    for pool in plan.pools:
        agents = sum(agent.pool == pool.name for agent in plan.agents)
        where = f", server {pool.server}" if len(plan.servers) > 1 else ""
        slots = f"{pool.slots} slots of {plan.context} tokens"
        say(f"plan: {pool.model}, {slots} for {agents} agents ({plan.profile}{where})")
    for refused in plan.refused:
        needs, left = in_gb(refused.needed), in_gb(refused.left)
        say(f"left out: {', '.join(refused.agents)}: {refused.model} needs {needs}, {left} are left")
    for absent in plan.absent:
        say(f"left out: {', '.join(absent.agents)}: {absent.reason}")
    for sentence in needed.moved:
        say(sentence)
