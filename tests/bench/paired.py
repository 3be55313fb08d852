"""Is the product ever worse than one agent? Paired, case by case: ``python -m tests.bench paired CASES_DIR``.

CASES_DIR is that of ``tests.bench.merging``: drafts with known answers, draft 0 greedy, the others samples. Prints
Markdown. On closed questions each stopping rule meets (1) draft 0 alone, (2) the draft that was right most often on the
other half of a family's cases, and (3) as many drafts of one agent as cost at least as many tokens, all of them voted
on. Open questions: does the planted fact stand in the answer.

A difference is the product's share of right answers less the other's, with the 95 % bootstrap interval over cases (over
questions, where cases share one). p is McNemar's exact test: were the cases that only one of the two has right split by
a fair coin, how often would they be split this unevenly?
"""

import math
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harmonic_stack.harmonize import minority_points, verdict
from harmonic_stack.prompts import estimate_tokens
from ommatidia import Cached, best_encoder
from tests.bench.merging import Case, extract, interval, is_right, load

RULES = {"harmonic (lead 2, at most 5)": (2, 5), "harmonic-full (lead 3, at most 9)": (3, 9)}
# What "never worse" promises: the lower bound of the difference, in points.
_MARGIN = -2.0
Answers = Sequence[Sequence[str | None]]


@dataclass(frozen=True)
class Arm:
    """One way of answering, case by case: was it right, and what its drafts cost in (estimated) tokens."""

    name: str
    right: tuple[bool, ...]
    tokens: tuple[int, ...]

    def at(self, places: Sequence[int]) -> "Arm":
        """The same arm on these cases alone."""
        return Arm(self.name, tuple(self.right[at] for at in places), tuple(self.tokens[at] for at in places))


@dataclass(frozen=True)
class Compared:
    """Two arms on the same cases; shares and bounds in points."""

    difference: float
    low: float
    high: float
    only_one: int  # cases that the first alone has right
    only_other: int

    @property
    def never_worse(self) -> bool:
        """Whether the lower bound stays above the margin."""
        return self.low > _MARGIN


def compare(one: Arm, other: Arm, groups: Sequence[object] | None = None) -> Compared:
    """The first arm less the second; *groups* are drawn whole where cases share a question."""
    pairs = list(zip(one.right, other.right, strict=True))
    differences = [float(mine) - theirs for mine, theirs in pairs]
    low, high = interval(differences, groups)
    return Compared(
        100 * statistics.mean(differences),
        100 * low,
        100 * high,
        only_one=sum(mine and not theirs for mine, theirs in pairs),
        only_other=sum(theirs and not mine for mine, theirs in pairs),
    )


def exact_p(only_one: int, only_other: int) -> float:
    """McNemar's exact two-sided p: of so many coins, how likely a split at least this uneven; 1 without any.

    >>> exact_p(5, 5), exact_p(0, 0), exact_p(8, 0)
    (1.0, 1.0, 0.0078125)
    """
    coins, fewer = only_one + only_other, min(only_one, only_other)
    tail: int = sum(math.comb(coins, heads) for heads in range(fewer + 1))
    return min(1.0, 2 * tail / 2**coins)


def voted(cases: Sequence[Case], answers: Answers, *, lead: int, most: int, name: str) -> Arm:
    """The product: ask draft after draft until the verdict is there."""
    right, tokens = [], []
    for case, given in zip(cases, answers, strict=True):
        limit = min(most, len(given))
        asked = range(1, len(given) + 1)
        found = next(v for n in asked if (v := verdict(given[:n], lead=lead, most=limit)) is not None)
        right.append(is_right(found.answer, case))
        tokens.append(_cost(case, range(found.asked)))
    return Arm(name, tuple(right), tuple(tokens))


def single(cases: Sequence[Case], answers: Answers, places: Sequence[int], name: str) -> Arm:
    """One draft of each case alone: the one at its place."""
    chosen = list(zip(cases, answers, places, strict=True))
    return Arm(
        name,
        tuple(is_right(given[place], case) for case, given, place in chosen),
        tuple(_cost(case, [place]) for case, _, place in chosen),
    )


def best_single(cases: Sequence[Case], answers: Answers) -> Arm:
    """The draft that was right most often in a family, chosen on one half of its cases and taken on the other."""
    taken = [0] * len(cases)
    for family in dict.fromkeys(case["family"] for case in cases):
        own = [at for at, case in enumerate(cases) if case["family"] == family]
        for here, there in ((own[::2], own[1::2]), (own[1::2], own[::2])):
            drafts = range(min(len(answers[at]) for at in own))
            score = {place: sum(is_right(answers[at][place], cases[at]) for at in there) for place in drafts}
            best = max(drafts, key=score.__getitem__)  # of equals the first
            for at in here:
                taken[at] = best
    return single(cases, answers, taken, "best single draft of the family")


def equal_tokens(cases: Sequence[Case], answers: Answers, product: Arm) -> Arm:
    """As few drafts of one agent, all voted on, as cost the product's tokens or more; all where none do."""
    most = min(map(len, answers))
    for count in range(1, most + 1):
        cost = statistics.mean(_cost(case, range(count)) for case in cases)
        if cost >= statistics.mean(product.tokens) or count == most:
            break
    return voted(cases, answers, lead=count, most=count, name=f"{count} drafts, no stopping (tokens >= the product's)")


def closed_table(cases: Sequence[Case]) -> str:
    """Both rules against each way of asking one agent, then by family."""
    answers = extract(cases)
    first = single(cases, answers, [0] * len(cases), "draft 0 alone")
    best = best_single(cases, answers)
    lines = [
        f"Closed questions, n = {len(cases)}:",
        "",
        "| the product | against | right %, both | difference, points | only one right | p | tokens a case | > -2 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    products = [voted(cases, answers, lead=lead, most=most, name=name) for name, (lead, most) in RULES.items()]
    for product in products:
        others = (first, best, equal_tokens(cases, answers, product))
        lines += [_row(product, other) for other in others]
    return "\n".join([*lines, "", *_families(cases, products, (first, best))])


def _families(cases: Sequence[Case], products: Sequence[Arm], others: Sequence[Arm]) -> list[str]:
    heads = [f"{product.name.split(' (')[0]} less {other.name}" for product in products for other in others]
    lines = [f"| family | n | {' | '.join(heads)} |", "|---|---|" + "---|" * len(heads)]
    for family in dict.fromkeys(case["family"] for case in cases):
        own = [at for at, case in enumerate(cases) if case["family"] == family]
        cells = []
        for product in products:
            for other in others:
                found = compare(product.at(own), other.at(own))
                p = exact_p(found.only_one, found.only_other)
                cells.append(f"{found.difference:+.0f} [{found.low:.0f}, {found.high:.0f}], p {p:.2f}")
        lines.append(f"| {family} | {len(own)} | {' | '.join(cells)} |")
    return lines


def open_table(cases: Sequence[Case]) -> str:
    """The planted fact: draft 0 with its points against draft 0 alone, and against the longest draft alone."""
    encoder = Cached(best_encoder(), 20_000)
    product = Arm(f"draft 0 and its points ({encoder.tag})", *_told(cases, [_whole(case, encoder) for case in cases]))
    first = Arm("draft 0 alone", *_told(cases, [case["drafts"][0] for case in cases]))
    longest = Arm("the longest draft alone", *_told(cases, [max(case["drafts"], key=len) for case in cases]))
    groups = [case["question"] for case in cases]
    lines = [
        f"Open questions, n = {len(cases)} on {len(set(groups))} questions; right: the fact stands in the answer, "
        "tokens: of the answer. Cases share questions, so no p is told:",
        "",
        "| the product | against | right %, both | difference, points | only one right | p | tokens a case | > -2 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *(_row(product, other, groups) for other in (first, longest))])


def _row(product: Arm, other: Arm, groups: Sequence[object] | None = None) -> str:
    found = compare(product, other, groups)
    p = "" if groups is not None else f"{exact_p(found.only_one, found.only_other):.2g}"
    cells = (
        product.name,
        other.name,
        f"{_percent(product):.1f}, {_percent(other):.1f}",
        f"{found.difference:+.1f} [{found.low:.1f}, {found.high:.1f}]",
        f"{found.only_one} : {found.only_other}",
        p,
        f"{statistics.mean(product.tokens):.0f}, {statistics.mean(other.tokens):.0f}",
        "yes" if found.never_worse else "no",
    )
    return f"| {' | '.join(cells)} |"


def _whole(case: Case, encoder: Cached) -> str:
    points = minority_points(case["question"], case["drafts"][0], case["drafts"], encoder=encoder)
    return " ".join([case["drafts"][0], *(point.text for point in points if point.kept)])


def _told(cases: Sequence[Case], texts: Sequence[str]) -> tuple[tuple[bool, ...], tuple[int, ...]]:
    told = [any(key in text.lower() for key in case["fact_keys"]) for case, text in zip(cases, texts, strict=True)]
    return tuple(told), tuple(map(estimate_tokens, texts))


def _percent(arm: Arm) -> float:
    return 100 * statistics.mean(arm.right)


def _cost(case: Case, places: Sequence[int]) -> int:
    """What the drafts at these places cost. Drafts are stored as texts: a high estimate, the same for both arms."""
    return sum(estimate_tokens(case["drafts"][place]) for place in places)


def main(arguments: Sequence[str]) -> int:
    """Print both tables for the folder named; 2 where none or an unreadable one is named."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.stderr.write("usage: python -m tests.bench paired CASES_DIR\n")
        return 2
    folder = Path(arguments[0])
    closed, opened = load(folder / "closed.jsonl.gz"), load(folder / "open.jsonl.gz")
    sys.stdout.write(f"{closed_table(closed)}\n\n{open_table(opened)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
