"""Split knowledge through the whole stack, over HTTP, with a real model: `python -m tests.eval.split_knowledge`.

Each case is asked of harmonic-deep, of each agent alone with its own notes, of harmonic-full (the same agents and
notes, no panels) and of a model that writes one answer over whole drafts. Answers go to --out as they come, one case a
line, so a run that was stopped can be gone on with; the table tells how many cases it stands on.
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
    read.add_argument("--out", type=Path, default=Path("split-knowledge.jsonl"))
    read.add_argument("--report", action="store_true", help="only print the table of --out")
    add_engine_options(read)
    return read.parse_args()


async def main() -> None:
    """Run what is not there yet, and print the table."""
    asked = options()
    cases = make_cases(asked.cases, seed=asked.seed)
    done = (
        {json.loads(line)["id"] for line in asked.out.read_text("utf-8").splitlines()} if asked.out.exists() else set()
    )
    left = [case for case in cases if case.id not in done]
    if left and not asked.report:
        await run(asked, cases, left)
    known = {case.id: case for case in cases}
    rows = [json.loads(line) for line in asked.out.read_text("utf-8").splitlines()]
    sys.stdout.write(table([row for row in rows if row["id"] in known], known) + "\n")


async def run(asked: argparse.Namespace, cases: Sequence[Case], left: Sequence[Case]) -> None:
    """Ask every arm about each case of *left*, and add a line to the file."""
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
        }
        votes = common | {"merge.full_most": asked.most, "merge.full_lead": min(3, asked.most), "deep.most": asked.most}
        written = common | {"route.closed": "never", "merge.minority": "off"}
        async with (
            stacks(Path(folder), asked, votes, written) as (voting, writing),
            client(voting) as ask_votes,
            client(writing) as ask_writer,
        ):
            turn = asyncio.Semaphore(asked.parallel)

            async def one(case: Case) -> None:
                async with turn:
                    if time.monotonic() > until:
                        return
                    row = {
                        "id": case.id,
                        "style": case.style,
                        **await answers(case, ask_votes, ask_writer, asked.tokens),
                    }
                    with asked.out.open("a", encoding="utf-8") as out:
                        out.write(json.dumps(row) + "\n")

            await asyncio.gather(*(one(case) for case in left))


async def answers(case: Case, votes: httpx.AsyncClient, writer: httpx.AsyncClient, tokens: int) -> dict[str, Any]:
    """What each arm answered, what of the private facts was pooled, and what it all cost."""
    found: dict[str, Any] = {}
    deep = await _ask(votes, case, "harmonic-deep")
    found["deep"] = _arm(case, deep)
    found["facts"] = deep["harmonic"].get("facts") or []
    for agent in AGENTS:
        found[agent] = _arm(case, await _ask(votes, case, agent, max_tokens=tokens, temperature=0))
    found["full"] = _arm(case, await _ask(votes, case, "harmonic-full"))
    found["aggregator"] = _arm(case, await _ask(writer, case, "harmonic-full", max_tokens=tokens))
    return found


async def _ask(stack: httpx.AsyncClient, case: Case, model: str, **more: Any) -> dict[str, Any]:
    began = time.monotonic()
    harmonic = {"deadline": DEADLINE, "stream": "off"}
    reply = await stack.post(
        "/v1/chat/completions", json=asking(case.question, model, seed=1, harmonic=harmonic, **more)
    )
    reply.raise_for_status()
    return {**reply.json(), "seconds": time.monotonic() - began}


def _arm(case: Case, reply: dict[str, Any]) -> dict[str, Any]:
    text = reply["choices"][0]["message"]["content"]
    return {
        "answer": final_answer(text, case.question),
        "text": text,
        "drafts": [agent["answer"] for agent in reply["harmonic"]["agents"]],
        "tokens": reply["usage"]["completion_tokens"],
        "seconds": round(reply["seconds"], 1),
    }


def pooled(case: Case, facts: Sequence[dict[str, Any]]) -> float:
    """The share of the case's private facts that stand in the pool and were handed on."""
    told = [fact["text"].casefold() for fact in facts if not fact["held_back"]]
    return sum(any(all(key.casefold() in text for key in fact.keys) for text in told) for fact in case.private) / len(
        case.private
    )


def table(rows: Sequence[dict[str, Any]], cases: dict[str, Case]) -> str:
    """Right answers by arm and style, paired differences, cost, and what was pooled."""
    lines: list[str] = []
    for styles in (("rule",), ("weigh",), ("rule", "weigh")):
        part = [row for row in rows if row["style"] in styles]
        if not part:
            continue
        right = {arm: [_right(row, arm, cases) for row in part] for arm in ("deep", *AGENTS, "full", "aggregator")}
        single = max(AGENTS, key=lambda agent: sum(right[agent]))
        mean_single = [sum(right[agent][at] for agent in AGENTS) / len(AGENTS) for at in range(len(part))]
        lines += [
            f"{' and '.join(styles)}, n = {len(part)}",
            "",
            "| arm | right % | harmonic-deep less this, points |",
            "|---|---|---|",
        ]
        lines.append(f"| harmonic-deep | {mean(right['deep'])} | |")
        arms = [(f"best single agent ({single})", right[single]), ("mean of the single agents", mean_single)]
        arms += [
            ("vote without panels (harmonic-full)", right["full"]),
            ("aggregator over whole drafts", right["aggregator"]),
        ]
        lines += [f"| {name} | {mean(values)} | {difference(right['deep'], values)} |" for name, values in arms]
        shares = [pooled(cases[row["id"]], row["facts"]) for row in part]
        decoys = [float(row["deep"]["answer"] == cases[row["id"]].decoy) for row in part]
        lines += [
            "",
            f"Private facts pooled: {mean(shares)} %; harmonic-deep fell for the decoy in {mean(decoys)} %.",
            "",
        ]
    cost = [
        f"{arm}: {sum(row[arm]['tokens'] for row in rows) / len(rows):.0f}"
        for arm in ("deep", AGENTS[0], "full", "aggregator")
    ]
    return "\n".join([*lines, f"Generated tokens a question: {', '.join(cost)}."])


def _right(row: dict[str, Any], arm: str, cases: dict[str, Case]) -> float:
    return float(row[arm]["answer"] == cases[row["id"]].gold)


if __name__ == "__main__":
    asyncio.run(main())
