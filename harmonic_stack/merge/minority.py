"""What only one draft says: found by code, appended word for word. Why, with figures: docs/merging.md."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from harmonic_stack.merge.sentences import whole_sentences
from ommatidia import Encoder, Standing, best_encoder, by_cosine, by_words, signature
from ommatidia.words import content_stems, tokens

# Shorter than three content words is a greeting, a label or half a sentence.
_FEWEST_STEMS = 3
# Drafts are capped at some hundred tokens; a base may be long, and comparing costs the square of the sentences.
_MOST_SENTENCES = 200


@dataclass(frozen=True, slots=True)
class Point:
    """A sentence to the point that one draft alone says.

    ``draft``: its place in the drafts given. ``relevance``: likeness to the question plus mean likeness to the other
    drafts, 0..2. ``novelty``: 1 less the likeness to the closest sentence elsewhere, 0..1. ``kept``: it is among the
    best, to be appended; the rest are only reported.
    """

    draft: int
    text: str
    relevance: float
    novelty: float
    kept: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """When a sentence is a point: to the point from ``relevance`` up, new while its closest one elsewhere is below
    ``closest``.

    One that brings no specific (a number or a name that stands nowhere else, what a reader would miss most) must be new
    to all other texts together too, ``said`` below its limit: to an encoder that sees words alone, advice put together
    from what several others say looks new beside each of their sentences.
    """

    relevance: float
    closest: float
    said: float
    by_words: bool = False


# One row for each encoder, since cosines of two encoders do not compare. An encoder without a row is judged by words.
_BY_WORDS = Rule(relevance=0.01, closest=0.6, said=0.4, by_words=True)
RULES = {
    "hash512": _BY_WORDS,  # read off the table in docs/merging.md, checked on questions apart
    "minilm384": Rule(relevance=0.15, closest=0.6, said=0.6),  # docs/merging.md, "Limits": measured before this code
}


def rule_of(encoder: Encoder) -> Rule:
    """The rule for an encoder's likenesses; one that nobody measured is judged by words."""
    return RULES.get(encoder.tag, _BY_WORDS)


def minority_points(
    question: str, base: str, drafts: Sequence[str], *, encoder: Encoder | None = None, most: int = 5
) -> list[Point]:
    """Find the sentences of *drafts* to the point that neither *base* nor any other draft says; the best first.

    1. Split; a draft that is the base itself, or stands in it whole, has nothing to add.
    2. Measure how each sentence stands to the question, the base and the other drafts (*encoder*, None: the best
       installed here).
    3. Leave out what is beside the point or said elsewhere too, by the encoder's rule.
    4. Rank: specifics first, then relevance x novelty; the best *most* are kept.
    """
    places = [place for place, draft in enumerate(drafts) if draft.strip() not in base]
    texts = [whole_sentences(text)[:_MOST_SENTENCES] for text in (base, *(drafts[place] for place in places))]
    encoder = encoder or best_encoder()
    rule = rule_of(encoder)
    standing = by_words(question, texts) if rule.by_words else by_cosine(question, texts, encoder)
    lone = _lone(texts, standing, rule, _Specifics(question, texts))
    lone.sort(key=lambda found: (-found.specific, -found.relevance * found.novelty))
    return [
        Point(places[found.text - 1], found.sentence, found.relevance, found.novelty, kept=rank < most)
        for rank, found in enumerate(lone)
    ]


def append_points(points: Sequence[Point], names: Sequence[str]) -> str:
    """The text to append: each kept point word for word after the name of who says it; empty where none is kept.

    *names* are those of the drafts, in their order.
    """
    return "".join(f"\n\n{names[point.draft]} adds: {point.text}" for point in points if point.kept)


def coverage(points: Collection[Point], shown: Collection[Point]) -> float | None:
    """The share of the lone points found that stand in the answer, 0..1; None where none was found."""
    return sum(point in shown for point in points) / len(points) if points else None


@dataclass(frozen=True, slots=True)
class _Lone:
    text: int
    sentence: str
    relevance: float
    novelty: float
    specific: bool


class _Specifics:
    """Which numbers and names stand in one text only."""

    def __init__(self, question: str, texts: Sequence[Sequence[str]]) -> None:
        whole = [question, *(" ".join(text) for text in texts)]
        self._texts = Counter(word for text in whole for word in {token.lower() for token in tokens(text)})

    def brought_by(self, sentence: str) -> bool:
        """Whether *sentence* holds one."""
        found = signature(sentence)
        return any(self._texts[word] <= 1 for word in (*found.nums, *found.names))


def _lone(texts: Sequence[Sequence[str]], standing: Standing, rule: Rule, specifics: _Specifics) -> list[_Lone]:
    """The sentences of all texts but the base (the first) that pass *rule*, each wording once."""
    found: dict[tuple[int, str], _Lone] = {}
    sentence_texts = [(text, sentence) for text, said in enumerate(texts) for sentence in said]
    figures = zip(standing.relevance, standing.closest, standing.said, strict=True)
    for (text, sentence), (relevance, closest, said) in zip(sentence_texts, figures, strict=True):
        if text == 0 or relevance < rule.relevance or len(content_stems(sentence)) < _FEWEST_STEMS:
            continue
        specific = specifics.brought_by(sentence)
        if closest < rule.closest and (specific or said < rule.said):
            found.setdefault((text, sentence), _Lone(text, sentence, relevance, 1 - closest, specific))
    return list(found.values())
