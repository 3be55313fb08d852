"""Does the variance of Fourier bands tell synonyms from antonyms where cosine cannot?

    python -m tests.experiments.band_coherence [--bands 8] [--bases 60]

Each pair's vectors are cut into bands in three ways: by their Fourier transform, as claimed; by random orthogonal
bases, which know nothing of meaning; and not at all, which is the cosine. docs/experiments/band-coherence.md
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ommatidia import Encoder, Hash512, OmmatidiaError
from tests.experiments.word_pairs import GROUPS

Array = npt.NDArray[np.float64]
Pairs = tuple[Array, Array]  # two arrays of shape (n, d), a row of each is a pair


def cosines(one: Array, other: Array) -> Array:
    """The cosine of each pair, shape (n,); complex rows by the real part of their product."""
    product = np.real(np.sum(one * np.conj(other), axis=-1))
    lengths = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    return np.divide(product, lengths, out=np.zeros_like(product), where=lengths > 0)


def band_variance(one: Array, other: Array, bands: int) -> Array:
    """The variance of the cosines of equal bands, shape (n,); the last band takes what is left over."""
    width = one.shape[-1] // bands
    edges = [width * band for band in range(bands)] + [one.shape[-1]]
    found = [cosines(one[:, a:b], other[:, a:b]) for a, b in pairwise(edges)]
    return np.var(np.stack(found), axis=0)


def fourier_variance(one: Array, other: Array, bands: int) -> Array:
    """The statistic that is claimed: of the bands of the real Fourier transform."""
    return band_variance(np.fft.rfft(one), np.fft.rfft(other), bands)


def random_basis(width: int, rng: np.random.Generator) -> Array:
    """An orthogonal matrix, uniform over all of them (QR of noise, signs fixed: Mezzadri 2007)."""
    q, r = np.linalg.qr(rng.normal(size=(width, width)))
    return q * np.sign(np.diag(r))


def theory(cosine: Array, bands: int, width: int) -> Array:
    """The variance to expect in any basis that knows nothing of meaning: (1 - c^2)^2 B / d."""
    return (1 - cosine**2) ** 2 * bands / width


def auc(low: Array, high: Array) -> float:
    """The chance that a member of *high* lies above one of *low*; 0.5 tells nothing."""
    above = high[:, None] > low[None, :]
    level = high[:, None] == low[None, :]
    return float(np.mean(above + 0.5 * level))


@dataclass(frozen=True)
class Result:
    """Everything of one encoder: means by group, and AUCs of each question with the control beside it."""

    means: dict[str, tuple[float, float, float, float, float]]  # cosine, Fourier, random, its sd, theory
    aucs: dict[str, tuple[float, float, Array]]  # minus cosine (nan: not asked), Fourier, one of each random basis


def run(encoder: Encoder, *, bands: int = 8, bases: int = 60, seed: int = 1) -> Result:
    """Measure all groups with one encoder."""
    groups: dict[str, Pairs] = {
        name: tuple(encoder.encode([pair[side] for pair in pairs]).astype(np.float64) for side in (0, 1))
        for name, pairs in GROUPS.items()
    }
    rng = np.random.default_rng(seed)
    control = [random_basis(encoder.dim, rng) for _ in range(bases)]
    cosine = {name: cosines(*pair) for name, pair in groups.items()}
    expected = {name: theory(found, bands, encoder.dim) for name, found in cosine.items()}
    fourier = {name: fourier_variance(*pair, bands) for name, pair in groups.items()}
    random = {
        name: np.stack([band_variance(one @ basis, other @ basis, bands) for basis in control])
        for name, (one, other) in groups.items()
    }
    means = {
        name: (
            *(float(np.mean(found[name])) for found in (cosine, fourier, random)),
            float(np.std(random[name].mean(axis=1))),
            float(np.mean(expected[name])),
        )
        for name in groups
    }
    aucs = {}
    for low, high in (("synonyms", "antonyms"), ("antonyms", "unrelated")):
        per_basis = [auc(a, b) for a, b in zip(random[low], random[high], strict=True)]
        aucs[f"{low} < {high}"] = (
            auc(-cosine[low], -cosine[high]),
            auc(fourier[low], fourier[high]),
            np.array(per_basis),
        )
    # What is left of the statistic when the part that cosine explains is taken away.
    beyond = {name: log(fourier[name]) - log(expected[name]) for name in groups}
    apart = {name: log(random[name]) - log(expected[name]) for name in groups}
    rest = [auc(a, b) for a, b in zip(apart["synonyms"], apart["antonyms"], strict=True)]
    aucs["synonyms < antonyms, cosine out"] = (
        float("nan"),
        auc(beyond["synonyms"], beyond["antonyms"]),
        np.array(rest),
    )
    return Result(means, aucs)


def log(found: Array) -> Array:
    """The logarithm; a pair without a single common feature in some band may have a variance of nought."""
    return np.log(np.maximum(found, 1e-12))


def encoders() -> Iterator[Encoder]:
    """Every encoder that is installed here."""
    yield Hash512()
    if find_spec("ommatidia.minilm") is None:
        sys.stderr.write("left out: MiniLM, which this version has no encoder for\n")
        return
    try:
        yield import_module("ommatidia.minilm").MiniLM()
    except OmmatidiaError as missing:
        sys.stderr.write(f"left out: MiniLM ({missing})\n")


def main() -> None:
    """Print the tables of the page."""
    parser = argparse.ArgumentParser(description="Fourier bands against random bases and cosine.")
    parser.add_argument("--bands", type=int, default=8)
    parser.add_argument("--bases", type=int, default=60)
    wanted = parser.parse_args()
    counts = ", ".join(f"{len(pairs)} {name}" for name, pairs in GROUPS.items())
    for encoder in encoders():
        found = run(encoder, bands=wanted.bands, bases=wanted.bases)
        print(f"\n{encoder.tag}, width {encoder.dim}, {wanted.bands} bands, {wanted.bases} random bases; {counts}\n")
        print("| pairs | mean cosine | Fourier variance | random bases | theory |\n| --- | --- | --- | --- | --- |")
        for name, (cosine, fourier, random, spread, expected) in found.means.items():
            print(f"| {name} | {cosine:.3f} | {fourier:.4f} | {random:.4f} +- {spread:.4f} | {expected:.4f} |")
        print("\n| AUC | cosine | Fourier | random bases, mean (least to most) | as high as Fourier |")
        print("| --- | --- | --- | --- | --- |")
        for name, (alone, fourier, random) in found.aucs.items():
            told = "" if np.isnan(alone) else f"{alone:.3f}"
            control = f"{random.mean():.3f} ({random.min():.3f} to {random.max():.3f})"
            reach = f"{np.count_nonzero(random >= fourier)} of {len(random)}"
            print(f"| {name} | {told} | {fourier:.3f} | {control} | {reach} |")


if __name__ == "__main__":
    main()
