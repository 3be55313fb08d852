"""What agrees, and what only one draft saw: the merge, decided by code in pure functions (docs/merging.md).

The parts: ``answers`` finds a draft's short answer and ``canonical`` writes it one way, ``verdict`` counts the votes,
``minority`` finds the sentences that one draft alone says, ``side_by_side`` the short answers that differ.
"""

from harmonic_stack.merge.answers import final_answer
from harmonic_stack.merge.canonical import canonical, json_answer
from harmonic_stack.merge.minority import Point, append_points, coverage, minority_points
from harmonic_stack.merge.questions import closed_question
from harmonic_stack.merge.side_by_side import Differing, differing_answers, tell_differing
from harmonic_stack.merge.verdict import Rival, Verdict, agreement_confidence, verdict

__all__ = [
    "Differing",
    "Point",
    "Rival",
    "Verdict",
    "agreement_confidence",
    "append_points",
    "canonical",
    "closed_question",
    "coverage",
    "differing_answers",
    "final_answer",
    "json_answer",
    "minority_points",
    "tell_differing",
    "verdict",
]
