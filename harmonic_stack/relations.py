"""How the drafts of one query relate: each draft's frame, and its figures against the question and its peers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ommatidia import Encoder, Frame, agreement, frames_of, novelty, relevance


@dataclass(frozen=True, slots=True)
class Relation:
    """One draft among its peers; ``figures`` are novelty 0..1, relevance, and agreement (cosine) with each draft."""

    frame: Frame
    figures: dict[str, Any]


def relate(question: str, drafts: Sequence[str], encoder: Encoder) -> list[Relation]:
    """One relation a draft, in their order. Likeness of text, nothing more: cosine is blind to contradiction."""
    if not drafts:
        return []
    frames = frames_of(drafts, encoder)
    vectors = encoder.encode([question, *drafts])
    new, alike = novelty(vectors[1:]), agreement(vectors[1:])
    relevant = relevance(vectors[1:], vectors[0])
    return [
        Relation(
            frame,
            {
                "novelty": round(float(new[at]), 4),
                "relevance": round(float(relevant[at]), 4),
                "agreement": [round(float(cosine), 4) for cosine in alike[at]],
                "encoder": encoder.tag,
            },
        )
        for at, frame in enumerate(frames)
    ]
