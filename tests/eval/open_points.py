"""What of a fact that one draft alone holds reaches an open answer: `python -m tests.eval.open_points CASES_DIR`.

CASES_DIR/open.jsonl.gz holds drafts with a planted true sentence and a planted off-topic one (docs/merging.md). Side by
side on the same cases: the product's rule (draft 0, and points appended by code), a model that writes one answer over
whole drafts with the product's own prompt (asked through the stack, over HTTP), the drafts one after another cut to
the product's length, and only what most drafts say, cut likewise. With --no-model the model's column is left out.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from harmonic_stack.harmonize import append_points, minority_points
from harmonic_stack.merge.sentences import whole_sentences
from harmonic_stack.prompts import merge
from harmonic_stack.query import Message
from ommatidia import by_words
from tests.bench.merging import Case, load
from tests.eval.figures import difference, mean
from tests.eval.stacks import add_engine_options, client, stacks

# Sentences from here up say the same: the product's own limit for hash512.
_SAME = 0.6


def options() -> argparse.Namespace:
    """What the command line says."""
    read = argparse.ArgumentParser(prog="python -m tests.eval.open_points")
    read.add_argument("folder", type=Path)
    read.add_argument("--cases", type=int, default=30, help="cases, spread evenly over the file")
    read.add_argument("--tokens", type=int, default=400, help="longest answer of the model")
    read.add_argument("--parallel", type=int, default=2)
    read.add_argument("--out", type=Path, default=Path("open-points.jsonl"))
    read.add_argument("--no-model", action="store_true")
    add_engine_options(read)
    return read.parse_args()


async def main() -> None:
    """Ask what is not there yet, and print the table."""
    asked = options()
    every = load(asked.folder / "open.jsonl.gz")
    chosen = {at * len(every) // asked.cases: None for at in range(min(asked.cases, len(every)))}
    if not asked.no_model:
        await run(asked, every, [at for at in chosen if at not in written(asked.out)])
    texts = {} if asked.no_model else written(asked.out)
    told = [at for at in chosen if asked.no_model or at in texts]
    sys.stdout.write(table([every[at] for at in told], [texts.get(at) for at in told]) + "\n")


def written(out: Path) -> dict[int, str]:
    """The model's texts so far, by case."""
    lines = out.read_text("utf-8").splitlines() if out.exists() else []
    return {row["case"]: row["text"] for row in map(json.loads, lines)}


async def run(asked: argparse.Namespace, cases: Sequence[Case], left: Sequence[int]) -> None:
    """Let the model write one answer over the drafts of each case of *left*."""
    with tempfile.TemporaryDirectory(prefix="hs-") as folder:
        async with (
            stacks(Path(folder), asked, {"engine.first_token_seconds": 600.0}) as (stack,),
            client(stack) as http,
        ):
            model = stack.daemon.orchestrator.seats.model
            turn = asyncio.Semaphore(asked.parallel)

            async def one(at: int) -> None:
                async with turn:
                    text = await _merged(http, model, cases[at], asked)
                    with asked.out.open("a", encoding="utf-8") as out:
                        out.write(json.dumps({"case": at, "text": text}) + "\n")

            await asyncio.gather(*(one(at) for at in left))


async def _merged(http: httpx.AsyncClient, model: str, case: Case, asked: argparse.Namespace) -> str:
    room = asked.context - asked.tokens
    messages, _ = merge([Message("user", case["question"])], case["drafts"], fence="0f1e2d3c4b5a6978", room=room)
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in messages],
        "temperature": 0,
        "max_tokens": asked.tokens,
    }
    reply = await http.post("/v1/chat/completions", json=body)
    reply.raise_for_status()
    return str(reply.json()["choices"][0]["message"]["content"])


def appended(case: Case) -> str:
    """The product's answer: draft 0, and what code appends."""
    names = [f"agent {at}" for at in range(len(case["drafts"]))]
    base = case["drafts"][0]
    return base + append_points(minority_points(case["question"], base, case["drafts"]), names)


def concatenated(case: Case, words: int) -> str:
    """The drafts one after another, cut after so many words."""
    return " ".join(" ".join(case["drafts"]).split()[:words])


def majority(case: Case, words: int) -> str:
    """The sentences that more than half of the drafts say, each once, cut after so many words."""
    texts = [whole_sentences(draft) for draft in case["drafts"]]
    owners = [at for at, text in enumerate(texts) for _ in text]
    every = [sentence for text in texts for sentence in text]
    # The first text is left out of "alike": an empty one stands there.
    standing = by_words(case["question"], [[], *texts])
    found: list[str] = []
    taken: set[int] = set()
    for at, sentence in enumerate(every):
        twins = [other for other, likeness in standing.alike[at] if likeness >= _SAME]
        if at not in taken and len({owners[at], *(owners[twin] for twin in twins)}) * 2 > len(texts):
            found.append(sentence)
            taken.update(twins)
    return " ".join(" ".join(found).split()[:words])


def table(cases: Sequence[Case], texts: Sequence[str | None]) -> str:
    """Planted facts kept, off-topic sentences let in, and length, for each way of merging."""
    ours = [appended(case) for case in cases]
    lengths = [len(text.split()) for text in ours]
    arms: dict[str, list[str]] = {"draft 0, points appended by code (the product)": ours}
    if all(text is not None for text in texts):
        arms["one answer written by the model over whole drafts"] = [text or "" for text in texts]
    arms["drafts one after another, cut to the product's length"] = [
        concatenated(case, words) for case, words in zip(cases, lengths, strict=True)
    ]
    arms["what more than half of the drafts say, cut likewise"] = [
        majority(case, words) for case, words in zip(cases, lengths, strict=True)
    ]
    arms["draft 0 alone"] = [case["drafts"][0] for case in cases]
    kept = {
        name: [float(_holds(text, case)) for text, case in zip(all_, cases, strict=True)] for name, all_ in arms.items()
    }
    lines = [
        f"Open questions, n = {len(cases)}",
        "",
        "| answer | planted fact in it % | the product less this, points | off-topic sentence in it % | words |",
        "|---|---|---|---|---|",
    ]
    first = next(iter(kept.values()))
    for name, made in arms.items():
        off = [float(case["off_topic"] in text) for text, case in zip(made, cases, strict=True)]
        words = sum(len(text.split()) for text in made) / len(made)
        gap = "" if kept[name] is first else difference(first, kept[name])
        lines.append(f"| {name} | {mean(kept[name])} | {gap} | {mean(off)} | {words:.0f} |")
    return "\n".join(lines)


def _holds(text: str, case: Case) -> bool:
    return any(key in text.lower() for key in case["fact_keys"])


if __name__ == "__main__":
    asyncio.run(main())
