"""Which agent a query goes to, and is it told for closed or open: ``python -m tests.bench routing [--failures]``.

The crew that comes with the stack, on queries of tests/eval/routing.jsonl that are no part of its examples: 120
``held`` out, written before the last third of the examples and in view while the rule was chosen; 40 ``fresh`` ones,
written when that was done; and 112 ``clean`` ones, written last, from the roles alone, and looked at by no rule.
Keywords alone are the baseline. Closed or open also on tests/eval/questions.jsonl, where the rule was fixed on the
``dev`` half and ``held`` was read once. Prints Markdown.
"""

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harmonic_stack.crew import load_crew
from harmonic_stack.harmonize import closed_question
from ommatidia import Cached, Encoder, Examples, Hash512, Prototypes, best_encoder
from ommatidia.encode import Vectors
from tests.bench.merging import interval

Query = dict[str, Any]
FILE = Path(__file__).parents[1] / "eval" / "routing.jsonl"
QUESTIONS = FILE.with_name("questions.jsonl")
STYLES = ("terse", "natural", "indirect")


class Blind:
    """An encoder that sees nothing, so that keywords alone decide."""

    tag, dim = "keywords alone", 1

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Zeros, float32 of shape (n, 1)."""
        return np.zeros((len(texts), 1), dtype=np.float32)


def queries(half: str) -> list[Query]:
    """The queries of the "train", "held", "fresh" or "clean" part, or all of them ("")."""
    return _read(FILE, half)


def questions(half: str) -> list[Query]:
    """The questions of the "dev" or "held" half, for closed or open alone."""
    return _read(QUESTIONS, half)


def _read(file: Path, half: str) -> list[Query]:
    read = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [query for query in read if half in ("", query["half"])]


def router(encoder: Encoder, *, examples: bool = True, keywords: bool = True) -> Prototypes:
    """The routed agents of the crew that comes with the stack."""
    crew = load_crew()
    return Prototypes.learn(
        {
            agent.name: Examples(
                agent.description, agent.examples if examples else (), agent.keywords if keywords else ()
            )
            for agent in crew.enabled
            if agent.name != crew.executive
        },
        encoder,
    )


def placed(asked: Sequence[Query], ranks: Prototypes) -> list[int]:
    """At which place, from 0, the right agent of each query is ranked; where nothing tells, at the last."""
    places = []
    for query in asked:
        found = ranks.rank(query["text"])
        known = [ranked.name for ranked in found if ranked.score > 0]
        places.append(known.index(query["agent"]) if query["agent"] in known else len(found))
    return places


def routing_table(asked: Sequence[Query]) -> str:
    """Top-1 to top-3 for each encoder, with and without what it could learn."""
    best = Cached(best_encoder(), 1000)
    arms = [("keywords alone", router(Blind())), (f"{Hash512.tag}, learnt", router(Hash512(), keywords=False))]
    arms.append((f"{Hash512.tag}, learnt + keywords", router(Hash512())))
    if best.tag != Hash512.tag:
        arms += [
            (f"{best.tag}, description alone", router(best, examples=False, keywords=False)),
            (f"{best.tag}, learnt", router(best, keywords=False)),
            (f"{best.tag}, learnt + keywords", router(best)),
        ]
    lines = [
        f"{asked[0]['half']}: n = {len(asked)}, {len({query['agent'] for query in asked})} agents",
        "",
        "| arm | top-1 [95 %] | top-2 | top-3 | " + " | ".join(f"top-1 {style}" for style in STYLES) + " |",
        "|---" * 7 + "|",
    ]
    for name, ranks in arms:
        places = placed(asked, ranks)
        first = [float(place == 0) for place in places]
        low, high = interval(first)
        tops = [f"{statistics.mean(place < most for place in places):.3f}" for most in (2, 3)]
        styles = [
            f"{statistics.mean(f for f, query in zip(first, asked, strict=True) if query['style'] == style):.2f}"
            for style in STYLES
        ]
        lines.append(f"| {name} | {statistics.mean(first):.3f} [{low:.2f}, {high:.2f}] | {' | '.join(tops + styles)} |")
    return "\n".join(lines)


def closed_table() -> str:
    """How often a query is told for what it is."""
    lines = [
        "| set | n | closed | told right [95 %] | closed ones found | taken for closed wrongly |",
        "|---" * 6 + "|",
    ]
    sets = [(f"queries, {half}", queries(half)) for half in ("train", "held", "fresh", "clean")]
    for name, asked in [*sets, *((f"questions, {half}", questions(half)) for half in ("dev", "held"))]:
        told = [closed_question(query["text"]) for query in asked]
        right = [float(found == query["closed"]) for found, query in zip(told, asked, strict=True)]
        low, high = interval(right)
        closed = [found for found, query in zip(told, asked, strict=True) if query["closed"]]
        wrong = sum(found and not query["closed"] for found, query in zip(told, asked, strict=True))
        share = f"{statistics.mean(right):.3f} [{low:.2f}, {high:.2f}]"
        lines.append(f"| {name} | {len(asked)} | {len(closed)} | {share} | {sum(closed)} | {wrong} |")
    return "\n".join(lines)


def failures() -> str:
    """The queries that are told or routed wrongly."""
    lines = [
        f"- {'closed' if query['closed'] else 'open'}, told otherwise: {query['text']}"
        for query in [*queries(""), *questions("")]
        if closed_question(query["text"]) != query["closed"]
    ]
    ranks = router(best_encoder())
    for query in [*queries("held"), *queries("fresh"), *queries("clean")]:
        found = ranks.rank(query["text"])[0]
        if found.name != query["agent"]:
            lines.append(f"- {query['agent']}, routed to {found.name} (margin {found.margin:.3f}): {query['text']}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print all tables, with --failures also what goes wrong."""
    parts = [
        routing_table(queries("held")),
        routing_table(queries("fresh")),
        routing_table(queries("clean")),
        closed_table(),
        *([failures()] if "--failures" in arguments else []),
    ]
    sys.stdout.write("\n\n".join(parts) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
