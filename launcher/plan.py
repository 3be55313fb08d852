"""Hardware, agents and models in; slots and bytes out. Nothing here asks the machine anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from launcher.budget import Box, Cost, read_box
from launcher.errors import DoesNotFit, UnknownModel
from launcher.plan_types import AgentPlan, Plan, Pool, Refused
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
) -> Plan:
    """Give each agent its tier's share of the peak, in pools that fit the memory budget together.

    1. Take the peak and the budget from the profile (given, or the one of this hardware), or the calibration.
    2. Form a pool of the agents on the same weights: the sum of their shares, at most the peak (or *slots*, if set).
    3. Keep the pools, most important first, of which at least one slot fits; refuse the others.
    4. Shrink what is kept until it fits: the cache type first, then slots from the lowest tier up.

    *context* is the tokens per slot. Raises DoesNotFit when not even the most important pool fits, UnknownModel when an
    agent's model is not in *models*, and ValueError without agents.
    """
    if not agents:
        raise ValueError("a plan needs at least one agent")
    box = read_box(hardware, profile or choose_profile(hardware), calibration, slots)  # 1
    wishes = _wishes(agents, models, box)  # 2
    context, context_words = _context(context, wishes)
    cost = Cost(box, context, cache_type)
    kept, refused = _keep(wishes, replace(cost, cache_type=_smallest(cache_type)), box.budget)  # 3
    fitted, cost = _shrink(kept, cost, box.budget)  # 4
    pools = tuple(
        Pool(wish.facts.name, wish.facts.name, wish.facts.name, wish.slots, cost.of(wish.facts, wish.slots))
        for wish in fitted
    )
    return Plan(
        agents=_agent_plans(agents, fitted, box.peak),
        pools=pools,
        isolated_bytes=_isolated(fitted, cost, box.peak),
        shared_bytes=Bytes(sum(pool.bytes for pool in pools)),
        budget_bytes=box.budget,
        decisions=(*box.words, *context_words, *_fit_words(kept, fitted, cost, cache_type), *map(_refusal, refused)),
        profile=box.profile.name,
        context=context,
        cache_type=cost.cache_type,
        refused=refused,
    )


def plan_elsewhere(agents: Sequence[AgentSpec], *, slots: int, context: int) -> Plan:
    """Plan for an engine that is not ours: *slots* for each model, and no memory of this box."""
    if not agents:
        raise ValueError("a plan needs at least one agent")
    names = dict.fromkeys(agent.model for agent in agents)
    return Plan(
        agents=tuple(AgentPlan(a.name, a.tier, a.model, tier_share(a.tier, slots), a.model) for a in agents),
        pools=tuple(Pool(name, name, name, slots, Bytes(0)) for name in names),
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


@dataclass(frozen=True)
class _Wish:
    """A pool on its way: its agents and the slots it still asks for."""

    facts: ModelFacts
    agents: tuple[AgentSpec, ...]
    slots: int

    @property
    def tier(self) -> int:
        return min(agent.tier for agent in self.agents)


def _wishes(agents: Sequence[AgentSpec], models: Mapping[str, ModelFacts], box: Box) -> list[_Wish]:
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
        wishes.append(_Wish(replace(models[model], name=model), tuple(crew), slots))
    return sorted(wishes, key=lambda wish: wish.tier)


def _context(asked: int, wishes: Sequence[_Wish]) -> tuple[int, list[str]]:
    """Return the context of every slot: as asked, no longer than any model was trained for, in whole steps."""
    shortest = min(wishes, key=lambda wish: wish.facts.train_context).facts
    context = -(-min(asked, shortest.train_context) // CONTEXT_STEP) * CONTEXT_STEP
    if shortest.train_context < asked:
        return context, [f"Slots hold {context} tokens: {shortest.name} was trained for {shortest.train_context}."]
    return context, [f"Slots hold {context} tokens."]


def _keep(wishes: list[_Wish], cost: Cost, budget: Bytes) -> tuple[list[_Wish], tuple[Refused, ...]]:
    """Keep the longest run of pools whose smallest forms fit together.

    A run, not a selection: with more memory it only grows, so no agent is ever dropped for having more.
    """
    left = budget
    for count, wish in enumerate(wishes):
        needed = cost.of(wish.facts, 1)
        if needed > left:
            if count == 0:
                raise DoesNotFit(wish.facts.name, needed=needed, left=left)
            return wishes[:count], _refused(wishes[count:], cost, left)
        left = Bytes(left - needed)
    return wishes, ()


def _refused(wishes: Sequence[_Wish], cost: Cost, left: Bytes) -> tuple[Refused, ...]:
    refused = []
    for wish in wishes:
        needed = cost.of(wish.facts, 1)
        refused.append(Refused(tuple(agent.name for agent in wish.agents), wish.facts.name, needed, left))
        left = Bytes(max(0, left - needed))  # what comes first by tier stays first, also among the refused
    return tuple(refused)


def _shrink(wishes: list[_Wish], cost: Cost, budget: Bytes) -> tuple[list[_Wish], Cost]:
    """Return the largest form of these pools that fits; *_keep* has seen to it that one slot each does."""
    if _total(wishes, cost) > budget:
        cost = replace(cost, cache_type=_smallest(cost.cache_type))
    shrunk = list(wishes)
    for index in reversed(range(len(shrunk))):
        over = _total(shrunk, cost) - budget
        slot = cost.slot(shrunk[index].facts)
        if over > 0 and slot > 0:
            shrunk[index] = replace(shrunk[index], slots=max(1, shrunk[index].slots - -(-over // slot)))
    return shrunk, cost


def _total(wishes: Sequence[_Wish], cost: Cost) -> Bytes:
    return Bytes(sum(cost.of(wish.facts, wish.slots) for wish in wishes))


def _smallest(cache_type: CacheType) -> CacheType:
    """Return the smallest cache type that we choose ourselves: q4_0 is the user's to set."""
    return "q8_0" if cache_type == "f16" else cache_type


def _agent_plans(agents: Sequence[AgentSpec], pools: Sequence[_Wish], peak: int) -> tuple[AgentPlan, ...]:
    """Give each agent its share within its pool, and never more than an agent of a higher tier has."""
    pool_slots = {wish.facts.name: wish.slots for wish in pools}
    kept = [agent for agent in agents if agent.model in pool_slots]
    slots: dict[str, int] = {}
    for agent in sorted(kept, key=lambda agent: agent.tier):
        above = [slots[other.name] for other in kept if other.tier < agent.tier]
        slots[agent.name] = min(tier_share(agent.tier, peak), pool_slots[agent.model], *above)
    return tuple(AgentPlan(a.name, a.tier, a.model, slots[a.name], a.model) for a in kept)


def _isolated(pools: Sequence[_Wish], cost: Cost, peak: int) -> Bytes:
    return Bytes(
        sum(
            cost.of(wish.facts, min(tier_share(agent.tier, peak), wish.slots))
            for wish in pools
            for agent in wish.agents
        )
    )


def _fit_words(asked: Sequence[_Wish], got: Sequence[_Wish], cost: Cost, cache_type: CacheType) -> list[str]:
    words = []
    if cost.cache_type != cache_type:
        words.append(f"The KV cache is {cost.cache_type} instead of {cache_type}: the pools did not fit otherwise.")
    for before, after in zip(asked, got, strict=True):
        facts, crew = after.facts, len(after.agents)
        shrunk = "" if after.slots == before.slots else f" instead of {before.slots}, which do not fit"
        size = f"{in_gb(facts.weights)} weights once, {in_gb(cost.slot(facts))} a slot"
        words.append(
            f"{facts.name}: {after.slots} slots{shrunk} for {crew} agent{'s' * (crew > 1)}, "
            f"{in_gb(cost.of(facts, after.slots))} ({size})."
        )
        if facts.approximate:
            words.append(f"{facts.name}: counted as plain attention, although it has {', '.join(facts.approximate)}.")
    return words


def _refusal(refused: Refused) -> str:
    return (
        f"Left out {', '.join(refused.agents)}: {refused.model} needs {in_gb(refused.needed)} with one slot, "
        f"{in_gb(refused.left)} are left."
    )
