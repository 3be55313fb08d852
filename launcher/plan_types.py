"""What a plan says: who gets how many slots, in which pool, for how many bytes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from launcher.levers import STOCK, Levers
from launcher.types import Bytes, CacheType


@dataclass(frozen=True)
class AgentPlan:
    """One agent's part; *slots* is how many requests of its own may run at a time in its pool."""

    name: str
    tier: int
    model: str
    slots: int
    pool: str


@dataclass(frozen=True)
class Pool:
    """The agents on the same weights: one model in one server, and what it takes of the memory with its cache.

    A server has one slot count for all its models, so pools with the same server have the same slots. A pool is called
    after its model; of two pools with one model, at two engines, the later one also after its server.
    """

    name: str
    model: str
    server: str
    slots: int
    bytes: Bytes
    device: str = "cpu"  # "gpu0", by the GPU's place in Hardware.gpus, or "cpu"
    engine: str = ""  # whose server it is, where a crew has several engines; "" is the main one

    def as_dict(self) -> dict[str, object]:
        """Return it as `plan --json` prints it."""
        return {"name": self.name, "model": self.model, "server": self.server, "slots": self.slots, "bytes": self.bytes}


@dataclass(frozen=True)
class Refused:
    """Agents left out because their model does not fit, with the figures of that."""

    agents: tuple[str, ...]
    model: str
    needed: Bytes
    left: Bytes
    slots: int = 1  # with which *needed* is reckoned


@dataclass(frozen=True)
class Beside:
    """A model that an engine holds beside those of the agents, for vectors: the encoder's."""

    model: str
    engine: str
    bytes: Bytes
    device: str


@dataclass(frozen=True)
class Absent:
    """Agents left out because their engine does not answer, and why in a sentence."""

    agents: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Plan:
    """The decision for all agents."""

    agents: tuple[AgentPlan, ...]
    pools: tuple[Pool, ...]
    isolated_bytes: Bytes  # what it would take if every agent had an engine of its own
    shared_bytes: Bytes  # what the pools take, weights once per model, and what is beside them
    budget_bytes: Bytes
    decisions: tuple[str, ...]  # one sentence each
    profile: str
    context: int  # tokens per slot
    cache_type: CacheType = "f16"
    refused: tuple[Refused, ...] = ()
    budgets: Mapping[str, Bytes] = field(default_factory=dict, hash=False)  # of each device
    absent: tuple[Absent, ...] = ()
    levers: Levers = STOCK  # what the engine is told for its speed
    beside: tuple[Beside, ...] = ()

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers that it needs, in the order of their pools."""
        return tuple(dict.fromkeys(pool.server for pool in self.pools))

    def part(self, server: str) -> "Plan":
        """Return the part of one server: its pools and their agents, the figures of the whole."""
        pools = tuple(pool for pool in self.pools if pool.server == server)
        names = {pool.name for pool in pools}
        agents = tuple(agent for agent in self.agents if agent.pool in names)
        # An engine's first server holds what is beside its pools.
        first = {pool.engine: pool.server for pool in reversed(self.pools)}
        beside = tuple(each for each in self.beside if first.get(each.engine) == server)
        return replace(self, pools=pools, agents=agents, beside=beside)

    def as_dict(self) -> dict[str, object]:
        """Return what `plan --json` prints."""
        return {
            "agents": [asdict(agent) for agent in self.agents],
            "pools": [pool.as_dict() for pool in self.pools],
            "isolated_bytes": self.isolated_bytes,
            "shared_bytes": self.shared_bytes,
            "budget_bytes": self.budget_bytes,
            "decisions": list(self.decisions),
        }
