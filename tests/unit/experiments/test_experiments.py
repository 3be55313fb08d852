"""The measures of the experiments, where their answer is known beforehand."""

import numpy as np
import pytest

from tests.experiments.band_coherence import auc, band_variance, cosines, fourier_variance, random_basis, run, theory
from tests.experiments.weight_overlap import Weights, controls, share
from tests.experiments.word_pairs import GROUPS

RNG = np.random.default_rng(5)


def test_the_lists_are_long_enough_and_no_pair_stands_in_two() -> None:
    pairs = [frozenset(pair) for group in GROUPS.values() for pair in group]
    assert min(len(group) for group in GROUPS.values()) >= 60
    assert len(set(pairs)) == len(pairs)


def test_one_band_is_the_cosine_and_has_no_variance() -> None:
    one, other = RNG.normal(size=(2, 7, 32))
    assert band_variance(one, other, 1).tolist() == [0.0] * 7
    assert cosines(one, one) == pytest.approx(np.ones(7))


def test_bands_that_differ_are_seen_in_their_own_basis_and_lost_in_another() -> None:
    t = np.arange(64)
    slow, quick = np.cos(2 * np.pi * 2 * t / 64), np.cos(2 * np.pi * 30 * t / 64)
    one, other = np.array([slow + quick]), np.array([slow - quick])  # alike where slow, opposed where quick
    basis = random_basis(64, RNG)
    assert fourier_variance(one, other, 2)[0] == pytest.approx(1.0)
    assert band_variance(one @ basis, other @ basis, 2)[0] < 0.2


def test_in_a_random_basis_the_variance_is_that_of_the_theory() -> None:
    one = RNG.normal(size=(300, 384))
    for mix in (0.2, 1.0, 3.0):
        other = mix * one + RNG.normal(size=one.shape)
        found = band_variance(one, other, 8).mean()
        # Of B estimates the variance about their own mean is (B - 1) / B of that about the true one.
        assert found == pytest.approx(theory(cosines(one, other), 8, 384).mean() * 7 / 8, rel=0.1)


def test_auc_counts_ties_by_half() -> None:
    assert auc(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 1.0
    assert auc(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0.5


def test_a_planted_difference_of_bands_is_found() -> None:
    class Planted:
        """Antonyms are opposed in the upper half of the spectrum; cosine alone sees them as synonyms of less noise."""

        tag, dim = "planted", 64

        def encode(self, texts: list[str]) -> np.ndarray:
            second = texts == [pair[1] for pair in GROUPS["antonyms"]]
            rng = np.random.default_rng(len(texts))
            spectrum = rng.normal(size=(len(texts), 33)) + 1j * rng.normal(size=(len(texts), 33))
            if second:
                spectrum[:, 16:] *= -1
            return np.fft.irfft(spectrum).astype(np.float32)

    found = run(Planted(), bases=5)
    _, fourier, random = found.aucs["synonyms < antonyms, cosine out"]
    assert fourier > 0.95 > random.max()


def test_the_share_and_its_controls() -> None:
    values = np.array([0.0012, 0.0049, 1.0])
    model = Weights("m", values, np.array([2, 1, 1]), 0)
    keys, counts = model.rounded(3)
    assert (keys.tolist(), counts.tolist()) == ([1, 5, 1000], [2, 1, 1])
    assert share(keys, counts, np.array([1, 1000])) == 0.75
    gaussian, moved = controls(model, RNG)
    assert gaussian.spread() == pytest.approx(model.spread(), rel=0.01)
    assert np.isclose(moved.values.max(), 1.2, rtol=1e-4)
