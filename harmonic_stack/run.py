"""One query under way: whom to ask, with which words and limits, and where what they say goes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from harmonic_stack.chat_client import ChatCall, ChatClient, Logprobs, OnExtra, OnText
from harmonic_stack.config import Config
from harmonic_stack.crew import Agent, Crew
from harmonic_stack.engine.capabilities import Capability
from harmonic_stack.engine.connection import Upstream
from harmonic_stack.live import LiveDrafts
from harmonic_stack.prompts import ANSWER_LINE, Context, chat
from harmonic_stack.query import Completion, Event, Message, Mode, Query, Seat, ToolCallDelta
from harmonic_stack.slots import SlotPool
from harmonic_stack.tracing import Call, Recording

Put = Callable[[Event], None]
Follow = Callable[[OnText], Awaitable[Completion]]
Trace = Callable[[Seat, ChatCall], None]


class Served(msgspec.Struct, frozen=True):
    """One pool as calls see it: its model by the name that its engine knows, that engine's client, and the slots.

    ``device`` is where the plan counts it: "gpu0", "cpu", or "elsewhere"; ``here``: on this box, whoever started it.
    """

    model: str
    server: str
    engine: str
    client: ChatClient
    upstream: Upstream
    slots: SlotPool
    can: frozenset[Capability]
    device: str
    here: bool


@dataclass(frozen=True, slots=True)
class Seats:
    """What all queries share: the pools by name, and for each agent its pool and its share of slots.

    ``model`` is the pool of agents that have none, ``context`` one slot's context in tokens, ``deadline`` in seconds.
    """

    pools: Mapping[str, Served]
    shares: Mapping[str, SlotPool]
    agents: Mapping[str, str]
    model: str
    context: int
    deadline: float

    def pool_of(self, model: str) -> Served:
        """The pool called *model*; a model that nobody planned is asked of the first pool's engine, in its slots."""
        return self.pools.get(model) or replace(self.pools[self.model], model=model)

    def serving(self, mode: Mode, model: str, executive: str) -> Served:
        """The pool that a caller's own parameters reach: the named agent's or model's, else the executive's."""
        if mode is Mode.MODEL:
            return self.pool_of(model)
        return self.pool_of(self.agents.get(model if mode is Mode.AGENT else executive, self.model))


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
        spend: Callable[[int], None] = lambda _: None,
        recording: Recording | None = None,
    ) -> None:
        """*trace* is told every call as it is made, *spend* the tokens as engines of this box write them.

        *recording* is what a collector of traces is told; None where there is none.
        """
        self.query, self.context, self.crew, self.seats = query, context, crew, seats
        self.config, self.live, self._trace, self._spend = config, live, trace, spend
        self.recording = recording
        self.asked: list[Seat] = []
        self.first: Follow | None = None  # draft 0, where it was begun before its peers
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
        return self.seats.pool_of(self.model_of(self.executive)).slots.free

    def model_of(self, agent: Agent) -> str:
        """The pool that serves an agent: it is called after its model."""
        return self.seats.agents.get(agent.name, self.seats.model)

    async def vote_draft(self, seat: Seat) -> Completion:
        """A draft that ends in a checkable answer: draft 0 plain and greedy, the others sampled (DESIGN 6)."""
        if self.first is not None and seat.place == 0:
            return await self.first(self.live.writer(seat))
        closing = "" if self.query.sampling.has_format else self.closing
        messages = self._messages(seat, closing=closing)
        parameters = self._capped() | self._format()
        if self.query.sampling.has_format:  # the draft is the answer: a JSON that is cut off is none
            parameters["max_tokens"] = self.query.sampling.max_tokens or self.config.limits.draft_tokens
        if seat.place == 0:
            parameters |= {"temperature": 0.0}
        else:
            parameters |= self._sampled()
        parameters |= self._seed(seat.place)
        return await self.ask(seat, messages, parameters, self.live.writer(seat), patient=self.live.patient)

    async def peer_draft(self, seat: Seat) -> Completion:
        """A draft on an open question that is shown beside the answer, or merged into it."""
        if self.first is not None and seat.place == 0:
            return await self.first(self.live.writer(seat))
        parameters = self._capped() | self._sampled() | self._seed(seat.place)
        messages = self._messages(seat)
        return await self.ask(seat, messages, parameters, self.live.writer(seat), patient=self.live.patient)

    async def base(self, seat: Seat, on_text: OnText) -> Completion:
        """Draft 0 of an open question, under the caller's own parameters and without a cap: the answer itself."""
        if self.first is not None:
            return await self.first(on_text)
        return await self.ask(seat, self._messages(seat), self.callers_parameters(), on_text)

    async def ask(
        self,
        seat: Seat,
        messages: Sequence[Message],
        parameters: dict[str, Any],
        on_text: OnText,
        *,
        model: str | None = None,
        on_extra: OnExtra | None = None,
        prompt: str | None = None,
        patient: bool = False,
    ) -> Completion:
        """One engine call for a seat: first its agent's share of slots, then one of the pool; *model* names another.

        *on_extra* is given tool calls and probabilities. A *prompt* is gone on with as it stands, without *messages*.
        *patient*: nobody reads along word by word.
        """
        agent = self.crew.get(seat.agent)
        tier = agent.tier if agent is not None else 1
        pool = self.seats.pool_of(model or (self.model_of(agent) if agent is not None else self.seats.model))
        carried = {name: value for name, value in parameters.items() if _carries(pool, name)}
        call = ChatCall(pool.model, messages, carried, think=agent is not None and agent.think, patient=patient)
        self._trace(seat, call)
        self.asked.append(seat)
        spent = 0

        def heard(text: str, pieces: int) -> None:
            nonlocal spent
            spent += pieces
            self._spend(pieces)
            on_text(text, pieces)

        hear = heard if pool.here else on_text
        started = asyncio.get_running_loop().time()
        share = self.seats.shares.get(seat.agent)
        with self._recorded(seat, pool, carried, raw=prompt is not None) as told:
            async with share.slot(tier) if share else nullcontext(), pool.slots.slot(tier):
                waited = asyncio.get_running_loop().time() - started
                if told is not None:
                    told.slot_wait = waited
                if prompt is not None:
                    completion = await pool.client.stream_text(call, prompt, hear)
                elif on_extra is not None and self.query.tools is not None and self.query.tools.parallel is False:
                    completion = await pool.client.stream_chat(call, hear, _first_call(on_extra))
                    completion = replace(completion, tool_calls=completion.tool_calls[:1])
                else:
                    completion = await pool.client.stream_chat(call, hear, on_extra)
                if told is not None:
                    told.spent(completion)
        if pool.here:  # tool calls come in no piece of text, and some engines send several tokens in one
            self._spend(completion.completion_tokens - spent)
        return replace(completion, slot_wait=waited)

    def _recorded(
        self, seat: Seat, pool: Served, carried: Mapping[str, Any], *, raw: bool
    ) -> AbstractContextManager[Call | None]:
        """What the call is written down as, where a collector of traces is told."""
        if self.recording is None:
            return nullcontext()
        return self.recording.call(seat, model=pool.model, engine=pool.engine, parameters=carried, raw=raw)

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
            "logprobs": sampling.logprobs or None,
            "top_logprobs": sampling.top_logprobs,
        }
        return {name: value for name, value in given.items() if value is not None} | self._format()

    def tools_parameters(self) -> dict[str, Any]:
        """The caller's tools, and how they may be used; nothing where there are none."""
        tools = self.query.tools
        if tools is None:
            return {}
        given = {"tools": list(tools.definitions), "tool_choice": tools.choice, "parallel_tool_calls": tools.parallel}
        return {name: value for name, value in given.items() if value is not None}

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
        return {"temperature": draft.temperature, "min_p": draft.min_p}

    def _seed(self, place: int) -> dict[str, Any]:
        seed = self.query.sampling.seed
        return {} if seed is None else {"seed": seed + place}

    def _format(self) -> dict[str, Any]:
        sampling = self.query.sampling
        return {"response_format": sampling.response_format} if sampling.has_format else {}


def _carries(pool: Served, parameter: str) -> bool:
    """Leave our own min_p out where an engine may not know it; what a caller asked for was checked before."""
    return parameter != "min_p" or "min_p" in pool.can


def _first_call(on_extra: OnExtra) -> OnExtra:
    """Pass on the first tool call alone: not every engine knows ``parallel_tool_calls``."""

    def first(extra: ToolCallDelta | Logprobs) -> None:
        if not isinstance(extra, ToolCallDelta) or extra.index == 0:
            on_extra(extra)

    return first
