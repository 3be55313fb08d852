"""Hardware, agents and models in; slots and bytes out. Nothing here asks the machine anything."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from launcher.budget import Box, Cost, Device, read_box
from launcher.errors import DoesNotFit, UnknownModel
from launcher.ladder import Fit, Rung, Wish, highest, place, smallest
from launcher.levers import STOCK
from launcher.plan_types import AgentPlan, Beside, Plan, Pool, Refused
from launcher.plan_words import agent_words, pool_words, refusal_words
from launcher.profiles import Profile, choose_profile
from launcher.types import AgentSpec, Bytes, CacheType, Calibration, Hardware, ModelFacts, in_gb

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
    no_gpu: Collection[str] = (),
    beside: Mapping[str, ModelFacts] | None = None,
) -> Plan:
    """Give each agent its tier's share of the peak, in pools that fit the memory budget together.

    1. Take the peak and the budget from the profile (given, or the one of this hardware), or the calibration.
    2. Form a pool of the agents on the same weights: the sum of their shares, at most the peak (or *slots*, if set).
    3. Keep the pools, most important first, of which at least one slot fits on some device; refuse the others.
    4. Give what is kept the largest form that fits (`ladder`), and put pools with the same slots into one server.

    *context* is the tokens per slot; the engines in *no_gpu* use no card: their pools take the system's memory. In
    *beside* are models held for vectors, by engine: each has one slot, its memory set aside before step 2. Raises
    DoesNotFit when not even the most important pool fits, UnknownModel when an agent's model is not in *models*, and
    ValueError without agents.
    """
    if not agents:
        raise ValueError("a plan needs at least one agent")
    profile = profile or choose_profile(hardware)
    box = read_box(hardware, profile, calibration, slots, spare=any(agent.engine in no_gpu for agent in agents))  # 1
    budget, budgets = box.budget, {device.name: device.budget for device in box.devices}
    box, held = _set_aside(box, beside or {}, context)
    wishes = _wishes(agents, models, box, no_gpu)  # 2
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
        shared_bytes=Bytes(sum(pool.bytes for pool in pools) + sum(each.bytes for each in held)),
        budget_bytes=budget,
        decisions=decisions,
        profile=box.profile.name,
        context=context,
        cache_type=fit.cost.cache_type,
        refused=refused,
        budgets=budgets,
        levers=calibration.levers if calibration else STOCK,
        beside=held,
    )


def _set_aside(box: Box, beside: Mapping[str, ModelFacts], context: int) -> tuple[Box, tuple[Beside, ...]]:
    """Take the models *beside* off the largest device's budget; return what is left, and what each takes."""
    held = []
    for engine, facts in beside.items():
        largest, *others = box.devices
        cost = Cost(box.process, min(context, facts.train_context), "f16")
        size = cost.of(facts, 1, largest)
        held.append(Beside(facts.name, engine, size, largest.name))
        left = replace(largest, budget=Bytes(max(0, largest.budget - size)))
        words = (*box.words, f"{facts.name} is held beside the agents' models, for vectors: {in_gb(size)}.")
        box = replace(
            box, devices=tuple(sorted((left, *others), key=lambda device: (device.spare, -device.budget))), words=words
        )
    return box, tuple(held)


def plan_elsewhere(
    agents: Sequence[AgentSpec], *, slots: int, context: int, told: Mapping[str, int] = MappingProxyType({})
) -> Plan:
    """Plan for engines that are not ours: *slots* for each model, or what its engine has *told*, and no memory."""
    if not agents:
        raise ValueError("a plan needs at least one agent")
    pools: list[Pool] = []
    servers = {
        engine: _numbered("elsewhere", place) for place, engine in enumerate(dict.fromkeys(a.engine for a in agents))
    }
    for model, engine in dict.fromkeys((agent.model, agent.engine) for agent in agents):
        name = _pool_name(model, servers[engine], pools)
        count = told.get(engine, slots)
        pools.append(Pool(name, model, servers[engine], count, Bytes(0), device="elsewhere", engine=engine))
    sources = {(pool.slots, "as it tells" if pool.engine in told else "as configured"): None for pool in pools}
    return Plan(
        agents=_agent_plans(agents, pools, max(pool.slots for pool in pools)),
        pools=tuple(pools),
        isolated_bytes=Bytes(0),
        shared_bytes=Bytes(0),
        budget_bytes=Bytes(0),
        decisions=tuple(
            f"The engine runs elsewhere: {count} slots for each model, {source}; no memory is planned."
            for count, source in sources
        ),
        profile="elsewhere",
        context=context,
    )


def joined(here: Plan, elsewhere: Plan, names: Sequence[str]) -> Plan:
    """Return both plans as one, the agents in the order of *names*; the memory is that of *here*."""
    pools = list(here.pools)
    renamed = {}
    for pool in elsewhere.pools:
        renamed[pool.name] = _pool_name(pool.model, pool.server, pools)
        pools.append(replace(pool, name=renamed[pool.name]))
    agents = [*here.agents, *(replace(agent, pool=renamed[agent.pool]) for agent in elsewhere.agents)]
    return replace(
        here,
        agents=tuple(sorted(agents, key=lambda agent: names.index(agent.name))),
        pools=tuple(pools),
        decisions=(*here.decisions, *elsewhere.decisions),
    )


def tier_share(tier: int, peak: int) -> int:
    """Return how many of *peak* slots an agent of this tier may use at a time.

    >>> [tier_share(tier, 16) for tier in (1, 2, 3, 4)]
    [16, 12, 8, 5]
    """
    return max(1, peak * TIER_PERCENT[tier] // 100)


def _wishes(
    agents: Sequence[AgentSpec], models: Mapping[str, ModelFacts], box: Box, no_gpu: Collection[str]
) -> list[Wish]:
    """Return one wish per model of an engine, most important first; equals stay in the agents' order."""
    crews: dict[tuple[str, str], list[AgentSpec]] = {}
    for agent in agents:
        if agent.model not in models:
            raise UnknownModel(agent.model, sorted(models))
        crews.setdefault((agent.engine, agent.model), []).append(agent)
    wishes = []
    for (engine, model), crew in crews.items():
        steps = tuple(_asked(crew, box, peak) for peak in _peaks_up_to(box.peak))
        wishes.append(Wish(replace(models[model], name=model), tuple(crew), steps, engine, engine in no_gpu))
    return sorted(wishes, key=lambda wish: wish.tier)


def _asked(crew: Sequence[AgentSpec], box: Box, peak: int) -> int:
    """Return the slots that a pool of *crew* asks for where the peak is *peak*."""
    if box.fixed:
        return peak
    shares = sum(tier_share(agent.tier, peak) for agent in crew)
    return max(min(shares, peak), box.profile.floor)


def _peaks_up_to(peak: int) -> tuple[int, ...]:
    """Return the peaks over which a box climbs to its own; every smaller profile's is among them.

    >>> _peaks_up_to(12)
    (1, 2, 4, 8, 12)
    """
    return (*(2**power for power in range((peak - 1).bit_length())), peak)


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
    before: tuple[Device, ...] = ()
    for count in range(1, len(wishes) + 1):
        placed = place(wishes[:count], Rung((1,) * count, cost.cache_type), cost, box.devices)
        if placed is None:
            refused = _refused(wishes[count - 1 :], cost, box, _left(wishes, before, cost, box))
            if count == 1:
                raise DoesNotFit(refused[0].model, needed=refused[0].needed, left=refused[0].left)
            return wishes[: count - 1], refused
        before = placed
    return wishes, ()


def _left(wishes: Sequence[Wish], placed: Sequence[Device], cost: Cost, box: Box) -> dict[Device, Bytes]:
    """Return what is left on each device when every pool placed has one slot."""
    left = {device: device.budget for device in box.devices}
    for wish, device in zip(wishes, placed, strict=False):
        left[device] = Bytes(left[device] - cost.of(wish.facts, 1, device))
    return left


def _refused(wishes: Sequence[Wish], cost: Cost, box: Box, left: dict[Device, Bytes]) -> tuple[Refused, ...]:
    refused = []
    most = max(left[device] for device in wishes[0].among(box.devices))
    for wish in wishes:
        needed = min(cost.of(wish.facts, 1, device) for device in wish.among(box.devices))
        refused.append(Refused(tuple(agent.name for agent in wish.agents), wish.facts.name, needed, most))
        most = Bytes(max(0, most - needed))  # what comes first by tier stays first, also among the refused
    return tuple(refused)


def _pools(wishes: Sequence[Wish], fit: Fit) -> tuple[Pool, ...]:
    """Return the pools; those of one engine with the same slots on one device share a server, called after it."""
    servers: dict[tuple[str, int, str], str] = {}
    pools: list[Pool] = []
    for wish, slots, device in zip(wishes, fit.rung.slots, fit.devices, strict=True):
        key = (device.name, slots, wish.engine)
        if key not in servers:
            servers[key] = _numbered(device.name, sum(name == device.name for name, _, _ in servers))
        model = wish.facts.name
        size = fit.cost.of(wish.facts, slots, device)
        name = _pool_name(model, servers[key], pools)
        pools.append(Pool(name, model, servers[key], slots, size, device.name, wish.engine))
    return tuple(pools)


def _numbered(name: str, others: int) -> str:
    return f"{name}.{others + 1}" if others else name


def _pool_name(model: str, server: str, others: Sequence[Pool]) -> str:
    return f"{model}@{server}" if any(pool.model == model for pool in others) else model


def _agent_plans(agents: Sequence[AgentSpec], pools: Sequence[Pool], peak: int) -> tuple[AgentPlan, ...]:
    """Give each agent its share within its pool, and never more than an agent of a higher tier has."""
    of = {(pool.engine, pool.model): pool for pool in pools}
    kept = [agent for agent in agents if (agent.engine, agent.model) in of]
    slots: dict[str, int] = {}
    for agent in sorted(kept, key=lambda agent: agent.tier):
        above = [slots[other.name] for other in kept if other.tier < agent.tier]
        slots[agent.name] = min(tier_share(agent.tier, peak), of[agent.engine, agent.model].slots, *above)
    return tuple(AgentPlan(a.name, a.tier, a.model, slots[a.name], of[a.engine, a.model].name) for a in kept)


def _isolated(wishes: Sequence[Wish], fit: Fit, peak: int) -> Bytes:
    """Return what it would take if every agent had an engine of its own, with the slots that it may use."""
    return Bytes(
        sum(
            fit.cost.of(wish.facts, min(tier_share(agent.tier, peak), slots), device)
            for wish, slots, device in zip(wishes, fit.rung.slots, fit.devices, strict=True)
            for agent in wish.agents
        )
    )
