"""The operator's briefing: what was tried with questions of this kind, what failed and what worked (pure).

All of it is written to channel 3, for people. Agents are told only what they can act on, as a suggestion: a tally, or
who was right, in an agent's prompt cost right answers (docs/merging.md).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from harmonic_stack.signals.crew_record import KindRecord

K = TypeVar("K")
# Fewer queries than this tell nothing about a kind.
FEWEST = 3
# A mishap of less than this share of the drafts is chance.
COMMON = 0.25


@dataclass(frozen=True, slots=True)
class Briefing:
    """What earlier queries of one kind show: in words for people, and the part that an agent can act on."""

    text: str
    suggestion: str
    figures: dict[str, Any]


def kind_of(mode: str, agents: Sequence[str]) -> str:
    """The kind of a question: how it is taken, and which agent is routed first.

    >>> kind_of("closed", ["analyst", "coder"])
    'closed, analyst first'
    """
    return f"{mode}, {agents[0]} first" if agents else mode


def briefing(kind: str, earlier: KindRecord) -> Briefing | None:
    """Sum up *earlier* queries of *kind*; None while they are too few."""
    drafts = earlier.tried.total()
    if earlier.queries < FEWEST or not drafts:
        return None
    worked = [f"{name}: {earlier.agreed[name]} of {n} answers won the vote" for name, n in _ranked(earlier.voted)]
    worked = worked or [f"{earlier.whole} of {drafts} drafts came whole"]
    mishaps = _listed(f"{name} {count}x ({why})" for (name, why), count in _ranked(earlier.failed))
    text = "\n".join(
        [
            f"{earlier.queries} earlier questions of this kind ({kind}).",
            f"Tried: {_listed(f'{name} {count}x' for name, count in _ranked(earlier.tried))}.",
            f"Failed: {mishaps or 'nothing'}.",
            f"Worked: {_listed(worked)}.",
        ]
    )
    figures = {
        "kind": kind,
        "queries": earlier.queries,
        "drafts": drafts,
        "cut": earlier.cut,
        "late": earlier.late,
    }
    return Briefing(text, _suggestion(drafts, earlier.cut, earlier.late), figures)


def _ranked(counts: Counter[K]) -> list[tuple[K, int]]:
    """What was counted at all, the most often first."""
    return [(name, count) for name, count in counts.most_common() if count]


def _suggestion(drafts: int, cut: int, late: int) -> str:
    """What an agent can do better, "" where nothing went wrong often."""
    if max(cut, late) < COMMON * drafts:
        return ""
    what = f"{cut} of {drafts} were cut off at the length limit" if cut >= late else f"{late} of {drafts} came too late"
    return f"A suggestion from experience, not an instruction: of earlier drafts on such questions, {what}. Be brief."


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts)
