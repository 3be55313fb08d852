"""Hardware, agents and models in; slots and bytes out. Nothing here asks the machine anything."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from launcher.budget import Box, Cost, Device, read_box
from launcher.errors import DoesNotFit, UnknownModel
from launcher.ladder import Fit, Rung, Wish, highest, place, smallest
from launcher.levers import STOCK
from launcher.plan_types import AgentPlan, Plan, Pool, Refused
from launcher.plan_words import agent_words, pool_words, refusal_words
from launcher.profiles import Profile, choose_profile
from launcher.types import AgentSpec, Bytes, CacheType, Calibration, Hardware, ModelFacts

# Percent of the peak: "Harmonic Stack: Parallel Inference Scaling on Consumer Hardware" 5.2.
TIER_PERCENT = {1: 100, 2: 75, 3: 50, 4: 33}

# llama.cpp rounds a slot's context up to this many tokens.
CONTEXT_STEP = 256


def plan(
    hardware: Hardware,
    agents: Sequence[AgentSpec],
    models: Mapping[str, ModelFacts],
    *,
    context: int,
    slots: int | None = None,
    cache_type: CacheType = "f16",
    calibration: Calibration | None = None,
    profile: Profile | None = None,
) -> Plan:
    """Give each agent its tier's share of the peak, in pools that fit the memory budget together.

    1. Take the peak and the budget from the profile (given, or the one of this hardware), or the calibration.
    2. Form a pool of the agents on the same weights: the sum of their shares, at most the peak (or *slots*, if set).
    3. Keep the pools, most important first, of which at least one slot fits on some device; refuse the others.
    4. Give what is kept the largest form that fits (`ladder`), and put pools with the same slots into one server.

    *context* is the tokens per slot. Raises DoesNotFit when not even the most important pool fits, UnknownModel when an
    agent's model is not in *models*, and ValueError without agents.
    """
    if not agents:
        raise ValueError("a plan needs at least one agent")
    box = read_box(hardware, profile or choose_profile(hardware), calibration, slots)  # 1
    wishes = _wishes(agents, models, box)  # 2
    context, context_words = _context(context, wishes)
    cost = Cost(box.process, context, cache_type)
    kept, refused = _keep(wishes, cost, box)  # 3
    fit = highest(kept, cost, box.devices)  # 4
    if fit is None:
        raise AssertionError("one slot of every pool that is kept fits")
    pools = _pools(kept, fit)
    planned = _agent_plans(agents, pools, box.peak)
    decisions = (
        *box.words,
        *context_words,
        *pool_words(kept, fit, pools, cache_type),
        *agent_words(planned, TIER_PERCENT, box.peak),
        *map(refusal_words, refused),
    )
    return Plan(
        agents=planned,
        pools=pools,
        isolated_bytes=_isolated(kept, fit, box.peak),
        shared_bytes=Bytes(sum(pool.bytes for pool in pools)),
        budget_bytes=box.budget,
        decisions=decisions,
        profile=box.profile.name,
        context=context,
        cache_type=fit.cost.cache_type,
        refused=refused,
        budgets={device.name: device.budget for device in box.devices},
        levers=calibration.levers if calibration else STOCK,
    )


def plan_elsewhere(agents: Sequence[AgentSpec], *, slots: int, context: int) -> Plan:
    """Plan for an engine that is not ours: *slots* for each model, and no memory of this box."""
    if not agents:
        raise ValueError("a plan needs at least one agent")
    names = dict.fromkeys(agent.model for agent in agents)
    return Plan(
        agents=tuple(AgentPlan(a.name, a.tier, a.model, tier_share(a.tier, slots), a.model) for a in agents),
        pools=tuple(Pool(name, name, "elsewhere", slots, Bytes(0), device="elsewhere") for name in names),
        isolated_bytes=Bytes(0),
        shared_bytes=Bytes(0),
        budget_bytes=Bytes(0),
        decisions=(f"The engine runs elsewhere: {slots} slots for each model, as configured; no memory is planned.",),
        profile="elsewhere",
        context=context,
    )


def tier_share(tier: int, peak: int) -> int:
    """Return how many of *peak* slots an agent of this tier may use at a time.

    >>> [tier_share(tier, 16) for tier in (1, 2, 3, 4)]
    [16, 12, 8, 5]
    """
    return max(1, peak * TIER_PERCENT[tier] // 100)


def _wishes(agents: Sequence[AgentSpec], models: Mapping[str, ModelFacts], box: Box) -> list[Wish]:
    """Return one wish per model, most important first; equals stay in the agents' order."""
    crews: dict[str, list[AgentSpec]] = {}
    for agent in agents:
        if agent.model not in models:
            raise UnknownModel(agent.model, sorted(models))
        crews.setdefault(agent.model, []).append(agent)
    wishes = []
    for model, crew in crews.items():
        shares = sum(tier_share(agent.tier, box.peak) for agent in crew)
        slots = box.fixed or max(min(shares, box.peak), box.profile.floor)
        wishes.append(Wish(replace(models[model], name=model), tuple(crew), slots))
    return sorted(wishes, key=lambda wish: wish.tier)


def _context(asked: int, wishes: Sequence[Wish]) -> tuple[int, list[str]]:
    """Return the context of every slot: as asked, no longer than any model was trained for, in whole steps."""
    shortest = min(wishes, key=lambda wish: wish.facts.train_context).facts
    context = -(-min(asked, shortest.train_context) // CONTEXT_STEP) * CONTEXT_STEP
    if shortest.train_context < asked:
        return context, [f"Slots hold {context} tokens: {shortest.name} was trained for {shortest.train_context}."]
    return context, [f"Slots hold {context} tokens."]


def _keep(wishes: list[Wish], cost: Cost, box: Box) -> tuple[list[Wish], tuple[Refused, ...]]:
    """Keep the longest run of pools whose smallest forms can be placed together.

    A run, not a selection: with more memory it only grows, so no agent is ever dropped for having more.
    """
    cost = replace(cost, cache_type=smallest(cost.cache_type))
    left = max(device.budget for device in box.devices)
    for count in range(1, len(wishes) + 1):
        placed = place(wishes[:count], Rung((1,) * count, cost.cache_type), cost, box.devices)
        if placed is None:
            if count == 1:
                needed = min(cost.of(wishes[0].facts, 1, device) for device in box.devices)
                raise DoesNotFit(wishes[0].facts.name, needed=needed, left=left)
            return wishes[: count - 1], _refused(wishes[count - 1 :], cost, box, left)
        left = _most_left(wishes, placed, cost, box)
    return wishes, ()


def _most_left(wishes: Sequence[Wish], placed: Sequence[Device], cost: Cost, box: Box) -> Bytes:
    """Return what is left on the emptiest device when every pool placed has one slot."""
    left = {device: device.budget for device in box.devices}
    for wish, device in zip(wishes, placed, strict=False):
        left[device] = Bytes(left[device] - cost.of(wish.facts, 1, device))
    return max(left.values())


def _refused(wishes: Sequence[Wish], cost: Cost, box: Box, left: Bytes) -> tuple[Refused, ...]:
    refused = []
    for wish in wishes:
        needed = min(cost.of(wish.facts, 1, device) for device in box.devices)
        refused.append(Refused(tuple(agent.name for agent in wish.agents), wish.facts.name, needed, left))
        left = Bytes(max(0, left - needed))  # what comes first by tier stays first, also among the refused
    return tuple(refused)


def _pools(wishes: Sequence[Wish], fit: Fit) -> tuple[Pool, ...]:
    """Return the pools; those on one device with the same slots share a server, named after the device."""
    servers: dict[tuple[str, int], str] = {}
    pools = []
    for wish, slots, device in zip(wishes, fit.rung.slots, fit.devices, strict=True):
        if (device.name, slots) not in servers:
            others = sum(name == device.name for name, _ in servers)
            servers[device.name, slots] = f"{device.name}.{others + 1}" if others else device.name
        name = wish.facts.name
        size = fit.cost.of(wish.facts, slots, device)
        pools.append(Pool(name, name, servers[device.name, slots], slots, size, device.name))
    return tuple(pools)


def _agent_plans(agents: Sequence[AgentSpec], pools: Sequence[Pool], peak: int) -> tuple[AgentPlan, ...]:
    """Give each agent its share within its pool, and never more than an agent of a higher tier has."""
    pool_slots = {pool.model: pool.slots for pool in pools}
    kept = [agent for agent in agents if agent.model in pool_slots]
    slots: dict[str, int] = {}
    for agent in sorted(kept, key=lambda agent: agent.tier):
        above = [slots[other.name] for other in kept if other.tier < agent.tier]
        slots[agent.name] = min(tier_share(agent.tier, peak), pool_slots[agent.model], *above)
    return tuple(AgentPlan(a.name, a.tier, a.model, slots[a.name], a.model) for a in kept)


def _isolated(wishes: Sequence[Wish], fit: Fit, peak: int) -> Bytes:
    """Return what it would take if every agent had an engine of its own, with the slots that it may use."""
    return Bytes(
        sum(
            fit.cost.of(wish.facts, min(tier_share(agent.tier, peak), slots), device)
            for wish, slots, device in zip(wishes, fit.rung.slots, fit.devices, strict=True)
            for agent in wish.agents
        )
    )
