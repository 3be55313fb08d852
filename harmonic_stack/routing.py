"""Which agents are worth asking, and whether the question has a short checkable answer (pure)."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import cycle
from typing import Literal

import msgspec

from harmonic_stack.config import Config
from harmonic_stack.crew import Agent, Crew
from harmonic_stack.merge.questions import closed_question
from harmonic_stack.query import Query, Seat
from ommatidia import Encoder, Examples, Prototypes, Ranked


class Route(msgspec.Struct, frozen=True):
    """How a query is answered: the way, and the agents in the order they are asked (the executive aside)."""

    mode: Literal["closed", "open", "single"]
    agents: tuple[Agent, ...] = ()
    ranked: tuple[Ranked, ...] = ()


class Router:
    """Ranks the crew for a query by prototypes learnt from each agent's example queries, and by keywords."""

    def __init__(self, crew: Crew, encoder: Encoder, config: Config) -> None:
        self.crew, self._config = crew, config  # agents of the crew that are rested meanwhile are not chosen
        self._examples = {
            agent.name: Examples(description=agent.description, examples=agent.examples, keywords=agent.keywords)
            for agent in crew.enabled
            if agent.name != crew.executive
        }
        self._usual = Prototypes.learn(self._examples, encoder)
        self._learnt: tuple[str, Prototypes] = (encoder.tag, self._usual)

    def learn(self, encoder: Encoder) -> None:
        """Learn the prototypes of *encoder* too, in place of those learnt beside the first one's."""
        self._learnt = encoder.tag, Prototypes.learn(self._examples, encoder)

    def route(self, query: Query, encoder: Encoder | None = None, *, failing: Collection[str] = ()) -> Route:
        """Choose the way and the agents for *query*; those that are *failing* come after all others.

        With *encoder*'s prototypes where they were learnt, else the first one's.
        """
        if not query.mode.merges:
            return Route("single")
        mode: Literal["closed", "open"] = "closed" if self._is_closed(query) else "open"
        if query.options.agents is not None:
            named = [self.crew.get(name) for name in query.options.agents]
            return Route(mode, tuple(agent for agent in named if agent is not None))
        tag, learnt = self._learnt
        prototypes = learnt if encoder is not None and encoder.tag == tag else self._usual
        awake = [found for found in prototypes.rank(query.question) if self.crew.get(found.name)]
        ranked = tuple(sorted(awake, key=lambda found: found.name in failing))
        chosen = [self.crew.get(found.name) for found in ranked[: self._config.route.crew]]
        return Route(mode, tuple(agent for agent in chosen if agent is not None), ranked)

    def _is_closed(self, query: Query) -> bool:
        setting = self._config.route.closed
        if setting == "auto":
            return closed_question(query.question, has_schema=query.sampling.has_format)
        return setting == "always"


def seats_for(
    agents: Sequence[Agent],
    executive: Agent,
    most: int,
    *,
    samples: bool = False,
    weights: Mapping[str, float] | None = None,
) -> list[Seat]:
    """The seats in the order asked: the executive, the routed agents in turn, and with *samples* round again.

    Up to *most* seats. A vote takes agents on the executive's model, and others that *weights* knows by name: before
    any calibration a weaker model's vote would count as much as a better one's.
    """
    others = [agent for agent in agents if agent.name != executive.name]
    if samples:
        own = (executive.model, executive.engine)
        others = [agent for agent in others if (agent.model, agent.engine) == own or (weights or {}).get(agent.name)]
    turn = [agent for agent in others for _ in range(agent.samples)] or ([executive] if samples else [])
    seats = [Seat(0, executive.name)]
    taken = Counter([executive.name])
    for agent in cycle(turn) if samples else turn:
        if len(seats) >= most:
            break
        seats.append(Seat(len(seats), agent.name, taken[agent.name]))
        taken[agent.name] += 1
    return seats


def seats_beside(agents: Sequence[Agent], voters: Sequence[Seat], first: int) -> list[Seat]:
    """One seat for each agent that has no vote, their places from *first* on: its answer is told, not counted."""
    voting = {seat.agent for seat in voters}
    silent = [agent for agent in agents if agent.name not in voting]
    return [Seat(first + at, agent.name) for at, agent in enumerate(silent)]
