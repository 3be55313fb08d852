"""How an answer came out of its drafts, as channel 4 keeps it: votes, points that only some agents had, coverage."""

from typing import Any

from harmonic_stack.query import MinorityPoint, Report


def merged(report: Report) -> dict[str, Any]:
    """The report of an answer as the payload of its "merge" signal."""
    agreement = report.agreement
    told = agreement and {"votes": agreement.votes, "asked": agreement.asked, "answer": agreement.answer}
    return {
        "mode": report.mode,
        "agreement": told,
        "minority": [_point(point) for point in report.minority],
        "coverage": report.coverage,
        "warnings": list(report.warnings),
    }


def _point(point: MinorityPoint) -> dict[str, Any]:
    return {
        "agent": point.agent,
        "holders": list(point.holders),
        "text": point.text,
        "votes": point.votes,
        "kept": point.kept,
        "against": point.against,
        "evidence": point.evidence,
    }
