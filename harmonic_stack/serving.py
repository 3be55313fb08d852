"""The engines that run, as the daemon uses and shows them: proof, calls and status, pool by pool."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from harmonic_stack.chat_client import ChatClient, Dialect, Patience
from harmonic_stack.config import Config
from harmonic_stack.config.forms import is_loopback
from harmonic_stack.engine.capabilities import Capability, capabilities_of
from harmonic_stack.engine.connection import Upstream
from harmonic_stack.engine.ollama_dialect import ollama_dialect
from harmonic_stack.engine.openai_dialect import LLAMA_CPP, OPENAI
from harmonic_stack.engine.probe import without_what_is_ignored
from harmonic_stack.run import Seats, Served
from harmonic_stack.slots import SlotPool
from launcher import Engine, Hardware, Plan, Proof, prove_slots
from launcher.embedded_engine import EmbeddedEngine

Say = Callable[[str], None]
Engines = Mapping[str, Engine]  # by the name of the plan's server
POLL = 0.1
GPU_DEADLINE, CPU_DEADLINE = 60.0, 120.0  # seconds that drafts may take (DESIGN 6)


async def prove_pools(engines: Engines, plan: Plan, config: Config, say: Say) -> tuple[Proof, ...]:
    """Measure the slots that each pool was promised, and say what came out; nothing where that is switched off."""
    proofs: list[Proof] = []
    for pool in plan.pools if config.engine.prove else ():
        proof = replace(await prove_slots(engines[pool.server], pool.model, pool.slots), pool=pool.name)
        why = f" ({proof.reason})" if proof.reason else ""
        say(f"slots of {pool.name}: asked {proof.promised}, got {proof.achieved}{why}")
        proofs.append(proof)
    return tuple(proofs)


async def take_seats(
    parts: AsyncExitStack,
    engines: Engines,
    plan: Plan,
    config: Config,
    hardware: Hardware,
    proofs: Sequence[Proof],
    *,
    executive: str,
) -> Seats:
    """A client for each engine, and as many slots as were promised; fewer where fewer were achieved."""
    achieved = {proof.pool: proof.achieved for proof in proofs if proof.achieved}
    upstreams = {server: _upstream(parts, engine, config) for server, engine in engines.items()}
    clients = {server: _client(engine, upstreams[server], config) for server, engine in engines.items()}
    features = {server: await _features(engine) for server, engine in engines.items()}
    pools = {
        pool.name: Served(
            model=pool.model,
            server=pool.server,
            engine=engines[pool.server].name,
            client=clients[pool.server],
            upstream=upstreams[pool.server],
            slots=SlotPool(min(pool.slots, achieved.get(pool.name, pool.slots))),
            can=features[pool.server],
            device=pool.device,
            here=pool.device != "elsewhere" or is_loopback(urlsplit(engines[pool.server].base_url).hostname or ""),
        )
        for pool in plan.pools
    }
    agents = {agent.name: agent.pool for agent in plan.agents}
    return Seats(
        pools=pools,
        shares={agent.name: SlotPool(agent.slots) for agent in plan.agents},
        agents=agents,
        model=agents.get(executive, plan.pools[0].name),
        context=plan.context,
        deadline=config.draft.deadline_seconds or (GPU_DEADLINE if hardware.gpus else CPU_DEADLINE),
    )


def _upstream(parts: AsyncExitStack, engine: Engine, config: Config) -> Upstream:
    upstream = Upstream(engine.base_url, key=engine.key, connect_seconds=config.engine.connect_seconds)
    parts.callback(upstream.close)
    return upstream


def _client(engine: Engine, upstream: Upstream, config: Config) -> ChatClient:
    patience = Patience(first_token=config.engine.first_token_seconds, token=config.engine.token_seconds)
    # Only a program of ours is started again by us; of a stranger's server nobody knows whether it will be.
    waiting = partial(serves_again, engine) if engine.log is not None else None
    return ChatClient(upstream, _dialect(engine), patience, serves_again=waiting)


def _dialect(engine: Engine) -> Dialect:
    """What the engine speaks."""
    if engine.dialect == "ollama":
        return ollama_dialect(engine.request)
    return LLAMA_CPP if engine.name == "embedded" else OPENAI


async def _features(engine: Engine) -> frozenset[Capability]:
    """What the engine and its model can do."""
    features = capabilities_of(engine)
    if engine.name != "embedded":
        return features
    return await without_what_is_ignored(features, engine.base_url, engine.key)


async def serves_again(engine: Engine, seconds: float) -> bool:
    """Wait until an engine that was lost is there again; False once it is given up or *seconds* are over."""
    try:
        async with asyncio.timeout(seconds):
            while engine.state not in ("failed", "stopped"):
                if engine.state == "ready" and await engine.health():
                    return True
                await asyncio.sleep(POLL)
    except TimeoutError:
        pass
    return False


def _placement(engine: Engine) -> dict[str, Any] | None:
    """Where the engine's weights lie, of those that tell: in bytes, and (on the GPU, all) layers of each model."""
    found = getattr(engine, "placement", None)
    return None if found is None else asdict(found)


def _levers(engine: Engine) -> str | None:
    """What the engine was told for its speed, in words; None where nothing was."""
    return engine.levers.words() or None if isinstance(engine, EmbeddedEngine) else None


def engine_object(server: str, engine: Engine, seats: Seats, proofs: Sequence[Proof]) -> dict[str, Any]:
    """One engine as `/admin/engines` and `status` tell it; nothing is asked of it."""
    mine = {name: pool for name, pool in seats.pools.items() if pool.server == server}
    return {
        "server": server,
        "name": engine.name,
        "state": engine.state,
        "restarts": getattr(getattr(engine, "child", None), "restarts", None),
        "url": engine.base_url,
        "models": list(engine.models),
        "form": getattr(engine, "form", None),
        "version": getattr(engine, "version", None),
        "note": engine.note,
        "levers": _levers(engine),
        "placement": _placement(engine),
        "pids": engine.pids(),
        "pools": [
            {
                "name": name,
                "model": pool.model,
                "device": pool.device,
                "slots": pool.slots.slots,
                "busy": pool.slots.busy,
                "waiting": pool.slots.waiting,
            }
            for name, pool in mine.items()
        ],
        "proofs": [asdict(proof) for proof in proofs if proof.pool in mine],
    }
