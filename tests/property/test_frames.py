"""What holds for every text's frame and for every set of vectors."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ommatidia import BadFrame, Frame, Hash512, agreement, by_words, frame_of, novelty, relevance, signature

vectors = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 16), st.integers(1, 24)),
    elements=st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0, 2.0]),
).map(lambda rows: (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)).astype(np.float32))
texts = st.lists(st.lists(st.text(max_size=40), max_size=4), max_size=4)


@given(st.text(max_size=300))
def test_every_text_has_a_frame_that_survives_json(text: str) -> None:
    frame = frame_of(text, Hash512())
    assert Frame.from_json(json.loads(json.dumps(frame.to_json()))) == frame
    assert np.allclose(frame.vector(), Hash512().encode([text])[0], atol=float(frame.scale))


@given(st.text(max_size=200), st.text(max_size=200))
def test_the_row_of_a_text_does_not_depend_on_its_company(text: str, other: str) -> None:
    together, alone = Hash512().encode([text, other])[0], Hash512().encode([text])[0]
    assert np.array_equal(together, alone)
    assert np.linalg.norm(alone) < 1 + 1e-5


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(["v", "enc", "seed", "dim", "vec", "scale", "sig"]), json_values)
def test_a_frame_with_any_field_replaced_is_read_or_refused_by_type(field: str, value: object) -> None:
    stored = {**frame_of("Bread rests.", Hash512()).to_json(), field: value}
    refused = ""
    try:
        assert np.all(np.isfinite(Frame.from_json(stored).vector()))
    except BadFrame as refusal:
        refused = refusal.field.partition(".")[0]
    assert refused in ("", field, "vec")  # "vec": it no longer fits a new dim


@given(vectors)
def test_relations_are_finite_and_within_their_bounds(rows: np.ndarray) -> None:
    new, alike, near = novelty(rows), agreement(rows), relevance(rows, rows[0])
    assert new.shape == near.shape == (len(rows),)
    assert np.all((new >= 0) & (new <= 1 + 1e-6))
    assert np.all((alike >= -1) & (alike <= 1))
    assert np.all(np.abs(near) <= 2 + 1e-5)


@given(vectors, st.randoms(use_true_random=False))
def test_the_order_of_drafts_does_not_matter(rows: np.ndarray, random: object) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]  # hypothesis hands out a random.Random
    assert np.allclose(novelty(rows[order]), novelty(rows)[order], atol=2e-3)


@given(vectors)
def test_saying_it_again_is_never_new(rows: np.ndarray) -> None:
    assert novelty(np.vstack([rows, rows[:1]]))[0] < 1e-3


@given(st.text(max_size=60), texts)
def test_every_sentence_has_a_standing(question: str, said: list[list[str]]) -> None:
    standing = by_words(question, said)
    assert len(standing.relevance) == sum(map(len, said))
    assert all(0 <= closest <= told <= 1 + 1e-6 for closest, told in zip(standing.closest, standing.said, strict=True))
    assert all(near >= 0 for near in standing.relevance)


@given(st.text(max_size=300))
def test_a_signature_is_bounded_and_repeatable(text: str) -> None:
    found = signature(text)
    assert found == signature(text)
    assert (len(found.nums) <= 16, len(found.stems) <= 32, len(found.names) <= 16) == (True, True, True)
