"""Panels: what each agent is handed of its peers' facts (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass

from harmonic_stack.merge.facts import Fact
from harmonic_stack.prompts import estimate_tokens


@dataclass(frozen=True, slots=True)
class Panel:
    """What one agent is handed: places in the pool, in the order shown; ``left_out`` did not fit its tokens."""

    agent: str
    shown: tuple[int, ...]
    left_out: tuple[int, ...] = ()


def panels(facts: Sequence[Fact], agents: Sequence[str], *, tokens: int) -> list[Panel]:
    """One panel for each of *agents*: the facts new to it, within *tokens*.

    1. Nobody is handed what it listed itself, nor what the pool holds back.
    2. What speaks of something that the question names comes first, then what fewest agents know, then what is most to
       the point: if something must go, it is what many know of other things.
    """
    order = sorted(range(len(facts)), key=lambda at: _rank(facts[at], at))
    found: list[Panel] = []
    for agent in agents:
        shown: list[int] = []
        left_out: list[int] = []
        room = tokens
        for at in order:
            if agent in facts[at].holders or facts[at].held_back:
                continue
            cost = estimate_tokens(facts[at].text) + 2  # the bullet and the line's end
            if cost <= room:
                shown.append(at)
                room -= cost
            else:
                left_out.append(at)
        found.append(Panel(agent, tuple(shown), tuple(left_out)))
    return found


def _rank(fact: Fact, place: int) -> tuple[bool, int, float, int]:
    return (not fact.named, len(fact.holders), -fact.relevance, place)
