"""How the drafts of one query relate: each draft's figures against the question and its peers."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from ommatidia import Encoder, Frame, agreement, frames_of, novelty, relevance, stack

# A turn's texts are framed more than once (a draft, the answer, the session's record of it); old ones are made again.
CACHED = 256


class Frames:
    """Makes frames, each text's once as long as it is remembered."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: OrderedDict[str, Frame] = OrderedDict()

    def of(self, texts: Sequence[str]) -> list[Frame]:
        """The frames of *texts*; those not known yet in one call of the encoder."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(fresh, frames_of(fresh, self._encoder), strict=True))
        found = [self._known[text] for text in texts]
        while len(self._known) > CACHED:
            self._known.popitem(last=False)
        return found


def relate(question: Frame, drafts: Sequence[Frame]) -> list[dict[str, Any]]:
    """One set of figures a draft, in their order: novelty 0..1, relevance, and agreement (cosine) with each draft.

    Likeness of text, nothing more: cosine is blind to contradiction.
    """
    if not drafts:
        return []
    vectors = stack([question, *drafts])
    new, alike, relevant = novelty(vectors[1:]), agreement(vectors[1:]), relevance(vectors[1:], vectors[0])
    return [
        {
            "novelty": round(float(new[at]), 4),
            "relevance": round(float(relevant[at]), 4),
            "agreement": [round(float(cosine), 4) for cosine in alike[at]],
            "encoder": question.enc,
        }
        for at in range(len(drafts))
    ]
