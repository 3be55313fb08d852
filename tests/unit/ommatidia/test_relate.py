"""Relations: what is new, to the point, and alike, by their formulas."""

import numpy as np
import pytest

from ommatidia import Hash512, agreement, novelty, relevance
from ommatidia.encode import Vectors

X, Y, Z = np.eye(3, dtype=np.float32)


def rows(*vectors: Vectors) -> Vectors:
    return np.stack(vectors).astype(np.float32)


def test_novelty_is_what_the_peers_do_not_span() -> None:
    between = (X + Y) / np.sqrt(2)
    assert novelty(rows(X, Y, between)) == pytest.approx([0, 0, 0], abs=1e-4)
    assert novelty(rows(X, Y, Z)) == pytest.approx([1, 1, 1], abs=1e-4)
    assert novelty(rows(X, between)) == pytest.approx([0.5, 0.5], abs=1e-4)


def test_novelty_equals_the_residual_of_a_projection() -> None:
    vectors = Hash512().encode([f"draft {at} tells of wind and of thing number {at * at}" for at in range(16)])
    found = novelty(vectors)
    for at, vector in enumerate(vectors):
        basis, _ = np.linalg.qr(np.delete(vectors, at, axis=0).T.astype(np.float64))
        assert found[at] == pytest.approx(1 - np.sum((basis.T @ vector) ** 2), abs=1e-3)


def test_a_repeat_is_not_new_and_silence_is_not_either() -> None:
    assert novelty(rows(X, X, np.zeros(3))) == pytest.approx([0, 0, 0], abs=1e-4)
    assert novelty(rows(X)) == pytest.approx([1], abs=1e-4)
    assert novelty(np.zeros((0, 3), dtype=np.float32)).shape == (0,)


def test_relevance_is_likeness_to_the_question_plus_mean_likeness_to_the_others() -> None:
    between = (X + Y) / np.sqrt(2)
    assert relevance(rows(between, X, Z), X) == pytest.approx([np.sqrt(0.5) * 1.5, 1 + np.sqrt(0.5) / 2, 0], abs=1e-5)
    assert relevance(rows(X), X) == pytest.approx([1])


def test_agreement_is_the_cosine_of_each_pair() -> None:
    figures = agreement(rows(X, Y, (X + Y) / np.sqrt(2)))
    assert figures[0] == pytest.approx([1, 0, np.sqrt(0.5)], abs=1e-5)
    assert np.allclose(figures, figures.T)


def test_off_topic_is_new_but_not_to_the_point() -> None:
    texts = [
        "Bread dough rests so that gluten relaxes.",
        "Resting lets the gluten of bread dough relax.",
        "Mars has two moons.",
    ]
    vectors = Hash512().encode([*texts, "Why does bread dough need to rest?"])
    assert np.argmax(novelty(vectors[:3])) == 2
    assert np.argmin(relevance(vectors[:3], vectors[3])) == 2
