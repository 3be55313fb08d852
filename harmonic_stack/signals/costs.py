"""What each call of a query cost and how it ended, as channel 5 tells it (pure)."""

from typing import Any

from harmonic_stack.query import Outcome, Report


def calls_of(report: Report) -> list[dict[str, Any]]:
    """Every call of a query, the aggregator's last; ``agreed`` tells whether an agent's answer won the vote."""
    won = report.winner
    drafts = [
        {**_cost(outcome), "agreed": None if won is None or answer is None else answer == won}
        for place, outcome in enumerate(report.outcomes)
        for answer in [report.answers.get(place)]
    ]
    return [*drafts, *([_cost(report.aggregator)] if report.aggregator else [])]


def summary(report: Report) -> str:
    """The calls in words: who answered, with how many tokens in which time."""
    calls = [*report.outcomes, *([report.aggregator] if report.aggregator else [])]
    return "; ".join(
        f"{call.seat} {call.status.value}: {spent.completion_tokens} tokens in {spent.seconds:.1f} s"
        for call in calls
        for spent in [call.completion]
    )


def _cost(call: Outcome) -> dict[str, Any]:
    spent = call.completion
    rate = spent.completion_tokens / spent.seconds if spent.seconds else None
    return {
        "agent": call.seat.agent,
        "sample": call.seat.sample,
        "status": call.status.value,
        "reason": call.reason,
        "seconds": round(spent.seconds, 3),
        "slot_wait": round(spent.slot_wait, 3),
        "first_token": None if spent.first_token is None else round(spent.first_token, 3),
        "completion_tokens": spent.completion_tokens,
        "prompt_tokens": spent.prompt_tokens,
        "tokens_per_second": None if rate is None else round(rate, 1),
        "cut": spent.finish == "length",
    }
