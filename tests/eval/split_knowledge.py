"""Split knowledge through the whole stack, over HTTP, with a real model: `python -m tests.eval.split_knowledge`.

Each case is asked of harmonic-deep, of each agent alone with its own notes, of harmonic-full (the same agents and
notes, no panels) and of a model that writes one answer over whole drafts. Answers go to --out as they come, an arm of
a case each line, so a run that was stopped can be gone on with; the table stands on the cases that have every arm.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from harmonic_stack.harmonize import final_answer
from tests.eval.cases import AGENTS, Case, make_cases, write_notes
from tests.eval.figures import difference, mean
from tests.eval.stacks import add_engine_options, client, stacks
from tests.stack import asking

DEADLINE = 600.0  # seconds: a slow CPU must not decide who is heard


def options() -> argparse.Namespace:
    """What the command line says."""
    read = argparse.ArgumentParser(prog="python -m tests.eval.split_knowledge")
    read.add_argument("--cases", type=int, default=40)
    read.add_argument("--seed", type=int, default=1)
    read.add_argument("--tokens", type=int, default=220, help="longest draft")
    read.add_argument("--most", type=int, default=4, help="drafts of a vote")
    read.add_argument("--parallel", type=int, default=1, help="cases under way at a time")
    read.add_argument("--minutes", type=float, default=0.0, help="begin no further case after so long; 0: no limit")
    read.add_argument("--arms", default=",".join(("deep", *AGENTS, "full", "aggregator")))
    read.add_argument("--out", type=Path, default=Path("split-knowledge.jsonl"))
    read.add_argument("--report", action="store_true", help="only print the table of --out")
    add_engine_options(read)
    return read.parse_args()


async def main() -> None:
    """Run what is not there yet, and print the table."""
    asked = options()
    cases = make_cases(asked.cases, seed=asked.seed)
    arms = asked.arms.split(",")
    done = {(row["id"], row["arm"]) for row in read(asked.out)}
    left = [(case, arm) for case in cases for arm in arms if (case.id, arm) not in done]
    if left and not asked.report:
        await run(asked, cases, left)
    sys.stdout.write(table(read(asked.out), {case.id: case for case in cases}, arms) + "\n")


def read(out: Path) -> list[dict[str, Any]]:
    """What was answered so far: one arm of one case a line."""
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()] if out.exists() else []


async def run(asked: argparse.Namespace, cases: Sequence[Case], left: Sequence[tuple[Case, str]]) -> None:
    """Ask what is *left*, case by case, and add a line to the file for each answer."""
    until = time.monotonic() + 60 * asked.minutes if asked.minutes else float("inf")
    with tempfile.TemporaryDirectory(prefix="hs-") as folder:
        crew = write_notes(cases, Path(folder) / "crew")
        common: dict[str, object] = {
            "crew.file": str(crew),
            "draft.max_tokens": asked.tokens,
            "draft.deadline_seconds": DEADLINE,
            "recall.turns": 0,
            "recall.memories": 0,
            "engine.first_token_seconds": DEADLINE,
            "engine.token_seconds": DEADLINE,
        }
        votes = common | {"merge.full_most": asked.most, "merge.full_lead": min(3, asked.most), "deep.most": asked.most}
        written = common | {"route.closed": "never", "merge.minority": "off"}
        async with (
            stacks(Path(folder), asked, votes, written) as (voting, writing),
            client(voting) as ask_votes,
            client(writing) as ask_writer,
        ):
            turn = asyncio.Semaphore(asked.parallel)

            async def one(case: Case, arm: str) -> None:
                async with turn:
                    if time.monotonic() > until:
                        return
                    try:
                        reply = await _ask(ask_writer if arm == "aggregator" else ask_votes, case, arm, asked.tokens)
                    except httpx.HTTPStatusError as error:  # told, and left for the next run
                        sys.stderr.write(f"{case.id} {arm}: {error.response.text}\n")
                        return
                    with asked.out.open("a", encoding="utf-8") as out:
                        out.write(json.dumps({"id": case.id, "arm": arm, **_told(case, reply)}) + "\n")

            await asyncio.gather(*(one(case, arm) for case, arm in left))


async def _ask(stack: httpx.AsyncClient, case: Case, arm: str, tokens: int) -> dict[str, Any]:
    model = {"deep": "harmonic-deep", "full": "harmonic-full", "aggregator": "harmonic-full"}.get(arm, arm)
    more: dict[str, Any] = {} if arm in ("deep", "full") else {"max_tokens": tokens}
    if arm in AGENTS:
        more["temperature"] = 0
    began = time.monotonic()
    harmonic = {"deadline": DEADLINE, "stream": "sentences"}
    body = asking(case.question, model, seed=1, harmonic=harmonic, **more)
    reply = await stack.post("/v1/chat/completions", json=body)
    reply.raise_for_status()
    return {**reply.json(), "seconds": time.monotonic() - began}


def _told(case: Case, reply: dict[str, Any]) -> dict[str, Any]:
    text, told = reply["choices"][0]["message"]["content"], reply["harmonic"]
    return {
        "answer": final_answer(text, case.question),
        "text": text,
        "drafts": [agent["answer"] for agent in told["agents"]],
        "facts": told.get("facts"),
        "written": reply["choices"][0]["message"].get("reasoning_content"),
        "tokens": reply["usage"]["completion_tokens"],
        "seconds": round(reply["seconds"], 1),
    }


def pooled(case: Case, facts: Sequence[dict[str, Any]]) -> float:
    """The share of the case's private facts that stand in the pool and were handed on."""
    told = [fact["text"].casefold() for fact in facts if not fact["held_back"]]
    found = [any(all(key.casefold() in text for key in fact.keys) for text in told) for fact in case.private]
    return sum(found) / len(found)


def table(rows: Sequence[dict[str, Any]], cases: dict[str, Case], arms: Sequence[str]) -> str:
    """Right answers by arm and style, paired differences, cost, and what was pooled; over cases that have every arm."""
    by_case = {name: {row["arm"]: row for row in rows if row["id"] == name} for name in cases}
    whole = [name for name, found in by_case.items() if all(arm in found for arm in arms)]
    lines: list[str] = []
    for styles in (("rule",), ("weigh",), ("rule", "weigh")):
        part = [name for name in whole if cases[name].style in styles]
        if part:
            lines += _part(f"{' and '.join(styles)}, n = {len(part)}", part, by_case, cases, arms)
    if whole:
        cost = (f"{arm} {sum(by_case[name][arm]['tokens'] for name in whole) / len(whole):.0f}" for arm in arms)
        lines.append(f"Generated tokens a question: {', '.join(cost)}.")
    return "\n".join(lines)


def _part(
    title: str,
    part: Sequence[str],
    rows: dict[str, dict[str, dict[str, Any]]],
    cases: dict[str, Case],
    arms: Sequence[str],
) -> list[str]:
    right = {arm: [float(rows[name][arm]["answer"] == cases[name].gold) for name in part] for arm in arms}
    deep = right["deep"]
    named = {"full": "vote without panels (harmonic-full)", "aggregator": "aggregator over whole drafts"}
    others = [(named[arm], right[arm]) for arm in arms if arm in named]
    singles = [arm for arm in arms if arm in AGENTS]
    if singles:
        best = max(singles, key=lambda agent: sum(right[agent]))
        mean_of = [sum(right[agent][at] for agent in singles) / len(singles) for at in range(len(part))]
        others[:0] = [(f"best single agent ({best})", right[best]), ("mean of the single agents", mean_of)]
    shares = [pooled(cases[name], rows[name]["deep"]["facts"] or []) for name in part]
    decoys = [float(rows[name]["deep"]["answer"] == cases[name].decoy) for name in part]
    return [
        title,
        "",
        "| arm | right % | harmonic-deep less this, points |",
        "|---|---|---|",
        f"| harmonic-deep | {mean(deep)} | |",
        *(f"| {name} | {mean(values)} | {difference(deep, values)} |" for name, values in others),
        "",
        f"Private facts pooled: {mean(shares)} %. harmonic-deep fell for the decoy in {mean(decoys)} %.",
        "",
    ]


if __name__ == "__main__":
    asyncio.run(main())
