"""The encoder that is always there: stable, unit rows, and near where words are shared."""

import subprocess
import sys

import numpy as np

from ommatidia import Hash512


def test_rows_are_unit_vectors_of_512() -> None:
    rows = Hash512().encode(["Bread needs rest.", "Stars shine."])
    assert (rows.shape, rows.dtype) == ((2, 512), np.float32)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)


def test_a_text_without_words_is_a_row_of_zeros() -> None:
    assert not Hash512().encode(["", " ... "]).any()
    assert Hash512().encode([]).shape == (0, 512)


def test_shared_words_and_shared_beginnings_are_near() -> None:
    one, other, apart = Hash512().encode(
        ["The photographer planned it", "photos of a photographer", "wind turbines turn"]
    )
    assert one @ other > 0.3
    assert abs(one @ apart) < 0.2


def test_the_seed_chooses_another_space() -> None:
    text = ["the same words"]
    assert not np.allclose(Hash512(seed=0).encode(text), Hash512(seed=1).encode(text))


def test_vectors_are_the_same_in_another_process() -> None:
    code = "from ommatidia import Hash512; print(Hash512().encode(['Wind turbines make power.']).tobytes().hex())"
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert other.stdout.strip() == Hash512().encode(["Wind turbines make power."]).tobytes().hex()
