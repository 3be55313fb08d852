"""Points that one text lacks though several others make them: not lone, so a rule for lone points leaves them out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ommatidia.encode import Encoder


@dataclass(frozen=True, slots=True)
class Shared:
    """A sentence that stands for a point of several texts. ``text``: whose wording; ``held``: how many texts say it."""

    text: int
    sentence: str
    relevance: float
    held: int


def shared_points(
    question: str,
    texts: Sequence[Sequence[str]],
    encoder: Encoder,
    *,
    relevance: float = 0.15,
    same: float = 0.6,
    lacking: float = 0.6,
    held: int = 2,
) -> list[Shared]:
    """Find what the first of *texts* (lists of sentences) lacks and at least *held* others say; the most held first.

    1. A sentence whose closest one in the first text is below *lacking* is lacking there.
    2. It is held by every other text that has a sentence like it from *same* up, its own included.
    3. It is to the point from *relevance* up (likeness to the question + mean likeness to the other texts).
    4. Of sentences that say the same, the one most to the point stands for all.

    All are cosines of *encoder*, so thresholds belong to an encoder that knows meaning (MiniLM's are the defaults).
    """
    said = [sentence for text in texts for sentence in text]
    owners = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    vectors = encoder.encode([question, *(" ".join(text) for text in texts), *said])
    whole, single = vectors[1 : len(texts) + 1], vectors[len(texts) + 1 :]
    alike = single @ single.T
    apart = owners[:, None] != np.arange(len(texts))
    to_point = single @ vectors[0] + (single @ whole.T * apart).sum(axis=1) / max(len(texts) - 1, 1)
    found: list[Shared] = []
    taken: list[int] = []
    for at in np.argsort(-to_point, kind="stable"):
        in_base = alike[at, owners == 0].max(initial=0)
        holders = {int(owner) for owner in owners[alike[at] >= same]} | {int(owners[at])}
        if owners[at] == 0 or in_base >= lacking or len(holders) < held or to_point[at] < relevance:
            continue
        if all(alike[at, other] < same for other in taken):
            taken.append(int(at))
            found.append(Shared(int(owners[at]), said[at], float(to_point[at]), len(holders)))
    return sorted(found, key=lambda point: -point.held)
