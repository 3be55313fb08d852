"""Signals of split knowledge: which files an agent was shown, the pool of facts, and who was handed which of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from harmonic_stack.merge.contradiction import contradictions
from harmonic_stack.merge.facts import Fact
from harmonic_stack.merge.panel import Panel
from harmonic_stack.prompts import Context
from harmonic_stack.query import Query
from spine import Channel, Signal, Trust

WRITER = "orchestrator"


def knowledge_signal(query: Query, context: Context) -> Signal:
    """Channel 3: whose prompt holds passages of which files; the passages themselves stay that agent's own."""
    agents = {
        name: {"files": list(notes.files), "passages": len(notes.passages)} for name, notes in context.private.items()
    }
    text = "; ".join(f"{name}: {', '.join(notes.files)}" for name, notes in context.private.items())
    return _signal(query, Channel.TASK, "knowledge", text, {"agents": agents})


def facts_signal(query: Query, facts: Sequence[Fact], handed: Sequence[Panel]) -> Signal:
    """Channel 4: the pool with every holder, what was held back and why, each agent's panel as places in it.

    ``disagreements``: pairs of places that contradict each other by their words, with the evidence.
    """
    pooled = [
        {"text": f.text, "holders": list(f.holders), "relevance": f.relevance, "held_back": f.held_back or None}
        for f in facts
    ]
    shown = {panel.agent: {"shown": list(panel.shown), "left_out": list(panel.left_out)} for panel in handed}
    texts = [fact.text for fact in facts]
    flags = [[at, other, flag.evidence] for at, other, flag in contradictions(texts, texts) if at < other]
    text = "\n".join(fact.text for fact in facts if not fact.held_back)
    return _signal(query, Channel.HARMONIC, "facts", text, {"facts": pooled, "panels": shown, "disagreements": flags})


def _signal(query: Query, channel: Channel, kind: str, text: str, payload: Mapping[str, Any]) -> Signal:
    return Signal(
        channel=channel,
        session=query.session,
        query=query.id,
        writer=WRITER,
        kind=kind,
        text=text,
        payload=payload,
        trust=Trust.SYSTEM,
    )
