"""Replay stored drafts with known answers through the merge: ``python -m tests.bench.merging CASES_DIR``.

CASES_DIR holds ``closed.jsonl.gz`` (question, gold, kind, drafts) and ``open.jsonl.gz`` (question, drafts, fact,
fact_keys, off_topic). Prints Markdown; intervals are bootstraps at 95 %, over cases, and over questions where several
cases share one.
"""

import gzip
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harmonic_stack.harmonize import canonical, final_answer, minority_points, verdict
from ommatidia import Cached, Encoder, Hash512, agreement, best_encoder, novelty, relevance

Case = dict[str, Any]
POLICIES = ((1, 1), (2, 5), (2, 9), (3, 9), (9, 9))
_RESAMPLES = 2000
_TEXTS = 20_000  # sentences and drafts of all cases, so that each is encoded once


@dataclass(frozen=True)
class Votes:
    """A stopping rule replayed on every case: was the answer right, and how many drafts were asked."""

    right: list[bool]
    asked: list[int]


@dataclass(frozen=True)
class Retention:
    """The open cases: does the planted fact stand in the answer, was the off-topic sentence appended, points, words."""

    fact: list[bool]
    off_topic: list[bool]
    points: list[int]
    longer: list[float]  # words appended as a share of the base's


def load(path: Path) -> list[Case]:
    """One case a line, gzipped JSON."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def extract(cases: Sequence[Case]) -> list[list[str | None]]:
    """Every draft's short answer; the extraction sees the question, never the answer or its kind."""
    return [[final_answer(draft, case["question"]) for draft in case["drafts"]] for case in cases]


def replay(cases: Sequence[Case], answers: Sequence[Sequence[str | None]], *, lead: int, most: int) -> Votes:
    """Ask draft after draft, as the orchestrator does, until the verdict is there."""
    votes = Votes([], [])
    for case, given in zip(cases, answers, strict=True):
        asked = range(1, len(given) + 1)
        found = next(v for n in asked if (v := verdict(given[:n], lead=lead, most=min(most, len(given)))) is not None)
        votes.right.append(is_right(found.answer, case))
        votes.asked.append(found.asked)
    return votes


def is_right(answer: str | None, case: Case) -> bool:
    """Numbers are compared by value, other answers by their letters."""
    if answer is None:
        return False
    if case["kind"] == "number":
        try:
            return abs(float(answer) - float(case["gold"])) < 1e-9
        except ValueError:
            return False
    gold = canonical(case["gold"], case["question"]) or case["gold"]
    return "".join(answer.split()).casefold() == "".join(gold.split()).casefold()


def retain(cases: Sequence[Case], encoder: Encoder) -> Retention:
    """Append to draft 0 what the rule keeps of the others, by the thresholds of *encoder*."""
    found = Retention([], [], [], [])
    for case in cases:
        base = case["drafts"][0]
        points = minority_points(case["question"], base, case["drafts"], encoder=encoder)
        kept = [point.text for point in points if point.kept]
        answer = " ".join([base, *kept]).lower()
        found.fact.append(any(key in answer for key in case["fact_keys"]))
        found.off_topic.append(case["off_topic"] in kept)
        found.points.append(len(kept))
        found.longer.append(sum(len(text.split()) for text in kept) / max(len(base.split()), 1))
    return found


def interval(values: Sequence[float], groups: Sequence[object] | None = None) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean; whole *groups* are drawn. Seeded, so that a run can be repeated."""
    owners = list(groups) if groups is not None else list(range(len(values)))
    names = {owner: place for place, owner in enumerate(dict.fromkeys(owners))}
    at = [names[owner] for owner in owners]
    sums, sizes = np.bincount(at, np.asarray(values, dtype=float)), np.bincount(at)
    draws = np.random.default_rng(0).integers(0, len(names), (_RESAMPLES, len(names)))
    low, high = np.percentile(sums[draws].sum(axis=1) / sizes[draws].sum(axis=1), [2.5, 97.5])
    return float(low), float(high)


def closed_table(cases: Sequence[Case]) -> str:
    """Accuracy and drafts asked of each stopping rule, and its gain on draft 0 alone."""
    answers = extract(cases)
    first = replay(cases, answers, lead=1, most=1)
    lines = [
        f"Closed questions, n = {len(cases)}:",
        "",
        "| rule | right % | 95 % | gain on draft 0, points | drafts asked |",
        "|---|---|---|---|---|",
    ]
    for lead, most in POLICIES:
        votes = replay(cases, answers, lead=lead, most=most)
        gains = [float(now) - before for now, before in zip(votes.right, first.right, strict=True)]
        name = "draft 0 alone" if most == 1 else f"all {most}" if lead == most else f"lead {lead}, at most {most}"
        gain = "" if most == 1 else f"{_signed(statistics.mean(gains))} {_between(interval(gains))}"
        right = [float(right) for right in votes.right]
        lines.append(
            f"| {name} | {statistics.mean(right):.1%} | {_between(interval(right))} | {gain} "
            f"| {statistics.mean(votes.asked):.2f} |".replace("%", "")
        )
    return "\n".join([*lines, "", *_families(cases, answers)])


def _families(cases: Sequence[Case], answers: Sequence[Sequence[str | None]]) -> list[str]:
    lines = [
        "| family | n | draft 0 | lead 2, at most 5 | lead 3, at most 9 | no answer found |",
        "|---|---|---|---|---|---|",
    ]
    for family in dict.fromkeys(case["family"] for case in cases):
        at = [place for place, case in enumerate(cases) if case["family"] == family]
        own, given = [cases[place] for place in at], [answers[place] for place in at]
        shares = [
            statistics.mean(replay(own, given, lead=lead, most=most).right) for lead, most in ((1, 1), (2, 5), (3, 9))
        ]
        missing = statistics.mean(answer is None for found in given for answer in found)
        lines.append(
            f"| {family} | {len(own)} | {' | '.join(f'{100 * share:.0f}' for share in shares)} | {missing:.1%} |"
        )
    return lines


def open_table(cases: Sequence[Case], encoder: Encoder) -> str:
    """What of the planted sentences reaches the answer."""
    bare = [any(key in case["drafts"][0].lower() for key in case["fact_keys"]) for case in cases]
    questions = list(dict.fromkeys(case["question"] for case in cases))
    lines = [
        f"Open questions, n = {len(cases)} on {len(questions)} questions; base = draft 0 (holds the fact in "
        f"{statistics.mean(bare):.1%}), encoder {encoder.tag}:",
        "",
        "| cases | fact in the answer % | off-topic appended % | points appended | longer by % |",
        "|---|---|---|---|---|",
    ]
    halves = [set(questions[::2]), set(questions[1::2])]
    for name, chosen in (("all", set(questions)), ("even questions", halves[0]), ("odd questions", halves[1])):
        part = [case for case in cases if case["question"] in chosen]
        found, groups = retain(part, encoder), [case["question"] for case in part]
        fact, off = [float(kept) for kept in found.fact], [float(kept) for kept in found.off_topic]
        figures = [
            f"{100 * statistics.mean(values):.1f} {_between(interval(values, groups))}" for values in (fact, off)
        ]
        points, longer = statistics.mean(found.points), 100 * statistics.mean(found.longer)
        lines.append(f"| {name} | {' | '.join(figures)} | {points:.2f} | {longer:.0f} |")
    return "\n".join(lines)


def cost_table(cases: Sequence[Case]) -> str:
    """Median times on this machine: the whole minority step, and the relation step without the encoder."""
    case = max(cases, key=lambda case: len(case["drafts"]))
    pool = [draft for other in cases if other["question"] == case["question"] for draft in other["drafts"]]
    # Nine drafts of about 400 tokens, put together from five short ones each.
    drafts = [" ".join(pool[(5 * at + step) % len(pool)] for step in range(5)) for at in range(9)]
    words = statistics.mean(len(draft.split()) for draft in drafts)
    vectors = Hash512().encode([*drafts, *pool[:7]])

    def relations() -> None:
        novelty(vectors), relevance(vectors, vectors[0]), agreement(vectors)

    rows = (
        (
            f"minority_points, 9 drafts of {words:.0f} words",
            _median(lambda: minority_points(case["question"], drafts[0], drafts, encoder=Hash512())),
        ),
        (f"novelty + relevance + agreement, {len(vectors)} drafts", _median(relations)),
        ("final_answer, one draft", _median(lambda: final_answer(drafts[0], case["question"]))),
    )
    return "\n".join(["| step | median ms |", "|---|---|", *(f"| {name} | {1000 * took:.2f} |" for name, took in rows)])


def _median(step: Callable[[], object], repeats: int = 25) -> float:
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}"


def _between(bounds: tuple[float, float]) -> str:
    return f"[{100 * bounds[0]:.1f}, {100 * bounds[1]:.1f}]"


def main(arguments: Sequence[str]) -> int:
    """Print all tables for the folder named; 2 where none or an unreadable one is named."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.stderr.write("usage: python -m tests.bench.merging CASES_DIR\n")
        return 2
    folder = Path(arguments[0])
    closed, opened = load(folder / "closed.jsonl.gz"), load(folder / "open.jsonl.gz")
    encoders = {encoder.tag: Cached(encoder, _TEXTS) for encoder in (Hash512(), best_encoder())}
    told = [open_table(opened, encoder) for encoder in encoders.values()]
    sys.stdout.write("\n\n".join([closed_table(closed), *told, cost_table(opened)]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
