"""Between the orchestrator and the spine: what agents are told of earlier turns, and what is left for all to see.

Channels (docs/spine.md): 0 the turn and the drafts as they stream, 1 the session's finished turns, 2 what was asked to
be remembered, 3 who was asked what and the operator's briefing, 4 how the drafts relate and what is broadcast, 5 what
each agent's call cost. The text is the record; its frame is made from it when somebody looks (signals/story.py).
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from msgspec.structs import asdict

from harmonic_stack.config import Config
from harmonic_stack.encoder_off_loop import Encoders
from harmonic_stack.prompts import NO_CONTEXT, Context, estimate_tokens
from harmonic_stack.query import Checked, DraftDelta, Message, Mode, Outcome, Query, Report, Seat, Status
from harmonic_stack.routing import Route
from harmonic_stack.signals import broadcast
from harmonic_stack.signals.briefing import Briefing, briefing, kind_of
from harmonic_stack.signals.costs import calls_of, summary
from harmonic_stack.signals.crew_record import CALLS, CrewRecord
from harmonic_stack.signals.draft_ticks import DraftTicks
from harmonic_stack.signals.memories import note_of, relevant_memories
from harmonic_stack.signals.merged import merged
from harmonic_stack.signals.relations import relate
from harmonic_stack.signals.session_state import state_after
from harmonic_stack.signals.spine_writer import SpineWriter
from harmonic_stack.signals.worth import worth_keeping
from ommatidia import Encoder
from spine import Bus, Channel, Signal, SpineError, Trust

R = TypeVar("R")
log = logging.getLogger(__name__)
ORCHESTRATOR = "orchestrator"
USER = "user"
# The newest of them are looked through; all of them would cost a long read for every question.
MOST_MEMORIES = 500
MOST_HARMONIC = 64
_TRUST = {ORCHESTRATOR: Trust.SYSTEM, USER: Trust.USER}


class Bridge:
    """Reads the spine before a query and writes it during and after; does nothing where the spine is switched off."""

    def __init__(
        self, bus: Bus, writer: SpineWriter, encoders: Encoders, config: Config, record: CrewRecord | None = None
    ) -> None:
        self._bus, self._writer, self.encoders = bus, writer, encoders
        self._enabled, self._recall, self._budget = config.spine.enabled, config.recall, config.gate.budget
        self._appends = config.merge.minority != "off"
        self.record = record or CrewRecord()
        self._gates: dict[str, dict[str, Any]] = {}  # of queries under way, as their turn will keep them
        self._drafts: dict[str, DraftTicks] = {}

    def failing(self) -> frozenset[str]:
        """The agents that channel 5 shows to fail again and again just now."""
        return self.record.failing(time.time())

    async def recall(self, query: Query, route: Route) -> Context:
        """What the spine knows and the request does not carry.

        Lasting memories on its subject, earlier turns, peers' broadcasts, and the operator's briefing; memories first,
        then turns, the newest kept first, then broadcasts, all within ``recall.tokens``. A store that fails costs the
        memory, not the answer.
        """
        if not self._enabled:
            return NO_CONTEXT
        try:
            memories = await self._memories(query)
            kept = await self._kept(query)
            said = await self._broadcasts(query) if kept else []
        except SpineError:
            return Context()
        room = self._recall.tokens - sum(map(estimate_tokens, memories))
        turns = self._turns(query, kept, room=room)
        room -= sum(estimate_tokens(turn.content) for turn in turns)
        carried = [message.content for message in (*query.messages, *turns)]
        points = await self._points(query, said, carried, room=max(room, 0)) if said else ()
        note, told = note_of(memories), self._brief(query, route)
        return Context(
            turns,
            (note,) if note else (),
            points=points,
            suggestion=told.suggestion if told else "",
            before=(kept[-1].payload or {}, kept[-1].text) if kept else None,
        )

    async def _kept(self, query: Query) -> list[Signal]:
        """The newest turns of the session; what is still on its way to the store is waited for."""
        if query.begins:
            return []
        await self._writer.flush()
        return await self._bus.recent(Channel.SESSION, query.session, count=max(self._recall.turns, 1))

    async def _memories(self, query: Query) -> list[str]:
        if not self._recall.memories:
            return []
        kept = await self._bus.recent(Channel.PERSISTENT, count=MOST_MEMORIES)
        if not kept:
            return []
        texts = [signal.text for signal in kept]
        limits = {"most": self._recall.memories, "room": self._recall.tokens // 2}
        return await self.encoders.meaning.run(
            lambda encoder: relevant_memories(query.question, texts, encoder, **limits)
        )

    async def _broadcasts(self, query: Query) -> list[tuple[str, str]]:
        if not self._recall.points:
            return []
        found = await self._bus.recent(Channel.HARMONIC, query.session, count=MOST_HARMONIC)
        return [(signal.writer, signal.text) for signal in found if signal.kind == broadcast.KIND]

    async def _points(
        self, query: Query, said: Sequence[tuple[str, str]], carried: Sequence[str], *, room: int
    ) -> tuple[tuple[str, str], ...]:
        most = self._recall.points
        return await self.encoders.meaning.run(
            lambda encoder: broadcast.points_for(query.question, said, carried, encoder, most=most, room=room)
        )

    def _turns(self, query: Query, kept: Sequence[Signal], *, room: int) -> tuple[Message, ...]:
        carried = {_normal(message.content) for message in query.messages if message.role == "user"}
        turns: list[Message] = []
        for signal in reversed(kept[-self._recall.turns :] if self._recall.turns else ()):
            asked, answered = _turn(signal)
            if _normal(asked) in carried:
                continue
            room -= estimate_tokens(asked) + estimate_tokens(answered)
            if room < 0:
                break
            turns[:0] = [Message("user", asked), Message("assistant", answered)]
        return tuple(turns)

    def _brief(self, query: Query, route: Route) -> Briefing | None:
        """Channel 3: what earlier questions of this kind show, where there were enough of them."""
        if not (self._recall.briefing and query.mode.merges and self._writes(query)):
            return None
        kind = _kind(route)
        told = briefing(kind, self.record.of_kind(kind))
        if told is not None:
            payload = {**told.figures, "suggestion": told.suggestion}
            self._put(self._signal(query, Channel.TASK, ORCHESTRATOR, "briefing", told.text, payload))
        return told

    def using(self, query: Query) -> AbstractContextManager[None]:
        """Keep what the spine holds of the query's session there while the query waits and runs."""
        return self._bus.using(query.session)

    def begin(self, query: Query, route: Route, context: Context) -> None:
        """Channel 0: the user's words. Channel 3: how the question is taken, and who is asked.

        Where one engine model is asked by name, and told nothing beside the request, there was nothing to decide.
        """
        if not self._writes(query):
            return
        question = query.question
        self._put(self._signal(query, Channel.IMMEDIATE, USER, "question", question))
        if query.mode is Mode.MODEL and context == NO_CONTEXT:
            return
        task = {
            "model": query.model,
            "mode": route.mode,
            "agents": [agent.name for agent in route.agents],
            "scores": {found.name: round(found.score, 4) for found in route.ranked},
            "failing": sorted(self.failing()),
            "recalled_turns": len(context.turns) // 2,
            "recalled_memories": list(context.notes),
            "recalled_points": [list(point) for point in context.points],
            "suggestion": context.suggestion,
        }
        self._put(self._signal(query, Channel.TASK, ORCHESTRATOR, "route", question, task))

    def prompt(self, query: Query, seat: Seat, messages: Sequence[Message]) -> None:
        """Channel 3: the very messages that an agent is given, where the request asked for a trace."""
        if self._writes(query):
            given = {"agent": seat.agent, "sample": seat.sample, "messages": [[m.role, m.content] for m in messages]}
            self._put(self._signal(query, Channel.TASK, ORCHESTRATOR, "prompt", "", given))

    def checked(self, query: Query, found: Checked, told: str) -> None:
        """Channel 3: what the grid core found for a puzzle, a checked candidate or that there is none."""
        if self._writes(query):
            self._put(self._signal(query, Channel.TASK, ORCHESTRATOR, "checked", told, asdict(found)))

    def drafts(self, query: Query, batch: Sequence[DraftDelta]) -> None:
        """Channel 0: what the agents wrote, once a second and when they are done."""
        if self._writes(query):
            self._say(query, self._drafts.setdefault(query.id, DraftTicks()).add(batch, time.monotonic()))

    def _say(self, query: Query, batch: Sequence[DraftDelta]) -> None:
        said = [(_writer_of(query, delta.seat), delta) for delta in batch]
        self._put(
            *(
                self._signal(query, Channel.IMMEDIATE, writer, "draft", delta.text, {"sample": delta.seat.sample})
                for writer, delta in said
            )
        )

    def _drafted(self, query: Query) -> None:
        if waiting := self._drafts.pop(query.id, None):
            self._say(query, waiting.take())

    def write(self, query: Query, *signals: Signal) -> None:
        """Signals that were made elsewhere (signals/facts.py)."""
        if self._writes(query):
            self._put(*signals)

    async def share(
        self, query: Query, context: Context, outcomes: Sequence[Outcome], answers: Sequence[str | None] = ()
    ) -> None:
        """Channel 3: each whole draft with its answer. Channel 4: how each stands to the rest, and what is broadcast.

        *answers* are those of a vote, none for an open question.
        """
        if not self._writes(query):
            return
        self._drafted(query)
        drafts = [(outcome, place) for place, outcome in enumerate(outcomes) if outcome.status is Status.OK]
        # An open question's sentences are encoded for the merge anyway; for a vote the words are enough to look at.
        open_question = not answers
        meant = open_question and self._appends
        texts = [outcome.text for outcome, _ in drafts]
        tag, relations = await self._think(
            lambda encoder: (encoder.tag, relate(query.question, texts, encoder)), meant=meant
        )
        for (outcome, place), relation in zip(drafts, relations, strict=True):
            answer = answers[place] if place < len(answers) else None
            proposal = {"place": place, "sample": outcome.seat.sample, "answer": answer}
            relation |= {"place": place, "agent": outcome.seat.agent}
            self._put(
                self._signal(query, Channel.TASK, _writer_of(query, outcome.seat), "proposal", outcome.text, proposal)
            )
        told = {"encoder": tag, "drafts": relations}
        self._put(self._signal(query, Channel.HARMONIC, ORCHESTRATOR, "relations", query.question, told))
        if self._budget and open_question:
            said = [(_writer_of(query, outcome.seat), outcome.text) for outcome, _ in drafts]
            await self._broadcast(query, context, said, meant=meant)

    async def _think(self, function: Callable[[Encoder], R], *, meant: bool) -> R:
        """Call *function* with the encoder of meaning, off the event loop; not *meant*, with the one of words."""
        return await self.encoders.meaning.run(function) if meant else function(self.encoders.words)

    async def _broadcast(
        self, query: Query, context: Context, drafts: Sequence[tuple[str, str]], *, meant: bool
    ) -> None:
        """Channel 4: every sentence's way through the gate, and each that passed as its agent's own signal."""

        def decide(encoder: Encoder) -> tuple[list[broadcast.Decision], dict[str, Any]]:
            before = broadcast.gate_of(context.before and context.before[0], encoder, self._budget)
            decisions, gate = broadcast.gated(query.question, drafts, encoder, before, budget=self._budget)
            return decisions, broadcast.gate_object(gate, encoder)

        decisions, gate = await self._think(decide, meant=meant)
        self._gates[query.id] = gate
        passed = [decision for decision in decisions if decision.passed]
        told = {
            "encoder": gate["encoder"],
            "budget": self._budget,
            "passed": len(passed),
            "of": len(decisions),
            "decisions": [{"agent": each.agent, "text": each.text[:80], **each.figures} for each in decisions],
        }
        self._put(
            self._signal(query, Channel.HARMONIC, ORCHESTRATOR, "gate", query.question, told),
            *(
                self._signal(query, Channel.HARMONIC, each.agent, broadcast.KIND, each.text, each.figures)
                for each in passed
            ),
        )

    async def keep(self, query: Query, route: Route, context: Context, report: Report, answer: str) -> None:
        """What the query leaves.

        Channel 0 and 1: the finished turn. Channel 2: what the user asked to be remembered. Channel 4: minority and
        agreement. Channel 5: what each call cost.
        """
        if not self._writes(query):
            return
        calls = {"calls": calls_of(report), "kind": _kind(route) if query.mode.merges else ""}
        self.record.add(calls, time.time())
        turn = {"question": query.question, **state_after(context.before, answer, self.encoders.words)}
        if query.id in self._gates:
            turn["gate"] = self._gates[query.id]
        elif context.before and "gate" in context.before[0]:
            turn["gate"] = context.before[0]["gate"]
        self._put(
            self._signal(query, Channel.IMMEDIATE, ORCHESTRATOR, "answer", answer),
            self._signal(query, Channel.SESSION, ORCHESTRATOR, "turn", answer, turn),
            self._signal(query, Channel.META, ORCHESTRATOR, CALLS, summary(report), calls),
        )
        if query.mode is not Mode.MODEL:  # one model's own answer is merged with nothing
            self._put(self._signal(query, Channel.HARMONIC, ORCHESTRATOR, "merge", answer, merged(report)))
        if self._recall.keep == "asked" and (texts := worth_keeping(query.question)):
            await self._remember(query, texts)

    def end(self, query: Query) -> None:
        """Let go of what was held for a query, however it ended, and have what it left written now."""
        self._drafted(query)
        self._gates.pop(query.id, None)
        self._writer.hurry()

    async def _remember(self, query: Query, texts: Sequence[str]) -> None:
        """Channel 2: the user's own words, each once."""
        try:
            known = {_normal(signal.text) for signal in await self._bus.recent(Channel.PERSISTENT, count=MOST_MEMORIES)}
            for text in texts:
                if _normal(text) not in known:
                    asked = self._signal(query, Channel.PERSISTENT, ORCHESTRATOR, "memory", text, trust=Trust.USER)
                    await self._bus.publish(asked)
        except SpineError as error:
            log.warning("a memory could not be kept", extra={"reason": type(error).__name__})

    def _writes(self, query: Query) -> bool:
        return self._enabled and query.record

    def _put(self, *signals: Signal) -> None:
        self._writer.put(signals)

    @staticmethod
    def _signal(
        query: Query,
        channel: Channel,
        writer: str,
        kind: str,
        text: str,
        payload: Mapping[str, Any] | None = None,
        *,
        trust: Trust | None = None,
    ) -> Signal:
        return Signal(
            channel=channel,
            session=query.session,
            query=query.id,
            writer=writer,
            kind=kind,
            text=text,
            payload=payload,
            trust=trust or _TRUST.get(writer, Trust.AGENT),
        )


def _kind(route: Route) -> str:
    return kind_of(route.mode, [agent.name for agent in route.agents])


def _writer_of(query: Query, seat: Seat) -> str:
    """The agent's name; an engine's model name has characters that writers' names do not."""
    return "model" if query.mode is Mode.MODEL else seat.agent


def _turn(signal: Signal) -> tuple[str, str]:
    question = (signal.payload or {}).get("question", "")
    return (question if isinstance(question, str) else ""), signal.text


def _normal(text: str) -> str:
    return " ".join(text.split()).casefold()
