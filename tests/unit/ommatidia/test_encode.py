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


def test_a_vector_does_not_depend_on_what_was_encoded_before_or_beside() -> None:
    text = "The photographer planned 12 photos of a well-known lighthouse"
    alone = Hash512().encode([text])[0]
    busy = Hash512()
    for part in range(3):  # more words than are kept, twice over
        busy.encode([" ".join(_word(number) for number in range(part * 3000, part * 3000 + 3000))])
    assert np.array_equal(busy.encode(["lighthouse wood", text, "photos"])[1], alone)


def test_a_text_of_more_words_than_are_kept_has_all_of_them() -> None:
    many = [_word(number) for number in range(6000)]
    whole, last = Hash512().encode([" ".join(many), " ".join(many[-500:])])
    assert np.isclose(np.linalg.norm(whole), 1)
    assert whole @ last > Hash512().encode([" ".join(many[:-500])])[0] @ last + 0.1


def test_numbers_that_share_digits_are_not_near() -> None:
    one, other = Hash512().encode(["Order 20260001 failed", "20260002"])
    assert abs(one @ other) < 0.1


def _word(number: int) -> str:
    """A word of letters alone for each number."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number + 10_000)) + "x"


def test_the_seed_chooses_another_space() -> None:
    text = ["the same words"]
    assert not np.allclose(Hash512(seed=0).encode(text), Hash512(seed=1).encode(text))


def test_vectors_are_the_same_in_another_process() -> None:
    code = "from ommatidia import Hash512; print(Hash512().encode(['Wind turbines make power.']).tobytes().hex())"
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert other.stdout.strip() == Hash512().encode(["Wind turbines make power."]).tobytes().hex()
