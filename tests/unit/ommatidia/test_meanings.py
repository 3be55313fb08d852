"""The table of words: whole, sorted, found by stem alone, and near where two words have a field in common."""

import numpy as np

from ommatidia import Hash512
from ommatidia.hashing import whole
from ommatidia.meanings import FILE, ROW, SIGNS, Signs, meanings
from ommatidia.words import stem


def rows(*words: str) -> Signs:
    """What the table tells of *words*."""
    return meanings(whole([stem(word) for word in words]))


def test_the_table_is_sorted_has_each_key_once_and_is_small() -> None:
    table = np.load(FILE)
    assert table.dtype == ROW
    assert (np.diff(table["key"].astype(np.int64)) > 0).all()
    assert 5_000 < len(table) < 20_000


def test_a_stem_that_is_not_in_the_table_is_a_row_of_zeros() -> None:
    known, unknown = rows("hospital", "zzqxv")
    assert known.shape == (SIGNS,)
    assert (np.abs(known) == 1).all()
    assert not unknown.any()


def test_words_of_one_field_are_nearer_than_words_of_two() -> None:
    nurse, surgeon, gravel, cement = rows("nurse", "surgeon", "gravel", "cement") / SIGNS**0.5
    assert min(nurse @ surgeon, gravel @ cement) > max(nurse @ gravel, nurse @ cement, surgeon @ gravel) + 0.1


def test_sentences_without_a_word_in_common_are_near_where_their_subject_is_one() -> None:
    said, same, apart = Hash512().encode(
        ["The surgeon washed before the operation.", "Nurses care for hospital patients.", "Guitars need new strings."]
    )
    assert said @ same > said @ apart + 0.1


def test_words_that_the_table_lacks_still_make_a_unit_vector() -> None:
    assert np.allclose(np.linalg.norm(Hash512().encode(["zzqxv wgrrl", "the of and"]), axis=1), 1)


def test_what_stands_beside_a_text_does_not_change_its_vector() -> None:
    alone = Hash512().encode(["Wind turbines make power."])
    among = Hash512().encode(["the", "", "Wind turbines make power.", "Bread needs rest."])
    assert np.allclose(alone[0], among[2], atol=1e-6)
    assert not among[1].any()
