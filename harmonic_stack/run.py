"""One query under way: whom to ask, with which words and limits, and where what they say goes."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from harmonic_stack.chat_client import ChatCall, ChatClient, OnText
from harmonic_stack.config import Config
from harmonic_stack.crew import Agent, Crew
from harmonic_stack.live import LiveDrafts
from harmonic_stack.prompts import ANSWER_LINE, Context, chat
from harmonic_stack.query import Completion, Event, Message, Query, Seat
from harmonic_stack.slots import SlotPool

Put = Callable[[Event], None]
Trace = Callable[[Seat, ChatCall], None]


@dataclass(frozen=True, slots=True)
class Seats:
    """What all queries share: the engine's client and the slots, by model and by agent.

    ``context`` is one slot's context in tokens, ``deadline`` in seconds, ``min_p`` whether the engine knows that
    parameter, ``logprobs`` whether it may tell token probabilities.
    """

    client: ChatClient
    pools: Mapping[str, SlotPool]
    shares: Mapping[str, SlotPool]
    model: str
    context: int
    deadline: float
    min_p: bool = True
    logprobs: bool = True

    def pool_of(self, model: str) -> SlotPool:
        """The slots of the server that serves *model*; a model that nobody planned shares the first pool's."""
        return self.pools.get(model) or next(iter(self.pools.values()))


class Run:
    """One query under way. Everything that the ways of answering (closed, open, single) have in common."""

    def __init__(
        self,
        query: Query,
        context: Context,
        *,
        crew: Crew,
        seats: Seats,
        config: Config,
        live: LiveDrafts,
        trace: Trace,
    ) -> None:
        """*trace* is told every call as it is made."""
        self.query, self.context, self.crew, self.seats = query, context, crew, seats
        self.config, self.live, self._trace = config, live, trace
        # What harmonic-deep changes for its second wave: facts before the question, by agent, and how drafts end.
        self.wave = 1
        self.panels: Mapping[str, str] = {}
        self.closing = ANSWER_LINE
        limit = query.options.deadline or seats.deadline
        self.until = asyncio.get_running_loop().time() + limit

    @property
    def executive(self) -> Agent:
        """The agent whose draft is draft 0."""
        return self.crew.executive_agent

    @property
    def free_slots(self) -> int:
        """How many more calls of the executive's model could run at once now."""
        return self.seats.pool_of(self.model_of(self.executive)).free

    def model_of(self, agent: Agent) -> str:
        """The engine's model that serves an agent."""
        return agent.model or self.seats.model

    async def vote_draft(self, seat: Seat) -> Completion:
        """A draft that ends in a checkable answer: draft 0 plain and greedy, the others sampled (DESIGN 6)."""
        closing = "" if self.query.sampling.has_format else self.closing
        messages = self._messages(seat, closing=closing)
        parameters = self._capped() | self._format()
        if seat.place == 0:
            parameters |= {"temperature": 0.0}
        else:
            parameters |= self._sampled()
        return await self.ask(seat, messages, parameters | self._seed(seat.place), self.live.writer(seat))

    async def peer_draft(self, seat: Seat) -> Completion:
        """A draft on an open question that is shown beside the answer, or merged into it."""
        parameters = self._capped() | self._sampled() | self._seed(seat.place)
        return await self.ask(seat, self._messages(seat), parameters, self.live.writer(seat))

    async def base(self, seat: Seat, on_text: OnText) -> Completion:
        """Draft 0 of an open question, under the caller's own parameters and without a cap: the answer itself."""
        return await self.ask(seat, self._messages(seat), self.callers_parameters(), on_text)

    async def ask(
        self,
        seat: Seat,
        messages: Sequence[Message],
        parameters: dict[str, Any],
        on_text: OnText,
        *,
        model: str | None = None,
    ) -> Completion:
        """One engine call for a seat: first its agent's share of slots, then one of the pool."""
        agent = self.crew.get(seat.agent)
        tier = agent.tier if agent is not None else 1
        name = model or (self.model_of(agent) if agent is not None else self.seats.model)
        call = ChatCall(name, messages, parameters)
        self._trace(seat, call)
        pool = self.seats.pool_of(name)
        started = asyncio.get_running_loop().time()
        async with AsyncExitStack() as held:
            if share := self.seats.shares.get(seat.agent):
                await held.enter_async_context(share.slot(tier))
            await held.enter_async_context(pool.slot(tier))
            waited = asyncio.get_running_loop().time() - started
            completion = await self.seats.client.stream_chat(call, on_text)
        return replace(completion, slot_wait=waited)

    def partial(self, seat: Seat) -> Completion:
        """What a seat that did not finish had written."""
        return Completion(text=self.live.text(seat), finish="error", completion_tokens=self.live.pieces(seat))

    def callers_parameters(self) -> dict[str, Any]:
        """The caller's own sampling parameters, by their OpenAI names; what was not given is not sent."""
        sampling = self.query.sampling
        given = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "frequency_penalty": sampling.frequency_penalty,
            "presence_penalty": sampling.presence_penalty,
            "logit_bias": sampling.logit_bias,
            "stop": list(sampling.stop) or None,
            "max_tokens": sampling.max_tokens,
            "seed": sampling.seed,
        }
        return {name: value for name, value in given.items() if value is not None} | self._format()

    def _messages(self, seat: Seat, *, closing: str = "") -> list[Message]:
        agent = self.crew.get(seat.agent)
        role = agent.role if agent is not None and seat.place else ""  # draft 0 has no role prompt
        context = self.context.told_to(seat.agent, peer=bool(seat.place))
        opening = self.panels.get(seat.agent, "")
        return chat(self.query.messages, context, role=role, closing=closing, opening=opening)

    def _capped(self) -> dict[str, Any]:
        return {"max_tokens": self.query.options.draft_tokens or self.config.draft.max_tokens}

    def _sampled(self) -> dict[str, Any]:
        draft = self.config.draft
        return {"temperature": draft.temperature} | ({"min_p": draft.min_p} if self.seats.min_p else {})

    def _seed(self, place: int) -> dict[str, Any]:
        seed = self.query.sampling.seed
        return {} if seed is None else {"seed": seed + place}

    def _format(self) -> dict[str, Any]:
        sampling = self.query.sampling
        return {"response_format": sampling.response_format} if sampling.has_format else {}
