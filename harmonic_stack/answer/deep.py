"""harmonic-deep: agents with knowledge of their own list facts, code pools them, ordinary agents answer from the pool.

Facts travel, opinions do not: no agent is shown a tally, a peer's answer, or that there are peers (docs/merging.md).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from harmonic_stack.crew import Agent
from harmonic_stack.encoder_off_loop import OffLoop
from harmonic_stack.fanout import propose_all
from harmonic_stack.merge.facts import Fact, listed_facts, noted_facts, pool
from harmonic_stack.merge.panel import Panel, panels
from harmonic_stack.prompts import FACTS_ANSWER_LINE, FACTS_LINE, chat, known_facts
from harmonic_stack.query import Completion, Outcome, PooledFact, Seat, Status
from harmonic_stack.run import Run

# The first wave may take this share of the time: a slow one must leave room for answers.
_FIRST_WAVE = 0.5


@dataclass(frozen=True, slots=True)
class Pooled:
    """How the first wave went: its outcomes, the pool, and who is handed which facts of it."""

    outcomes: tuple[Outcome, ...]
    facts: tuple[Fact, ...]
    panels: tuple[Panel, ...]

    @property
    def told(self) -> tuple[PooledFact, ...]:
        """The pool as the report tells it."""
        return tuple(
            PooledFact(
                fact.text,
                fact.holders,
                tuple(panel.agent for panel in self.panels if at in panel.shown),
                fact.held_back,
            )
            for at, fact in enumerate(self.facts)
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Who listed nothing, since its call did not end well."""
        bad = [outcome for outcome in self.outcomes if outcome.status is not Status.OK]
        return tuple(f"{outcome.seat} {outcome.status.value} in the first wave: {outcome.reason}" for outcome in bad)


def holders_of(run: Run) -> list[Agent]:
    """The agents with notes on the question, among those that the request lets draft."""
    allowed = run.query.options.agents
    return [
        agent
        for agent in run.crew.enabled
        if agent.name in run.context.private
        and (allowed is None or agent.name in allowed or agent.name == run.executive.name)
    ]


async def pool_facts(run: Run, holders: Sequence[str], agents: Sequence[str], meaning: OffLoop) -> Pooled:
    """The first wave: the *holders* of notes on the question list their facts; the run is set up for the second.

    *agents* answer in the second wave: each is handed the facts that are new to it.
    """
    seats = [Seat(place, name) for place, name in enumerate(holders)]
    now = asyncio.get_running_loop().time()
    until = now + (run.until - now) * _FIRST_WAVE
    outcomes = await propose_all(seats, lambda seat: _list(run, seat), run.partial, until=until)
    run.live.flush()
    settings = run.config.deep
    lists = {
        outcome.seat.agent: listed_facts(outcome.text, cut=outcome.completion.finish != "stop", most=settings.facts)
        for outcome in outcomes
    }
    notes = {name: known.passages for name, known in run.context.private.items()}
    for name, listed in lists.items():  # also of one whose call failed: its notes are there
        listed += noted_facts(run.query.question, notes.get(name, ()), listed, most=settings.facts)
    facts = await meaning.by(
        lambda encoder: asyncio.to_thread(pool, run.query.question, lists, notes=notes, encoder=encoder)
    )
    handed = panels(facts, list(dict.fromkeys(agents)), tokens=settings.tokens)
    run.panels = {panel.agent: known_facts([facts[at].text for at in panel.shown]) for panel in handed if panel.shown}
    run.closing, run.wave = FACTS_ANSWER_LINE, 2
    return Pooled(tuple(outcomes), tuple(facts), tuple(handed))


def second_wave(seats: Sequence[Seat]) -> list[Seat]:
    """The same seats, told apart from those of the first wave."""
    return [replace(seat, wave=2) for seat in seats]


async def _list(run: Run, seat: Seat) -> Completion:
    """One agent's facts: greedy, since it copies; without the caller's format, which is the answer's."""
    agent = run.crew.get(seat.agent)
    role = agent.role if agent is not None and agent.name != run.executive.name else ""
    messages = chat(run.query.messages, run.context.told_to(seat.agent, peer=True), role=role, closing=FACTS_LINE)
    parameters = {"max_tokens": run.config.deep.list_tokens, "temperature": 0.0}
    return await run.ask(seat, messages, parameters, run.live.writer(seat))
