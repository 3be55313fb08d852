"""Which lasting memories bear on a question: chosen by likeness of text, within a budget (pure but for the encoder)."""

from collections.abc import Sequence

from harmonic_stack.prompts import estimate_tokens
from ommatidia import Encoder, as_high

# Cosine to the question, for each encoder: 1 in 100 texts of another subject reaches it, and 1 in 5 of those that bear
# on it (24 subjects, docs/ommatidia.md).
LEAST = {"hash512-2": 0.2}
LEAST_ELSEWHERE = 0.3  # with MiniLM, and as high with an encoder that was measured here
HEADING = "What you were asked to remember:"


def least_likeness(encoder: Encoder) -> float:
    """The cosine to a question from which on a text bears on it."""
    return LEAST[encoder.tag] if encoder.tag in LEAST else as_high(encoder, LEAST_ELSEWHERE)


def relevant_memories(question: str, memories: Sequence[str], encoder: Encoder, *, most: int, room: int) -> list[str]:
    """The memories that are like the *question*, the most like first: at most *most*, and *room* tokens together."""
    if not memories or not most:
        return []
    vectors = encoder.encode([question, *memories])
    likeness = vectors[1:] @ vectors[0]
    chosen: list[str] = []
    for place in sorted(range(len(memories)), key=lambda at: -float(likeness[at])):
        room -= estimate_tokens(memories[place])
        if len(chosen) == most or likeness[place] < least_likeness(encoder) or room < 0:
            break
        chosen.append(memories[place])
    return chosen


def note_of(memories: Sequence[str]) -> str:
    """The memories as a note for a system message; "" for none."""
    return "\n".join([HEADING, *(f"- {' '.join(text.split())}" for text in memories)]) if memories else ""
