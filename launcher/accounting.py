"""The memory accounting of the paper behind this project, beside the plan's own: the same slots, its table of GB.

"Harmonic Stack: Parallel Inference Scaling on Consumer Hardware" (Ghost in the Machine Labs, 2026-01-31), 5.3 and 5.4.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.budget import read_box
from launcher.errors import DoesNotFit, UnknownModel
from launcher.plan import TIER_PERCENT, tier_share
from launcher.plan_types import AgentPlan, Plan, Pool, Refused
from launcher.plan_words import refusal_words
from launcher.profiles import Profile, choose_profile
from launcher.types import AgentSpec, Bytes, Hardware, in_gb

MB = 1_000_000  # the table's GB have one decimal


@dataclass(frozen=True)
class Row:
    """One model of the paper's table: its memory is base + slots x per_slot."""

    base: Bytes
    per_slot: Bytes


TABLE = {
    "qwen3:4b": Row(Bytes(2_500 * MB), Bytes(300 * MB)),
    "qwen3:8b": Row(Bytes(5_200 * MB), Bytes(500 * MB)),
    "qwen3:14b": Row(Bytes(9_300 * MB), Bytes(800 * MB)),
}

NOTE = (
    "These are the paper's figures, whatever the context: on an H100, at 16 slots of 2048 tokens, qwen3:4b takes more "
    "(theirs is 9 % below), qwen3:8b and qwen3:14b less (theirs are 29 % and 50 % above)."
)


def papers_plan(hardware: Hardware, agents: Sequence[AgentSpec], *, profile: Profile | None = None) -> Plan:
    """Plan as the paper does: every agent has an engine and weights of its own, in tier order while the budget lasts.

    `isolated_bytes` is that sum; `shared_bytes` is the same slots with each model's weights once. Raises DoesNotFit
    when not even the first agent fits, UnknownModel for a model that is not in the table, ValueError without agents.
    """
    if not agents:
        raise ValueError("a plan needs at least one agent")
    box = read_box(hardware, profile or choose_profile(hardware), calibration=None, slots=None)
    budget = box.devices[0].budget
    planned, refused = _spend(agents, box.peak, budget)
    pools = _pools(planned, box.devices[0].name)
    isolated = Bytes(sum(_isolated(agent) for agent in planned))
    shared = Bytes(sum(pool.bytes for pool in pools))
    return Plan(
        agents=planned,
        pools=pools,
        isolated_bytes=isolated,
        shared_bytes=shared,
        budget_bytes=budget,
        decisions=(
            *box.words,
            *map(_words, planned),
            *map(refusal_words, refused),
            f"Together {in_gb(isolated)} with weights for every agent, {in_gb(shared)} with weights once per model.",
            NOTE,
        ),
        profile=box.profile.name,
        context=0,
        refused=refused,
        budgets={box.devices[0].name: budget},
    )


def _spend(agents: Sequence[AgentSpec], peak: int, budget: Bytes) -> tuple[tuple[AgentPlan, ...], tuple[Refused, ...]]:
    """Grant agents their share in the order of their tiers until one does not fit; it and all after it are refused."""
    granted: dict[str, AgentPlan] = {}
    refused: list[Refused] = []
    left = budget
    for agent in sorted(agents, key=lambda agent: agent.tier):
        if agent.model not in TABLE:
            raise UnknownModel(agent.model, sorted(TABLE))
        plan = AgentPlan(agent.name, agent.tier, agent.model, tier_share(agent.tier, peak), agent.model)
        needed = _isolated(plan)
        if refused or needed > left:
            refused.append(Refused((agent.name,), agent.model, needed, left, plan.slots))
        else:
            granted[agent.name] = plan
        left = Bytes(max(0, left - needed))
    if not granted:
        raise DoesNotFit(refused[0].model, needed=refused[0].needed, left=budget)
    return tuple(granted[agent.name] for agent in agents if agent.name in granted), tuple(refused)


def _isolated(agent: AgentPlan) -> Bytes:
    row = TABLE[agent.model]
    return Bytes(row.base + agent.slots * row.per_slot)


def _pools(agents: Sequence[AgentPlan], device: str) -> tuple[Pool, ...]:
    pools = []
    for model in dict.fromkeys(agent.model for agent in agents):
        slots = sum(agent.slots for agent in agents if agent.model == model)
        size = Bytes(TABLE[model].base + slots * TABLE[model].per_slot)
        pools.append(Pool(model, model, model, slots, size, device))
    return tuple(pools)


def _words(agent: AgentPlan) -> str:
    row = TABLE[agent.model]
    return (
        f"{agent.name}: {agent.slots} slots, tier {agent.tier}'s {TIER_PERCENT[agent.tier]} % of the peak; "
        f"{agent.model} takes {in_gb(row.base)} + {agent.slots} x {in_gb(row.per_slot)} = {in_gb(_isolated(agent))}."
    )
