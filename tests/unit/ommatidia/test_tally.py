"""Counting weights: entropies that can be reckoned by hand, and values that are none."""

import struct

import numpy as np
import pytest

from ommatidia import tally as counting
from ommatidia.tally import Histogram, Tally, tally


def test_a_constant_tensor_has_no_entropy_and_one_value() -> None:
    figures = tally("F32", iter([struct.pack("<8f", *[0.5] * 8)]))
    assert (figures.distinct, figures.entropy, figures.code_entropy) == (1, 0.0, None)


def test_sixteen_codes_equally_often_are_four_bits() -> None:
    codes = bytes(low | (15 - low) << 4 for low in range(16))
    figures = tally("Q4_0", iter([struct.pack("<e", 1.0) + codes]))
    assert (figures.distinct, figures.entropy, figures.code_entropy) == (16, 4.0, 4.0)


def test_two_scales_make_more_values_of_the_same_codes() -> None:
    codes = bytes(low | (15 - low) << 4 for low in range(16))
    figures = tally("Q4_1", iter([struct.pack("<2e", 1.0, 100.0) + codes, struct.pack("<2e", 1.0, 200.0) + codes]))
    assert (figures.distinct, figures.entropy, figures.code_entropy) == (32, 5.0, 4.0)


def test_minus_nought_is_nought() -> None:
    assert tally("F32", iter([struct.pack("<2f", 0.0, -0.0)])).distinct == 1


def test_what_is_no_number_is_counted_apart() -> None:
    figures = tally("F16", iter([struct.pack("<4e", float("nan"), float("inf"), 1.0, 2.0)]))
    assert (figures.not_finite, figures.distinct, figures.entropy) == (2, 2, 1.0)
    assert tally("Q8_0", iter([struct.pack("<e", float("inf")) + bytes([1] * 32)])).not_finite == 32


def test_without_a_histogram_the_rest_is_still_told() -> None:
    counted = Tally("F32", histogram=False)
    counted.add(struct.pack("<2f", 1.0, float("inf")))
    figures = counted.figures()
    assert (figures.not_finite, figures.repacked, figures.distinct, figures.entropy) == (1, True, None, None)


def test_merging_early_counts_the_same() -> None:
    rng = np.random.default_rng(3)
    pieces = [np.round(rng.normal(size=500), 1).astype(np.float32) for _ in range(20)]
    whole = np.concatenate(pieces) + np.float32(0)
    found = Histogram(pending=64)
    for piece in pieces:
        found.add(piece)
    values, counts = np.unique(whole, return_counts=True)
    order = np.argsort(found.values())
    assert found.values()[order].tolist() == values.tolist()
    assert found.counts()[order].tolist() == counts.tolist()
    assert counting.entropy(found.counts()) == pytest.approx(counting.entropy(counts))
