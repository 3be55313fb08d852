"""A session's state as its turns keep it (docs/spine.md): made of a first turn only when somebody needs it.

Most sessions have one turn, and the state of one turn follows from its text: it is made for the next turn, or for the
person who looks. Every later turn keeps its own, since the turns before it may be gone by then.
"""

from collections.abc import Mapping
from typing import Any

from ommatidia import BadFrame, Encoder, State, projected

Kept = Mapping[str, Any]  # the payload of a turn


def state_after(before: tuple[Kept, str] | None, answer: str, encoder: Encoder) -> dict[str, Any]:
    """What the payload of a turn with *answer* keeps of the state; *before*: the turn before it, payload and text.

    Nothing for a first turn.
    """
    return {"state": _added(_kept(*before, encoder), answer, encoder)} if before else {}


def state_of(kept: Kept, answer: str, encoder: Encoder) -> Mapping[str, Any]:
    """The state after the turn with payload *kept* and *answer*; that of a first turn is made now."""
    found = kept.get("state")
    return found if isinstance(found, Mapping) else _added(State.fresh(), answer, encoder)


def _kept(kept: Kept, answer: str, encoder: Encoder) -> State:
    """The state after a turn; one that another encoder made, or a damaged one, starts anew."""
    state = state_of(kept, answer, encoder)
    try:
        return State.from_json(state) if state.get("encoder") == encoder.tag else State.fresh()
    except BadFrame:
        return State.fresh()


def _added(state: State, answer: str, encoder: Encoder) -> dict[str, Any]:
    after, surprise = state.after(projected(encoder.encode([answer])[0]))
    return {**after.to_json(), "encoder": encoder.tag, "surprise": list(surprise.levels), "spike": surprise.spike}
