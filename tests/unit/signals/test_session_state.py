"""A session's state as its turns keep it."""

from harmonic_stack.signals.session_state import state_after, state_of
from ommatidia import Hash512, State, projected

WORDS = Hash512()
ANSWERS = ["Water them in the morning.", "Feed them weekly.", "Mulch keeps the soil moist."]


def test_a_first_turn_keeps_nothing_and_its_state_is_made_by_who_needs_it() -> None:
    assert state_after(None, ANSWERS[0], WORDS) == {}
    assert State.from_json(state_of({}, ANSWERS[0], WORDS)).turns == 1


def test_turns_end_in_the_state_that_all_their_answers_make() -> None:
    before, plain = None, State.fresh()
    for answer in ANSWERS:
        before = state_after(before, answer, WORDS), answer
        plain, _ = plain.after(projected(WORDS.encode([answer])[0]))
    assert before is not None
    kept = State.from_json(state_of(*before, WORDS))
    assert (kept.to_bytes(), kept.turns) == (plain.to_bytes(), 3)


def test_a_state_of_another_encoder_or_a_damaged_one_starts_anew() -> None:
    whole = state_after(({}, ANSWERS[0]), ANSWERS[1], WORDS)["state"]
    for state in ({**whole, "encoder": "another"}, {**whole, "levels": "AAAA"}):
        after = state_after(({"state": state}, ANSWERS[1]), ANSWERS[2], WORDS)["state"]
        assert after["turns"] == 1
