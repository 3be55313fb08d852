"""How an answer came about, told in one report."""

from collections.abc import Sequence
from typing import Literal

from harmonic_stack.errors import AllAgentsFailed, EngineRefused
from harmonic_stack.query import Outcome, Query, Report, Status
from harmonic_stack.run import Run


def report_of(
    run: Run,
    mode: Literal["closed", "open", "tool", "single"],
    outcomes: Sequence[Outcome],
    *,
    delivered: Sequence[Outcome],
    aggregator: Outcome | None = None,
) -> Report:
    """The report on *outcomes*, of which *delivered* are the answer's own words."""
    drafts = sum(outcome.status is Status.OK for outcome in outcomes)
    wanted = min(run.config.draft.quorum, len(outcomes))
    warnings = [f"{o.seat} {o.status.value}: {o.reason}" for o in outcomes if o.status in (Status.FAILED, Status.LATE)]
    if drafts < wanted and mode != "tool":
        warnings.insert(0, f"{drafts} of {len(outcomes)} agents answered")
    if aggregator is not None and aggregator.reason and aggregator.status is not Status.SKIPPED:
        warnings.append(f"aggregator: {aggregator.reason}")
    return Report(
        query=run.query.id,
        session=run.query.session,
        mode=mode,
        outcomes=tuple(outcomes),
        aggregator=aggregator,
        warnings=tuple(warnings),
        delivered_tokens=sum(outcome.completion.completion_tokens for outcome in delivered),
        finish=delivered[0].completion.finish if delivered else "stop",
        finishes=tuple(outcome.completion.finish for outcome in delivered),
    )


def refuse_if_empty(query: Query, outcomes: Sequence[Outcome]) -> None:
    """Pass where there is one draft at least.

    Raises:
        EngineRefused: there is none, and the engine found the request at fault.
        AllAgentsFailed: there is none for any other reason.
    """
    if any(outcome.status is Status.OK for outcome in outcomes):
        return
    refused = next((outcome for outcome in outcomes if outcome.refused), None)
    if refused is not None:
        raise EngineRefused(refused.reason, blamed_field(query))
    raise AllAgentsFailed({str(outcome.seat): outcome.reason for outcome in outcomes})


def blamed_field(query: Query) -> str | None:
    """The field that an engine's refusal is most likely about; None where nothing out of the ordinary was asked."""
    if query.tools is not None:
        return "tools"
    if query.sampling.has_format:
        return "response_format"
    return "messages" if any(message.parts for message in query.messages) else None
