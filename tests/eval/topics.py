"""Sentences on 24 subjects, written for these measurements: what all know, what one knows, and what contradicts."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("topics.txt")


@dataclass(frozen=True)
class Topic:
    """One subject. ``repeats`` says ``peers`` in other words, in their order; ``echo`` the first of ``complements``."""

    subject: str
    question: str
    peers: tuple[str, ...]
    repeats: tuple[str, ...]
    complements: tuple[str, ...]
    keys: tuple[str, ...]  # a word of each complement that tells, in lower case
    echo: str
    contradictions: tuple[str, ...]


@cache
def topics() -> tuple[Topic, ...]:
    """All of them, in the file's order."""
    blocks = FILE.read_text("utf-8").split("\nsubject ")[1:]
    return tuple(_topic(block.strip().splitlines()) for block in blocks)


def _topic(lines: list[str]) -> Topic:
    said: dict[str, list[str]] = {}
    for line in lines[1:]:
        said.setdefault(line[0], []).append(line[2:])
    facts = [fact.split(" | ") for fact in said["C"]]
    return Topic(
        lines[0],
        said["Q"][0],
        tuple(said["P"]),
        tuple(said["R"]),
        tuple(fact[0] for fact in facts),
        tuple(fact[1] for fact in facts),
        said["E"][0],
        tuple(said["X"]),
    )
