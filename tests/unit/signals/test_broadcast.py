"""What the gate lets through to all agents, and what of it the next turn is told."""

from harmonic_stack.signals.broadcast import gate_object, gate_of, gated, points_for
from ommatidia import Gate, Hash512

QUESTION = "How should I water tomatoes in a hot summer?"
REPEATED = "Water tomatoes early in the morning."
INSIGHT = "Tomatoes in a hot summer need 20 litres of water a week."
OFF_TOPIC = "The Eiffel Tower was opened in 1889."
ENCODER = Hash512()


def test_an_insight_among_repeats_is_broadcast_and_what_is_off_topic_is_not() -> None:
    drafts = [(f"agent{place}", f"Water tomatoes early each morning, at {place}.") for place in range(9)]
    drafts += [("finder", INSIGHT), ("dreamer", OFF_TOPIC)]
    decisions, _ = gated(QUESTION, drafts, ENCODER, None, budget=0.25)
    passed = {decision.text for decision in decisions if decision.passed}
    assert INSIGHT in passed
    assert OFF_TOPIC not in passed
    assert len(passed) <= 4


def test_what_several_agents_say_is_new_to_nobody() -> None:
    drafts = [("a", f"{REPEATED} {REPEATED}"), *((name, REPEATED) for name in "bcd"), ("e", INSIGHT)]
    decisions, _ = gated(QUESTION, drafts, ENCODER, None, budget=0.25)
    assert [(each.agent, each.text) for each in decisions] == [*((n, REPEATED) for n in "abcd"), ("e", INSIGHT)]
    assert decisions[-1].passed
    assert sum(each.passed for each in decisions) <= 2  # a quarter of five, rounded up


def test_the_threshold_goes_on_from_turn_to_turn() -> None:
    _, first = gated(QUESTION, [("a", REPEATED), ("b", INSIGHT)], ENCODER, None, budget=0.25)
    kept = gate_of({"gate": gate_object(first, ENCODER)}, ENCODER, 0.25)
    assert kept == first
    decisions, _ = gated(QUESTION, [("a", OFF_TOPIC)], ENCODER, kept, budget=0.25)
    assert decisions[0].threshold == first.threshold


def test_a_gate_that_another_encoder_or_nobody_made_starts_anew() -> None:
    told = gate_object(Gate(0.25, 0.5, 0.1), ENCODER)
    assert gate_of({"gate": {**told, "encoder": "other"}}, ENCODER, 0.25) is None
    assert gate_of({"gate": {**told, "threshold": "high"}}, ENCODER, 0.25) is None
    assert gate_of({"gate": {**told, "threshold": float("nan")}}, ENCODER, 0.25) is None
    assert gate_of(None, ENCODER, 0.25) is None


def test_no_draft_gives_no_decision() -> None:
    assert gated(QUESTION, [], ENCODER, None, budget=0.25)[0] == []


def test_points_bear_on_the_question_and_are_not_carried_anyway() -> None:
    said = [("finder", INSIGHT), ("dreamer", OFF_TOPIC), ("a", REPEATED)]
    carried = [f"Yes. {REPEATED.upper()}"]
    assert points_for(QUESTION, said, carried, ENCODER, most=4, room=100) == (("finder", INSIGHT),)
    assert points_for(QUESTION, said, carried, ENCODER, most=4, room=3) == ()
    assert points_for(QUESTION, said, [], ENCODER, most=0, room=100) == ()
