"""`python -m tests.bench NAME ...`: the measurements behind the figures in docs/benchmarks.md."""

import runpy
import sys

BENCHES = {
    "stack": "start-up, memory, and tokens/s through the stack against the engine asked directly",
    "engines": "the two forms of the embedded engine side by side",
    "fanout": "CPU per upstream token of a fan-out, against the same job in C",
    "passthrough": "CPU per request and per token of a mere gateway, and a token's age, against nginx",
    "frames": "what frames tell apart: novelty, relevance, disagreement, and what an encoder costs",
    "encoder": "what an embedding model is worth as the declared encoder, at its own width and at others",
    "routing": "which agent a query goes to, and whether it is told for closed or open",
    "planted": "does what only one of N drafts knows reach the answer",
    "publish": "what a publish on the spine costs beside the client library's own XADD",
    "gpu": "the launcher on a card: memory, slots, levers, energy (random weights in a real shape)",
    "memory": "the plan's bytes against the engine's resident size, on the CPU",
    "disconnect": "how soon a client that leaves has freed the engine's sockets and its slots",
    "warming": "a named agent's first token, its prompt new to the engine against warmed",
    "judge": "how many right answers a model tells from wrong ones, as the judge of ties",
    "merging": "the merge rules on drafts with known answers (a folder of cases)",
    "paired": "the product against one agent, case by case, at equal tokens too (the same folder)",
    "grid": "what each grid transform costs",
    "arc": "what the grid core solves of ARC-AGI",
}


def main() -> None:
    """Run one of them with the rest of the words."""
    if len(sys.argv) < 2 or sys.argv[1] not in BENCHES:
        print("usage: python -m tests.bench NAME ...\n")  # noqa: T201 - this is its output
        for name, text in BENCHES.items():
            print(f"  {name:11} {text}")  # noqa: T201
        sys.exit(2)
    name = sys.argv.pop(1)
    runpy.run_module(f"tests.bench.{name}", run_name="__main__")


main()
