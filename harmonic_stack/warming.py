"""Each agent's prompt computed once after the start, while nobody asks anything: its first answer begins sooner."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from harmonic_stack.conductor import Conductor
from harmonic_stack.crew import Agent, Crew
from harmonic_stack.idle import LAST, InBackground, while_idle
from harmonic_stack.run import Seats, Served
from launcher import Engine
from launcher.warm import warm


class Warming(InBackground):
    """Warms the pools that have a slot for each of their agents; with fewer, one agent's prompt would oust another's.

    A query stops it at once, and it begins again when none is under way.
    """

    def __init__(
        self,
        crew: Crew,
        seats: Seats,
        engines: Mapping[str, Engine],
        conductor: Conductor,
        *,
        after: asyncio.Event,
        enabled: bool,
    ) -> None:
        """*after* is set when no other work in idle time is left: its prompts oust an agent's, warmed anew then."""
        self._after = after
        self._engines, self._conductor, self._enabled = engines, conductor, enabled
        self._agents = len(crew.enabled)
        self._pools: list[tuple[Served, list[Agent]]] = []
        self._left_out: list[str] = []
        for name, pool in seats.pools.items():
            agents = [agent for agent in crew.enabled if seats.agents.get(agent.name) == name]
            if pool.slots.slots >= len(agents):
                self._pools.append((pool, agents))
            else:
                self._left_out.append(f"{name} has {pool.slots.slots} slots for {len(agents)} agents")
        self._warmed: dict[str, float] = {}

    def begin(self) -> None:
        """Start in the background, where the settings allow it; nothing waits for it."""
        if self._enabled:
            self._start(self._run(), "warming")

    def as_dict(self) -> dict[str, Any]:
        """How far it is: of how many agents the prompt is warm, the seconds to the first token of each, and why not."""
        return {
            "enabled": self._enabled,
            "warmed": len(self._warmed),
            "agents": self._agents,
            "seconds": {name: round(seconds, 3) for name, seconds in self._warmed.items()},
            "reason": "; ".join(self._left_out) or None,
        }

    async def _run(self) -> None:
        await self._all()
        if not self._after.is_set():
            await self._after.wait()
            await self._all()

    async def _all(self) -> None:
        for pool, agents in self._pools:
            # After a query all of them are warmed anew, not only those left: alone, a prompt that begins like a warm
            # one would take its slot. The warm ones cost one token each.
            while not await while_idle(self._conductor, self._warm(pool, agents)):
                pass

    async def _warm(self, pool: Served, agents: list[Agent]) -> None:
        async with AsyncExitStack() as held:
            for _ in agents:
                await held.enter_async_context(pool.slots.slot(LAST))
            found = await warm(self._engines[pool.server], pool.model, [agent.role for agent in agents])
        took = zip(agents, found, strict=True)
        self._warmed |= {agent.name: seconds for agent, seconds in took if seconds is not None}
