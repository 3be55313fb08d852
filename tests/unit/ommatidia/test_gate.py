"""What is new and to the point is told to all; repeats and what is off topic are not; the budget holds."""

import numpy as np
import pytest

from ommatidia.encode import Hash512
from ommatidia.gate import Gate, broadcast, salience

REPEATS = [f"The bridge in the old town opens at {hour} in the morning." for hour in range(7, 15)]
INSIGHTS = ["Ships over twelve metres must call the bridge keeper first.", "The bridge stays shut on 24 December."]
OFF_TOPIC = ["Chess has sixty-four squares.", "Basil likes the sun."]


def test_insights_pass_and_neither_repeats_nor_off_topic_texts_do() -> None:
    encoder = Hash512()
    window = encoder.encode([*REPEATS, *INSIGHTS, *OFF_TOPIC])
    question = encoder.encode(["When does the bridge open for a ship on 24 December?"])[0]
    passed = np.flatnonzero(broadcast(salience(window, question)))
    assert len(passed) == 3
    assert {8, 9} <= set(passed.tolist())
    assert not {10, 11} & set(passed.tolist())


def test_permuting_the_window_permutes_the_mask() -> None:
    random = np.random.default_rng(1)
    window = random.standard_normal((12, 64)).astype(np.float32)
    window /= np.linalg.norm(window, axis=1, keepdims=True)
    order = random.permutation(12)
    one = broadcast(salience(window, window[0]))
    other = broadcast(salience(window[order], window[0]))
    assert one[order].tolist() == other.tolist()


def test_one_signal_passes_and_zero_vectors_divide_nothing() -> None:
    one = np.eye(1, 8, dtype=np.float32)
    assert broadcast(salience(one, one[0])).tolist() == [True]
    assert salience(np.zeros((3, 8), dtype=np.float32), np.zeros(8, dtype=np.float32)).tolist() == [0, 0, 0]


def test_a_flag_raises_a_signal() -> None:
    window = np.eye(4, 8, dtype=np.float32)
    flagged = np.array([False, False, True, False])
    assert broadcast(salience(window, window[0] * 0.1, flagged)).tolist() == [False, False, True, False]


SCORES = {
    "normal": lambda random: random.normal(0.5, 0.1, 5000),
    "drifting": lambda random: random.normal(0.5, 0.1, 5000) + np.linspace(0, 2, 5000),
    "heavy-tailed": lambda random: random.pareto(2.5, 5000),
    "scale x1000 mid-way": lambda random: np.concatenate([random.random(2500), 1000 * random.random(2500)]),
}


@pytest.mark.parametrize("name", SCORES)
def test_the_streaming_gate_holds_its_budget_whatever_comes(name: str) -> None:
    gate, passed = Gate(), 0
    for score in SCORES[name](np.random.default_rng(7)):
        passes, gate = gate.decide(float(score))
        passed += passes
    assert 0.22 <= passed / 5000 <= 0.29


def test_constant_scores_pass_no_more_often_than_the_budget() -> None:
    gate, passed = Gate(), 0
    for _ in range(2000):
        passes, gate = gate.decide(0.4)
        passed += passes
    assert passed / 2000 <= 0.25
