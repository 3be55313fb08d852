"""What of the drafts all agents are told in the next turn: the most salient sentences, as the gate decides (pure).

Only the drafts of an open question are gated: their sentences are facts and advice. What drafts of a vote say are
opinions, and agents that were shown their peers' opinions voted worse (docs/merging.md).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from harmonic_stack.merge.sentences import whole_sentences
from harmonic_stack.prompts import estimate_tokens
from harmonic_stack.signals.memories import least_likeness
from ommatidia import Encoder, Gate, salience

# A long draft's later sentences are rarely its most salient; each one costs an encoding.
MOST_SENTENCES = 24
KIND = "broadcast"


@dataclass(frozen=True, slots=True)
class Decision:
    """One sentence before the gate: whose it is, how salient, and the threshold that it had to pass."""

    agent: str
    text: str
    salience: float
    threshold: float
    passed: bool

    @property
    def figures(self) -> dict[str, Any]:
        """Its figures, for the signal that bears it."""
        return {"salience": round(self.salience, 4), "threshold": round(self.threshold, 4), "passed": self.passed}


def gated(
    question: str, drafts: Sequence[tuple[str, str]], encoder: Encoder, gate: Gate | None, *, budget: float
) -> tuple[list[Decision], Gate]:
    """Decide on each sentence of *drafts* (agent, text), in the order asked; return the gate after them too.

    1. What several agents say stands there several times, so it is not new.
    2. Salience is novelty x relevance to *question*, over all of them (ommatidia/gate.py).
    3. A session's first window sets the threshold (*gate* None); from then on it follows the scores.
    """
    spoken = [
        (agent, sentence)
        for agent, text in drafts
        for sentence in dict.fromkeys(whole_sentences(text)[:MOST_SENTENCES])
    ]
    vectors = encoder.encode([question, *(sentence for _, sentence in spoken)])
    scores = salience(vectors[1:], vectors[0])
    gate = gate or Gate.seeded(scores, budget)
    decisions = []
    for (agent, sentence), score in zip(spoken, scores, strict=True):
        threshold = gate.threshold
        passed, gate = gate.decide(float(score))
        decisions.append(Decision(agent, sentence, float(score), threshold, passed))
    return decisions, gate


def gate_object(gate: Gate, encoder: Encoder) -> dict[str, Any]:
    """The gate as JSON, for the session's next turn."""
    return {"encoder": encoder.tag, "threshold": gate.threshold, "scale": gate.scale}


def gate_of(kept: Mapping[str, Any] | None, encoder: Encoder, budget: float) -> Gate | None:
    """The gate as the session's last turn left it; None where there is none, or another encoder's."""
    found = (kept or {}).get("gate")
    if not isinstance(found, Mapping) or found.get("encoder") != encoder.tag:
        return None
    try:
        threshold, scale = float(found["threshold"]), float(found["scale"])
    except (KeyError, TypeError, ValueError):
        return None
    return Gate(budget, threshold, scale) if isfinite(threshold) and isfinite(scale) else None


def points_for(
    question: str,
    broadcasts: Iterable[tuple[str, str]],
    carried: Sequence[str],
    encoder: Encoder,
    *,
    most: int,
    room: int,
) -> tuple[tuple[str, str], ...]:
    """The earlier broadcasts (agent, text) that bear on *question* and stand in nothing that is *carried* anyway.

    The most like the question first: at most *most*, and *room* tokens together.
    """
    told = "\n".join(_plain(text) for text in carried)
    fresh = {text: agent for agent, text in broadcasts if _plain(text) not in told}
    if not fresh or not most:
        return ()
    vectors = encoder.encode([question, *fresh])
    likeness = dict(zip(fresh, (vectors[1:] @ vectors[0]).tolist(), strict=True))
    chosen: list[tuple[str, str]] = []
    for text in sorted(fresh, key=lambda each: -likeness[each]):
        room -= estimate_tokens(text)
        if len(chosen) == most or likeness[text] < least_likeness(encoder) or room < 0:
            break
        chosen.append((fresh[text], text))
    return tuple(chosen)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
