"""Does what only one of N drafts knows reach the answer? ``python -m tests.bench planted``.

Cases are put together by tests/eval/planted.py. Beside the rule: all drafts one after another cut to as many words, and
a filter that keeps what at least half of the drafts say. Prints Markdown.
"""

import statistics
import sys
from collections.abc import Callable, Sequence

import numpy as np

from harmonic_stack.harmonize import minority_points
from ommatidia import Cached, Encoder, Hash512, best_encoder
from ommatidia.disagree import disagreements
from ommatidia.shared import shared_points
from tests.bench.merging import interval
from tests.eval.planted import SIZES, Planted, contradicted, planted

_SAME = 0.6  # cosine from which the filter takes two sentences for one
_REPEATS = 2000


def appended(case: Planted, encoder: Encoder) -> list[str]:
    """The sentences that the rule adds to the base."""
    drafts = [" ".join(draft) for draft in case.drafts]
    return [point.text for point in minority_points(case.question, drafts[0], drafts, encoder=encoder) if point.kept]


def cut(case: Planted, words: int) -> str:
    """All drafts one after another, the first *words* words."""
    return " ".join(" ".join(sentence for draft in case.drafts for sentence in draft).split()[:words])


def majority(case: Planted, encoder: Encoder) -> str:
    """What at least half of the drafts say, each point in its first wording."""
    said = [(at, sentence) for at, draft in enumerate(case.drafts) for sentence in draft]
    vectors = encoder.encode([sentence for _, sentence in said])
    alike = vectors @ vectors.T >= _SAME
    held = [len({said[other][0] for other in np.flatnonzero(row)}) for row in alike]
    kept: list[int] = []
    for at, count in enumerate(held):
        if 2 * count >= len(case.drafts) and not alike[at, kept].any():
            kept.append(at)
    return " ".join(said[at][1] for at in kept)


def arms(cases: Sequence[Planted], encoders: Sequence[Encoder]) -> str:
    """Retention of every arm on the same cases."""
    lines = ["| arm | fact in the answer % | off-topic % | points | words v. base |", "|---|---|---|---|---|"]

    def row(name: str, texts: Sequence[str], points: Sequence[int] | None = None) -> None:
        fact = [float(case.key in text.lower()) for case, text in zip(cases, texts, strict=True)]
        off = [float(case.off_topic in text) for case, text in zip(cases, texts, strict=True)]
        longer = [
            len(text.split()) / len(" ".join(case.drafts[0]).split()) for case, text in zip(cases, texts, strict=True)
        ]
        low, high = interval(fact, [case.question for case in cases])
        lines.append(
            f"| {name} | {100 * statistics.mean(fact):.1f} [{100 * low:.1f}, {100 * high:.1f}] "
            f"| {100 * statistics.mean(off):.1f} | {statistics.mean(points) if points else 0:.2f} "
            f"| {statistics.mean(longer):.2f} |"
        )

    for encoder in encoders:
        added = [appended(case, encoder) for case in cases]
        answers = [" ".join([*case.drafts[0], *more]) for case, more in zip(cases, added, strict=True)]
        row(f"appended, {encoder.tag}", answers, [len(more) for more in added])
    budgets = [len(answer.split()) for answer in answers]
    row("all drafts cut to the same words", [cut(case, words) for case, words in zip(cases, budgets, strict=True)])
    row("what half of the drafts say", [majority(case, encoders[-1]) for case in cases])
    return "\n".join(lines)


def by_place(cases: Sequence[Planted], encoder: Encoder) -> str:
    """Retention for every number of drafts and every planted place."""
    kept: dict[tuple[int, int], list[float]] = {}
    for case in cases:
        told = " ".join(appended(case, encoder)).lower()
        kept.setdefault((len(case.drafts), case.place), []).append(float(case.key in told))
    places = range(1, max(SIZES))
    lines = [f"| N, {encoder.tag} | all | " + " | ".join(f"place {at}" for at in places) + " |", "|---" * 10 + "|"]
    for size in SIZES:
        every = [value for (n, _), values in kept.items() if n == size for value in values]
        shares = [f"{100 * statistics.mean(kept[size, at]):.0f}" if at < size else "" for at in places]
        lines.append(f"| {size} | {100 * statistics.mean(every):.0f} | {' | '.join(shares)} |")
    return "\n".join(lines)


def shared_table(encoder: Encoder) -> str:
    """A fact that two peers hold and the base lacks: the rule for lone points, and with the rule for shared ones."""
    cases = list(planted(echo=True))
    lone = [" ".join(appended(case, encoder)).lower() for case in cases]
    found = [shared_points(case.question, case.drafts, encoder) for case in cases]
    more = [" ".join(point.sentence for point in points[:3]).lower() for points in found]
    both = [case.key in one + two for case, one, two in zip(cases, lone, more, strict=True)]
    only = [case.key in one for case, one in zip(cases, lone, strict=True)]
    return "\n".join(
        [
            f"| a fact that two peers hold, n = {len(cases)} | in the answer % | points added |",
            "|---|---|---|",
            f"| lone points alone | {100 * statistics.mean(only):.1f} | |",
            f"| and at most 3 shared ones | {100 * statistics.mean(both):.1f} "
            f"| {statistics.mean(min(len(points), 3) for points in found):.2f} |",
        ]
    )


def contradiction_table(encoders: Sequence[Encoder]) -> str:
    """One draft of five contradicts a point of the others: is the sentence flagged, and how many others are."""
    lines = ["| encoder | contradiction flagged % | other pairs flagged a case |", "|---|---|---|"]
    for encoder in encoders:
        hits, others = [], []
        for case, sentence in contradicted():
            found = disagreements(case.drafts, encoder)
            hits.append(float(any(sentence in pair.sentences for pair in found)))
            others.append(sum(sentence not in pair.sentences for pair in found))
        lines.append(f"| {encoder.tag} | {100 * statistics.mean(hits):.1f} | {statistics.mean(others):.2f} |")
    return "\n".join(lines)


def main() -> int:
    """Print all tables."""
    encoders = [Cached(Hash512(), _REPEATS)]
    if best_encoder().tag != encoders[0].tag:
        encoders.append(Cached(best_encoder(), _REPEATS))
    cases = list(planted())
    tables: list[Callable[[], str]] = [
        lambda: f"n = {len(cases)}\n\n" + arms(cases, encoders),
        *(lambda encoder=encoder: by_place(cases, encoder) for encoder in encoders),
        lambda: shared_table(encoders[-1]),
        lambda: contradiction_table(encoders),
    ]
    for table in tables:
        sys.stdout.write(table() + "\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
