"""A plan's decisions, each in a sentence."""

from collections.abc import Sequence

from launcher.ladder import Fit, Wish
from launcher.plan_types import AgentPlan, Pool, Refused
from launcher.types import CacheType, in_gb


def pool_words(wishes: Sequence[Wish], fit: Fit, pools: Sequence[Pool], asked: CacheType) -> list[str]:
    """Say of each pool what it got and why."""
    words = []
    if fit.cost.cache_type != asked:
        words.append(f"The KV cache is {fit.cost.cache_type} instead of {asked}: the pools did not fit otherwise.")
    for wish, pool in zip(wishes, pools, strict=True):
        facts, crew = wish.facts, len(wish.agents)
        size = f"{in_gb(facts.weights)} weights once, {in_gb(fit.cost.slot(facts))} a slot"
        words.append(
            f"{facts.name}: {_count(pool.slots, 'slot')}{_changed(wish, pool)} for {_count(crew, 'agent')} on "
            f"{pool.device}, {in_gb(pool.bytes)} ({size})."
        )
        if pool.slots < crew:
            words.append(f"{facts.name} has fewer slots than agents: their prompts cannot all be kept warm.")
        if facts.approximate:
            words.append(f"{facts.name}: its memory is approximate, by {', '.join(facts.approximate)}.")
    return words + server_words(pools)


def _changed(wish: Wish, pool: Pool) -> str:
    if pool.slots < wish.slots:
        return f" ({wish.slots} do not fit)"
    return f" ({wish.slots} asked; its server has {pool.slots} for each model)" if pool.slots > wish.slots else ""


def server_words(pools: Sequence[Pool]) -> list[str]:
    """Say of each server with several models that they share its slot count, and of each device with several why."""
    servers: dict[str, list[Pool]] = {}
    for pool in pools:
        servers.setdefault(pool.server, []).append(pool)
    words = [
        f"Server {name} runs {', '.join(pool.model for pool in mine)}: {mine[0].slots} slots for each model."
        for name, mine in servers.items()
        if len(mine) > 1
    ]
    places = [(mine[0].device, mine[0].engine) for mine in servers.values()]
    return words + [
        f"{place[0]} runs {places.count(place)} servers: one slot count for all its models did not fit."
        for place in dict.fromkeys(places)
        if places.count(place) > 1
    ]


def agent_words(agents: Sequence[AgentPlan], percent: dict[int, int], peak: int) -> list[str]:
    """Say of each agent how many slots it may use at a time."""
    return [
        f"{agent.name} may use {_count(agent.slots, 'slot')} of {agent.pool} at a time: "
        f"tier {agent.tier} has at most {percent[agent.tier]} % of {peak}."
        for agent in agents
    ]


def refusal_words(refused: Refused) -> str:
    """Say who was left out, with both figures."""
    return (
        f"Left out {', '.join(refused.agents)}: {refused.model} needs {in_gb(refused.needed)} with "
        f"{_count(refused.slots, 'slot')}, {in_gb(refused.left)} are left."
    )


def _count(number: int, what: str) -> str:
    """Return *number* with its noun.

    >>> _count(1, "slot"), _count(2, "slot")
    ('1 slot', '2 slots')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"
