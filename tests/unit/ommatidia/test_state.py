"""The state follows closed forms, forgets without a trace, and never grows."""

import json

import numpy as np
import pytest

from ommatidia.encode import Hash512
from ommatidia.errors import BadFrame
from ommatidia.state import TAUS, WIDTH, State, projected


def _unit(seed: int) -> np.ndarray:
    vector = np.random.default_rng(seed).standard_normal(WIDTH).astype(np.float32)
    return vector / np.linalg.norm(vector)


def _fed(vectors: list[np.ndarray]) -> State:
    state = State.fresh()
    for vector in vectors:
        state, _ = state.after(vector)
    return state


def test_constant_input_follows_the_closed_form() -> None:
    vector = _unit(1)
    for turns in (1, 4, 32, 128):
        state = _fed([vector] * turns)
        for level, tau in zip(state.levels, TAUS, strict=True):
            np.testing.assert_allclose(level, (1 - np.exp(-turns / tau)) * vector, atol=1e-5)


def test_a_level_reaches_63_percent_after_its_own_time() -> None:
    for place, tau in enumerate(TAUS):
        state = _fed([_unit(2)] * int(tau))
        assert np.linalg.norm(state.levels[place]) == pytest.approx(0.632, abs=0.001)


def test_its_size_is_constant() -> None:
    state = _fed([_unit(seed) for seed in range(10_000)])
    assert (state.levels.nbytes, len(state.to_bytes()), state.turns) == (1536, 1536, 10_000)


def test_a_forgotten_state_fed_again_is_byte_for_byte_a_fresh_one() -> None:
    history, replay = [_unit(seed) for seed in range(50)], [_unit(seed) for seed in range(100, 150)]
    assert _fed(replay).to_bytes() == _fed(replay).to_bytes()
    assert _fed([*history, *replay]).to_bytes() != _fed(replay).to_bytes()
    assert State.fresh().to_bytes() == bytes(1536)


def test_one_sessions_state_never_changes_anothers() -> None:
    mine, yours = _fed([_unit(3)]), _fed([_unit(4)])
    before = yours.to_bytes()
    mine.after(_unit(5))
    assert yours.to_bytes() == before
    with pytest.raises(ValueError, match="read-only"):
        mine.levels[0, 0] = 1


def test_a_state_survives_json_byte_for_byte_and_a_damaged_one_is_refused() -> None:
    state = _fed([_unit(seed) for seed in range(9)])
    back = State.from_json(json.loads(json.dumps(state.to_json())))
    assert (back.to_bytes(), back.turns, back.mean, back.var) == (state.to_bytes(), 9, state.mean, state.var)
    for field, value in (("levels", "AAAA"), ("levels", "no base64"), ("turns", None), ("mean", float("nan"))):
        with pytest.raises(BadFrame):
            State.from_json({**state.to_json(), field: value})


@pytest.mark.parametrize("bad", [np.full(WIDTH, np.nan), np.full(WIDTH, np.inf), np.zeros(3)])
def test_what_is_no_frame_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(BadFrame):
        State.fresh().after(bad.astype(np.float32))


def test_a_sudden_change_of_subject_is_a_spike_and_more_of_the_same_is_not() -> None:
    random = np.random.default_rng(11)
    topic, other = _unit(6), _unit(7)
    state, spikes = State.fresh(), []
    for turn in range(60):
        vector = (other if turn == 50 else topic) + 0.05 * random.standard_normal(WIDTH).astype(np.float32)
        state, surprise = state.after((vector / np.linalg.norm(vector)).astype(np.float32))
        spikes.append(surprise.spike)
    assert spikes[50]
    assert sum(spikes[20:50]) <= 1


def test_projection_keeps_likeness() -> None:
    texts = ["water the tomatoes every day", "tomatoes need water", "the engine of the car stalls"]
    vectors = Hash512().encode(texts)
    small = np.stack([projected(vector) for vector in vectors])
    assert small.shape == (3, WIDTH)
    lengths = np.linalg.norm(small, axis=1)
    assert np.all((lengths > 0.75) & (lengths < 1.25))
    assert small[0] @ small[1] > small[0] @ small[2] + 0.2
