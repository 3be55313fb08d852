"""Between the orchestrator and the spine: what agents are told of earlier turns, and what is left for all to see.

Channels (docs/spine.md): 0 the turn and the drafts as they stream, 1 the session's finished turns, 3 who was asked
what, 4 how the drafts relate, 5 what each
agent's call cost. The text is the record; its frame is made from it when somebody looks (signals/story.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from harmonic_stack.config import Config
from harmonic_stack.prompts import Context, estimate_tokens
from harmonic_stack.query import DraftDelta, Message, Mode, Outcome, Query, Report, Seat, Status
from harmonic_stack.routing import Route
from harmonic_stack.signals.memories import note_of, relevant_memories
from harmonic_stack.signals.relations import relate
from harmonic_stack.signals.spine_writer import SpineWriter
from ommatidia import BadFrame, Encoder, State, projected
from spine import Bus, Channel, Signal, SpineError, Trust

ORCHESTRATOR = "orchestrator"
USER = "user"
# The newest of them are looked through; all of them would cost a long read for every question.
MOST_MEMORIES = 500
_TRUST = {ORCHESTRATOR: Trust.SYSTEM, USER: Trust.USER}


class Bridge:
    """Reads the spine before a query and writes it during and after; does nothing where the spine is switched off."""

    def __init__(self, bus: Bus, writer: SpineWriter, encoder: Encoder, config: Config) -> None:
        self._bus, self._writer, self._encoder = bus, writer, encoder
        self._enabled, self._recall = config.spine.enabled, config.recall

    async def recall(self, query: Query) -> Context:
        """What the spine knows and the request does not carry: lasting memories on its subject, and earlier turns.

        Memories first, then turns, the newest kept first, all within ``recall.tokens``. A store that fails costs the
        memory, not the answer.
        """
        if not self._enabled:
            return Context()
        await self._writer.flush()
        try:
            memories = await self._memories(query)
            kept = await self._bus.recent(Channel.SESSION, query.session, count=max(self._recall.turns, 1))
        except SpineError:
            return Context()
        note = note_of(memories)
        turns = self._turns(query, kept, room=self._recall.tokens - sum(map(estimate_tokens, memories)))
        state = (kept[-1].payload or {}).get("state") if kept else None
        return Context(turns, (note,) if note else (), state if isinstance(state, dict) else None)

    async def _memories(self, query: Query) -> list[str]:
        if not self._recall.memories:
            return []
        kept = await self._bus.recent(Channel.PERSISTENT, count=MOST_MEMORIES)
        texts = [signal.text for signal in kept]
        limits = {"most": self._recall.memories, "room": self._recall.tokens // 2}
        return relevant_memories(query.question, texts, self._encoder, **limits)

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

    def begin(self, query: Query, route: Route, context: Context) -> None:
        """Channel 0: the user's words. Channel 3: how the question is taken, and who is asked."""
        if not self._enabled:
            return
        task = {
            "model": query.model,
            "mode": route.mode,
            "agents": [agent.name for agent in route.agents],
            "scores": {found.name: round(found.score, 4) for found in route.ranked},
            "recalled_turns": len(context.turns) // 2,
            "recalled_memories": list(context.notes),
        }
        question = query.question
        self._put(
            self._signal(query, Channel.IMMEDIATE, USER, "question", question),
            self._signal(query, Channel.TASK, ORCHESTRATOR, "route", question, task),
        )

    def prompt(self, query: Query, seat: Seat, messages: Sequence[Message]) -> None:
        """Channel 3: the very messages that an agent is given, where the request asked for a trace."""
        if self._enabled:
            given = {"agent": seat.agent, "sample": seat.sample, "messages": [[m.role, m.content] for m in messages]}
            self._put(self._signal(query, Channel.TASK, ORCHESTRATOR, "prompt", "", given))

    def drafts(self, query: Query, batch: Sequence[DraftDelta]) -> None:
        """Channel 0: what the agents wrote since the last tick."""
        if self._enabled:
            said = [(_writer_of(query, delta.seat), delta) for delta in batch]
            self._put(
                *(
                    self._signal(query, Channel.IMMEDIATE, writer, "draft", delta.text, {"sample": delta.seat.sample})
                    for writer, delta in said
                )
            )

    def write(self, *signals: Signal) -> None:
        """Signals that were made elsewhere (signals/facts.py)."""
        if self._enabled:
            self._put(*signals)

    def share(self, query: Query, outcomes: Sequence[Outcome], answers: Sequence[str | None] = ()) -> None:
        """Channel 3: each whole draft with its answer. Channel 4: how novel, relevant and agreed each is."""
        if not self._enabled:
            return
        drafts = [(outcome, place) for place, outcome in enumerate(outcomes) if outcome.status is Status.OK]
        relations = relate(query.question, [outcome.text for outcome, _ in drafts], self._encoder)
        for (outcome, place), relation in zip(drafts, relations, strict=True):
            answer = answers[place] if place < len(answers) else None
            proposal = {"place": place, "sample": outcome.seat.sample, "answer": answer}
            relation |= {"place": place, "agent": outcome.seat.agent}
            self._put(
                self._signal(query, Channel.TASK, _writer_of(query, outcome.seat), "proposal", outcome.text, proposal)
            )
        told = {"encoder": self._encoder.tag, "drafts": relations}
        self._put(self._signal(query, Channel.HARMONIC, ORCHESTRATOR, "relations", query.question, told))

    def keep(self, query: Query, context: Context, report: Report, answer: str) -> None:
        """Channel 0 and 1: the finished turn. Channel 4: minority and agreement. Channel 5: what each call cost."""
        if not self._enabled:
            return
        merged: dict[str, Any] = {
            "mode": report.mode,
            "agreement": None
            if report.agreement is None
            else {
                "votes": report.agreement.votes,
                "asked": report.agreement.asked,
                "answer": report.agreement.answer,
            },
            "minority": [
                {
                    "agent": point.agent,
                    "holders": list(point.holders),
                    "text": point.text,
                    "votes": point.votes,
                    "kept": point.kept,
                    "against": point.against,
                    "evidence": point.evidence,
                }
                for point in report.minority
            ],
            "coverage": report.coverage,
            "warnings": list(report.warnings),
        }
        calls = [*report.outcomes, *([report.aggregator] if report.aggregator else [])]
        turn = {"question": query.question, **self._next_state(context, answer)}
        self._put(
            self._signal(query, Channel.IMMEDIATE, ORCHESTRATOR, "answer", answer),
            self._signal(query, Channel.SESSION, ORCHESTRATOR, "turn", answer, turn),
            self._signal(query, Channel.HARMONIC, ORCHESTRATOR, "merge", answer, merged),
            self._signal(query, Channel.META, ORCHESTRATOR, "calls", _summary(calls), {"calls": [*map(_cost, calls)]}),
        )

    def _next_state(self, context: Context, answer: str) -> dict[str, Any]:
        """The session's state after this turn; one that another encoder made, or a damaged one, starts anew."""
        kept = context.state or {}
        try:
            state = State.from_json(kept) if kept.get("encoder") == self._encoder.tag else State.fresh()
        except BadFrame:
            state = State.fresh()
        after, surprise = state.after(projected(self._encoder.encode([answer])[0]))
        told = {"encoder": self._encoder.tag, "surprise": list(surprise.levels), "spike": surprise.spike}
        return {"state": {**after.to_json(), **told}}

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
    ) -> Signal:
        return Signal(
            channel=channel,
            session=query.session,
            query=query.id,
            writer=writer,
            kind=kind,
            text=text,
            payload=payload,
            trust=_TRUST.get(writer, Trust.AGENT),
        )


def _writer_of(query: Query, seat: Seat) -> str:
    """The agent's name; an engine's model name has characters that writers' names do not."""
    return "model" if query.mode is Mode.MODEL else seat.agent


def _turn(signal: Signal) -> tuple[str, str]:
    question = (signal.payload or {}).get("question", "")
    return (question if isinstance(question, str) else ""), signal.text


def _summary(calls: Sequence[Outcome]) -> str:
    """The calls in words: who answered, with how many tokens in which time."""
    spent = [(call, call.completion) for call in calls]
    return "; ".join(
        f"{call.seat} {call.status.value}: {cost.completion_tokens} tokens in {cost.seconds:.1f} s"
        for call, cost in spent
    )


def _cost(call: Outcome) -> dict[str, Any]:
    spent = call.completion
    rate = spent.completion_tokens / spent.seconds if spent.seconds else None
    return {
        "agent": call.seat.agent,
        "sample": call.seat.sample,
        "status": call.status.value,
        "reason": call.reason,
        "seconds": round(spent.seconds, 3),
        "slot_wait": round(spent.slot_wait, 3),
        "first_token": None if spent.first_token is None else round(spent.first_token, 3),
        "completion_tokens": spent.completion_tokens,
        "prompt_tokens": spent.prompt_tokens,
        "tokens_per_second": None if rate is None else round(rate, 1),
    }


def _normal(text: str) -> str:
    return " ".join(text.split()).casefold()
