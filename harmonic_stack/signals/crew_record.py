"""What the crew knows of itself: how each agent's calls went, and how questions of each kind went (channel 5, summed).

The record is in memory; at a start it is read back from what channel 5 still holds.
"""

import statistics
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spine import Signal

# The newest calls of an agent that its figures are made of.
RECENT = 50
# An agent whose newest calls failed this often in a row is asked last for a while: it costs a slot and says nothing.
FAILURES = 3
RETRY_SECONDS = 300.0
CALLS = "calls"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an agent, as channel 5 tells it; ``agreed``: its answer won the vote (None: there was none)."""

    agent: str
    status: str
    reason: str
    seconds: float
    slot_wait: float
    first_token: float | None
    tokens_per_second: float | None
    cut: bool
    agreed: bool | None
    time: float

    @classmethod
    def read(cls, told: Mapping[str, Any], time: float) -> "Call":
        """A call out of a signal's payload; raises KeyError, TypeError or ValueError where it is none."""
        return cls(
            agent=str(told["agent"]),
            status=str(told["status"]),
            reason=str(told.get("reason") or ""),
            seconds=float(told["seconds"]),
            slot_wait=float(told["slot_wait"]),
            first_token=None if told.get("first_token") is None else float(told["first_token"]),
            tokens_per_second=None if told.get("tokens_per_second") is None else float(told["tokens_per_second"]),
            cut=bool(told.get("cut")),
            agreed=told.get("agreed"),
            time=time,
        )

    @property
    def failed(self) -> bool:
        """Whether the engine failed it; one that was too slow, or no longer needed, did not fail."""
        return self.status == "failed"


class KindRecord:
    """The newest queries of one kind, and what their calls sum up to; those that were skipped do not count.

    The sums are kept, since each question of the kind asks for them.
    """

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()  # agent -> calls
        self.failed: Counter[tuple[str, str]] = Counter()  # agent and reason -> calls
        self.voted: Counter[str] = Counter()  # agent -> answers that there was a vote on
        self.agreed: Counter[str] = Counter()  # agent -> answers that won it
        self.whole = self.cut = self.late = 0
        self._queries: deque[tuple[Call, ...]] = deque()

    @property
    def queries(self) -> int:
        """How many queries the sums are of."""
        return len(self._queries)

    def add(self, calls: Sequence[Call]) -> None:
        """Take the calls of one more query; the oldest makes room for it."""
        counted = tuple(call for call in calls if call.status != "skipped")
        self._queries.append(counted)
        self._count(counted, 1)
        if len(self._queries) > RECENT:
            self._count(self._queries.popleft(), -1)
            self.failed = +self.failed  # reasons are of many kinds: those that are past are let go

    def _count(self, calls: Sequence[Call], by: int) -> None:
        for call in calls:
            self.tried[call.agent] += by
            self.cut += by * call.cut
            self.late += by * (call.status == "late")
            if call.status == "ok":
                self.whole += by
            else:
                self.failed[call.agent, call.reason or call.status] += by
            if call.agreed is not None:
                self.voted[call.agent] += by
                self.agreed[call.agent] += by * bool(call.agreed)


class CrewRecord:
    """The sums of channel 5: fed with each query's calls, asked by the router, the briefing and ``status``."""

    def __init__(self) -> None:
        self._calls: dict[str, deque[Call]] = defaultdict(lambda: deque(maxlen=RECENT))
        self._kinds: dict[str, KindRecord] = defaultdict(KindRecord)

    def add(self, payload: Mapping[str, Any] | None, time: float) -> None:
        """Take one ``calls`` payload; one that does not read is left out."""
        try:
            calls = [Call.read(told, time) for told in (payload or {})["calls"]]
        except (KeyError, TypeError, ValueError):
            return
        for call in calls:
            self._calls[call.agent].append(call)
        if kind := (payload or {}).get("kind"):
            self._kinds[str(kind)].add(calls)

    def load(self, signals: Sequence[Signal]) -> None:
        """Take what channel 5 still holds, the oldest first."""
        for signal in signals:
            if signal.kind == CALLS:
                self.add(signal.payload, signal.time)

    def failing(self, now: float) -> frozenset[str]:
        """The agents whose newest calls all failed, the last of them less than five minutes before *now*."""
        found = set()
        for agent, calls in self._calls.items():
            if not calls[-1].failed or now - calls[-1].time >= RETRY_SECONDS:
                continue
            newest = list(calls)[-FAILURES:]
            if len(newest) == FAILURES and all(call.failed for call in newest):
                found.add(agent)
        return frozenset(found)

    def of_kind(self, kind: str) -> KindRecord:
        """The sums of the earlier queries of that kind."""
        return self._kinds.get(kind) or KindRecord()

    def figures(self) -> dict[str, dict[str, Any]]:
        """Each agent's newest calls in figures: medians in seconds, and shares of what could be told."""
        return {agent: _figures(calls) for agent, calls in sorted(self._calls.items())}


def _figures(calls: Sequence[Call]) -> dict[str, Any]:
    whole = [call for call in calls if call.status == "ok"]
    voted = [call.agreed for call in whole if call.agreed is not None]
    rates = [call.tokens_per_second for call in whole if call.tokens_per_second is not None]
    firsts = [call.first_token for call in whole if call.first_token is not None]
    return {
        "calls": len(calls),
        "ok": len(whole),
        "failed": sum(call.failed for call in calls),
        "late": sum(call.status == "late" for call in calls),
        "seconds": _median([call.seconds for call in whole]),
        "first_token": _median(firsts),
        "slot_wait": _median([call.slot_wait for call in whole]),
        "tokens_per_second": _median(rates),
        "voted": len(voted),
        "agreed": sum(voted),
    }


def _median(figures: Sequence[float]) -> float | None:
    return round(statistics.median(figures), 3) if figures else None
