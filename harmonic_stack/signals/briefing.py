"""The operator's briefing: what was tried with questions of this kind, what failed and what worked (pure).

All of it is written to channel 3, for people. Agents are told only what they can act on, as a suggestion: a tally, or
who was right, in an agent's prompt cost right answers (docs/merging.md).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harmonic_stack.signals.crew_record import Call

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


def briefing(kind: str, earlier: Sequence[Sequence[Call]]) -> Briefing | None:
    """Sum up *earlier* queries of *kind*; None while they are too few."""
    calls = [call for query in earlier for call in query if call.status != "skipped"]
    if len(earlier) < FEWEST or not calls:
        return None
    tried = Counter(call.agent for call in calls)
    failed = Counter((call.agent, call.reason or call.status) for call in calls if call.status != "ok")
    voted = Counter(call.agent for call in calls if call.agreed is not None)
    agreed = Counter(call.agent for call in calls if call.agreed)
    worked = [f"{name}: {agreed[name]} of {count} answers won the vote" for name, count in voted.most_common()]
    worked = worked or [f"{sum(call.status == 'ok' for call in calls)} of {len(calls)} drafts came whole"]
    mishaps = _listed(f"{name} {count}x ({why})" for (name, why), count in failed.most_common())
    text = "\n".join(
        [
            f"{len(earlier)} earlier questions of this kind ({kind}).",
            f"Tried: {_listed(f'{name} {count}x' for name, count in tried.most_common())}.",
            f"Failed: {mishaps or 'nothing'}.",
            f"Worked: {_listed(worked)}.",
        ]
    )
    cut, late = (sum(call.cut for call in calls), sum(call.status == "late" for call in calls))
    figures = {"kind": kind, "queries": len(earlier), "drafts": len(calls), "cut": cut, "late": late}
    return Briefing(text, _suggestion(len(calls), cut, late), figures)


def _suggestion(drafts: int, cut: int, late: int) -> str:
    """What an agent can do better, "" where nothing went wrong often."""
    if max(cut, late) < COMMON * drafts:
        return ""
    what = f"{cut} of {drafts} were cut off at the length limit" if cut >= late else f"{late} of {drafts} came too late"
    return f"A suggestion from experience, not an instruction: of earlier drafts on such questions, {what}. Be brief."


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts)
