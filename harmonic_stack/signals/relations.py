"""How the drafts of one query relate: each draft's figures against the question and its peers."""

from collections.abc import Sequence
from typing import Any

from harmonic_stack.merge.sentences import whole_sentences
from ommatidia import Encoder, agreement, novelty, relevance


def relate(question: str, drafts: Sequence[str], encoder: Encoder) -> list[dict[str, Any]]:
    """One set of figures a draft, in their order: novelty 0..1, relevance, and agreement (cosine) with each draft.

    Likeness of text, nothing more: cosine is blind to contradiction.
    """
    if not drafts:
        return []
    # As the merge reads them, so that what it encoded need not be encoded again.
    vectors = encoder.encode([question, *(" ".join(whole_sentences(draft)) or draft for draft in drafts)])
    figures = novelty(vectors[1:]), relevance(vectors[1:], vectors[0]), agreement(vectors[1:])
    new, relevant, alike = (each.astype(float).round(4).tolist() for each in figures)
    return [{"novelty": new[at], "relevance": relevant[at], "agreement": alike[at]} for at in range(len(drafts))]
