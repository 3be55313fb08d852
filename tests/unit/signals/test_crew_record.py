"""What the crew knows of itself, out of channel 5, and what the operator makes of it."""

from typing import Any

from harmonic_stack.signals.briefing import briefing, kind_of
from harmonic_stack.signals.crew_record import RECENT, RETRY_SECONDS, CrewRecord
from spine import Channel, Signal

KIND = kind_of("closed", ["coder", "analyst"])


def call(agent: str, status: str = "ok", **more: Any) -> dict[str, Any]:
    """A call as channel 5 tells it."""
    told = {"agent": agent, "status": status, "seconds": 2.0, "slot_wait": 0.5, "first_token": 0.25}
    return {**told, "tokens_per_second": 10.0, "agreed": None, "cut": False, "reason": "", **more}


def record_of(*queries: list[dict[str, Any]], time: float = 100.0) -> CrewRecord:
    """A record of these queries' calls."""
    record = CrewRecord()
    for calls in queries:
        record.add({"kind": KIND, "calls": calls}, time)
    return record


def test_figures_are_medians_and_counts() -> None:
    calls = [call("coder", seconds=seconds, agreed=seconds < 3) for seconds in (1.0, 2.0, 9.0)]
    figures = record_of([*calls, call("coder", "failed"), call("coder", "late")]).figures()["coder"]
    assert (figures["calls"], figures["ok"], figures["failed"], figures["late"]) == (5, 3, 1, 1)
    assert (figures["seconds"], figures["slot_wait"], figures["tokens_per_second"]) == (2.0, 0.5, 10.0)
    assert (figures["voted"], figures["agreed"]) == (3, 2)


def test_an_agent_that_fails_three_times_in_a_row_is_failing_for_a_while() -> None:
    record = record_of(*[[call("coder", "failed"), call("analyst", "late")]] * 3)
    assert record.failing(101.0) == {"coder"}
    assert record.failing(100.0 + RETRY_SECONDS) == frozenset()
    record.add({"calls": [call("coder")]}, 102.0)
    assert record.failing(103.0) == frozenset()


def test_the_record_is_read_back_from_the_channel_and_leaves_out_what_does_not_read() -> None:
    def signal(kind: str, payload: dict[str, Any]) -> Signal:
        return Signal(Channel.META, session="s", writer="orchestrator", kind=kind, payload=payload, time=5.0)

    record = CrewRecord()
    record.load([signal("calls", {"calls": [call("coder")]}), signal("calls", {"calls": [{"agent": 1}]})])
    record.load([signal("other", {"calls": [call("analyst")]}), signal("calls", {})])
    assert list(record.figures()) == ["coder"]


def test_a_briefing_tells_what_was_tried_what_failed_and_what_worked() -> None:
    calls = [call("coder", agreed=True), call("analyst", agreed=False), call("analyst", "failed", reason="gone")]
    told = briefing(KIND, record_of(*[calls] * 3).of_kind(KIND))
    assert told is not None
    assert told.text.splitlines() == [
        "3 earlier questions of this kind (closed, coder first).",
        "Tried: analyst 6x, coder 3x.",
        "Failed: analyst 3x (gone).",
        "Worked: coder: 3 of 3 answers won the vote, analyst: 0 of 3 answers won the vote.",
    ]


def test_agents_are_told_what_they_can_act_on_and_no_tally() -> None:
    cut = [call("coder", cut=True, agreed=True), call("analyst", agreed=False)]
    told = briefing(KIND, record_of(*[cut] * 3).of_kind(KIND))
    assert told is not None
    assert "3 of 6 were cut off" in told.suggestion
    assert "not an instruction" in told.suggestion
    assert "vote" not in told.suggestion
    assert "coder" not in told.suggestion
    fine = briefing(KIND, record_of(*[[call("coder")]] * 3).of_kind(KIND))
    assert fine is not None
    assert fine.suggestion == ""


def test_two_queries_of_a_kind_tell_nothing_yet() -> None:
    record = record_of([call("coder")], [call("coder")])
    assert briefing(KIND, record.of_kind(KIND)) is None
    assert record.of_kind("open").queries == 0


def test_a_briefing_is_of_the_newest_queries_alone() -> None:
    failed = [[call("coder", "failed", reason=f"gone {n}", agreed=False, cut=True)] for n in range(RECENT)]
    fine = [[call("coder", agreed=True), call("analyst", "skipped")]]
    sums = record_of(*failed, *fine * (RECENT - 1)).of_kind(KIND)
    assert (sums.queries, sums.tried["coder"], sums.whole, sums.cut) == (RECENT, RECENT, RECENT - 1, 1)
    assert dict(sums.failed) == {("coder", f"gone {RECENT - 1}"): 1}
    assert (sums.agreed["coder"], sums.voted["coder"]) == (RECENT - 1, RECENT)
    assert sums.tried["analyst"] == 0
