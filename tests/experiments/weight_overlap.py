"""Do two models share their weights' values, and would a table of these replace the weights?

    python -m tests.experiments.weight_overlap [FIRST.gguf SECOND.gguf]

Without files: the demonstration model, and Gemma 3 270M where it is here (tests/models.py).
docs/experiments/weight-overlap.md
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from math import ceil, log2
from pathlib import Path

import numpy as np
import numpy.typing as npt

from launcher import demo_model
from launcher.gguf_tensors import model_files
from ommatidia.tally import Histogram, block_bytes, entropy
from ommatidia.weights import dequantise
from tests.models import find_gemma

CLAIMED = 194_471  # entries of the paper's table
SAMPLE = 5_000_000  # numbers of each control


@dataclass(frozen=True)
class Weights:
    """All weights of a model by their value: distinct values with how often each comes, and what the file takes."""

    name: str
    values: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    stored: int  # bytes of the tensors

    @property
    def total(self) -> int:
        """How many weights there are."""
        return int(self.counts.sum())

    def spread(self) -> tuple[float, float]:
        """Mean and standard deviation of the weights."""
        mean = float(np.average(self.values, weights=self.counts))
        return mean, float(np.sqrt(np.average((self.values - mean) ** 2, weights=self.counts)))

    def rounded(self, digits: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The values rounded to *digits* after the point, as whole numbers, and how often each comes."""
        keys, where = np.unique(np.rint(self.values * 10**digits).astype(np.int64), return_inverse=True)
        return keys, np.bincount(where, weights=self.counts).astype(np.int64)


def read(path: Path) -> Weights:
    """Read every tensor of a model; one whose type is not decoded is told of and left out."""
    found, stored = Histogram(), 0
    for file in model_files(path):
        for tensor in file.tensors:
            if (block := block_bytes(tensor.type)) is None:
                sys.stderr.write(f"left out: {tensor.name} ({tensor.type})\n")
                continue
            stored += tensor.size
            for piece in tensor.pieces(block):
                found.add(dequantise(tensor.type, piece))
    return Weights(path.stem, found.values().astype(np.float64), found.counts(), stored)


def share(keys: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], among: npt.NDArray[np.int64]) -> float:
    """Which share of the counted weights has a value that is *among* the others'."""
    return float(counts[np.isin(keys, among)].sum() / counts.sum())


def controls(like: Weights, rng: np.random.Generator) -> list[Weights]:
    """Two sets that know nothing of *like* but how its weights spread.

    Gaussian numbers of its mean and standard deviation; and weights of its own, each moved by up to a fifth at
    random, so that no value is what it was. The second has the outliers too, which a Gaussian has not.
    """
    mean, deviation = like.spread()
    ends = np.cumsum(like.counts)
    own = like.values[np.searchsorted(ends, rng.integers(0, ends[-1], SAMPLE), side="right")]
    once = np.ones(SAMPLE, dtype=np.int64)
    return [
        Weights("Gaussian", rng.normal(mean, deviation, SAMPLE), once, 0),
        Weights("moved", own * rng.uniform(0.8, 1.2, SAMPLE), once, 0),
    ]


def overlap_rows(one: Weights, other: Weights, rng: np.random.Generator) -> list[str]:
    """A row for each rounding: *one*'s weights found in *other*, and the controls found there."""
    blind = controls(one, rng)
    rows = []
    for digits in (3, 4, 5):
        keys, counts = one.rounded(digits)
        among, _ = other.rounded(digits)
        gaussian, moved = (share(*each.rounded(digits), among) for each in blind)
        rows.append(
            f"| {digits} | {len(keys):,} | {len(among):,} | {share(keys, counts, among):.2%} "
            f"| {gaussian:.2%} | {moved:.2%} | {entropy(counts):.1f} |"
        )
    return rows


def codebook_row(model: Weights) -> str:
    """What a table of all distinct values with an index for each weight would take, exact, against what there is."""
    distinct = len(model.values)
    bits = ceil(log2(distinct))
    size = (model.total * bits + 32 * distinct) / 8
    return (
        f"| {model.name} | {model.total:,} | {distinct:,} | {bits} | {entropy(model.counts):.1f} | {size / 1e6:.0f} MB "
        f"| {model.total * ceil(log2(CLAIMED)) / 8e6:.0f} MB | {2 * model.total / 1e6:.0f} MB "
        f"| {model.stored / 1e6:.0f} MB ({8 * model.stored / model.total:.1f} bits) |"
    )


def main() -> None:
    """Print the tables of the page."""
    parser = argparse.ArgumentParser(description="Overlap of two models' weights, and the cost of a codebook.")
    parser.add_argument("files", nargs="*", type=Path, help="two GGUF files")
    files = parser.parse_args().files
    with tempfile.TemporaryDirectory() as folder:
        if not files:
            gemma = find_gemma(Path(folder))
            files = [demo_model(), *([] if gemma is None else [gemma])]
            if gemma is None:
                sys.stderr.write("left out: the second model, which is not here; name two files\n")
        models = [read(path) for path in files]
    rng = np.random.default_rng(1)
    for one, other in zip(models, reversed(models), strict=True) if len(models) > 1 else ():
        print(f"\n{one.name} in {other.name}\n")
        print(
            "| digits | distinct | distinct there | weights found there | Gaussian | moved | entropy, bits a weight |"
        )
        print("| --- | --- | --- | --- | --- | --- | --- |")
        print("\n".join(overlap_rows(one, other, rng)))
    print(
        f"\n| model | weights | distinct | index bits | entropy | table + index | index of {CLAIMED:,} alone | f16 "
        "| its GGUF |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    print("\n".join(codebook_row(model) for model in models))


if __name__ == "__main__":
    main()
