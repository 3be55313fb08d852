"""Vectors at another width: likeness and a model's own width kept, seeds apart, and what is no vector refused."""

import numpy as np
import pytest

from ommatidia import BadFrame, project
from ommatidia.projection import WIDEST, WIDTH, from_engine


def rows(count: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((count, width)).astype(np.float32)


@pytest.mark.parametrize("width", [64, 128, 384, 1024])
def test_rows_become_unit_rows_of_128_and_keep_their_likeness(width: int) -> None:
    made = rows(6, width)
    made[1] = made[0] + 0.3 * made[1]
    found = project(made)
    assert (found.shape, found.dtype) == ((6, WIDTH), np.float32)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert found[0] @ found[1] > 0.85
    assert abs(found[0] @ found[2]) < 0.45


def test_another_seed_is_another_space() -> None:
    made = rows(1, 384)
    assert abs((project(made, 0) @ project(made, 1).T).item()) < 0.5
    assert np.array_equal(project(made, 1), project(made, 1))


def test_white_space_is_zeros_and_takes_no_vector() -> None:
    found = from_engine(["a", " \n", "b"], rows(2, 384).tolist())
    assert np.linalg.norm(found, axis=1).round(4).tolist() == [1, 0, 1]
    assert from_engine([], []).shape == (0, WIDEST)
    assert from_engine([" "], [], unasked=384).tolist() == [[0.0] * 384]


@pytest.mark.parametrize(("own", "kept"), [(64, 64), (128, 128), (384, 384), (512, 512), (513, 512), (4096, 512)])
def test_an_engines_vectors_keep_their_own_width_up_to_512(own: int, kept: int) -> None:
    made = rows(4, own)
    found = from_engine(["a", "b", "c", "d"], made.tolist())
    assert found.shape == (4, kept)
    unit = made / np.linalg.norm(made, axis=1, keepdims=True)
    # A cosine of two projected vectors scatters by about 1 / sqrt(512) = 0.044; one that was not projected stays.
    assert np.abs(found @ found.T - unit @ unit.T).max() < (1e-5 if own == kept else 5 * 512**-0.5)


def test_projection_to_512_keeps_cosines_better_than_to_128() -> None:
    made = rows(40, 1024)
    unit = made / np.linalg.norm(made, axis=1, keepdims=True)
    off = {width: np.abs((row := project(made, width=width)) @ row.T - unit @ unit.T).mean() for width in (128, 512)}
    assert off[512] < off[128] / 1.5


def test_a_vector_too_wide_to_be_one_is_refused_before_a_matrix_is_made_for_it() -> None:
    with pytest.raises(BadFrame, match="16384"):
        from_engine(["one"], [[0.5] * 20_000])


@pytest.mark.parametrize("answered", [[[1.0, 2.0]], [[1.0], [1.0, 2.0]], [[], []], [[float("nan")], [1.0]], ["a", "b"]])
def test_what_is_no_vector_for_each_text_is_refused(answered: list[list[float]]) -> None:
    with pytest.raises(BadFrame):
        from_engine(["one", "two"], answered)
