"""What the base lacks: said by one peer or by several, or said against it; found by code, appended word for word.

Why, with figures: docs/merging.md.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from harmonic_stack.merge.contradiction import contradiction
from harmonic_stack.merge.sentences import whole_sentences
from harmonic_stack.merge.talk import is_talk
from ommatidia import Encoder, Standing, as_high, best_encoder, by_cosine, by_words, signature
from ommatidia.words import content_stems, tokens

# Shorter than three content words is a greeting, a label or half a sentence.
_FEWEST_STEMS = 3
# More letters than this are a paragraph whose full stops were forgotten, and no point to append.
_LONGEST = 600
# Drafts are capped at some hundred tokens; a base may be long, and comparing costs the square of the sentences. So it
# has its limit, and the drafts share one.
_MOST_SENTENCES = 200
_MOST_OF_DRAFTS = 800


@dataclass(frozen=True, slots=True)
class Against:
    """What a point contradicts: the sentence, who says it (a draft's place, None: the base), and the evidence."""

    text: str
    draft: int | None
    evidence: str


@dataclass(frozen=True, slots=True)
class Point:
    """A sentence to the point that the base lacks.

    ``draft``: the place of the first draft that says it, ``holders``: of all that do. ``relevance``: likeness to the
    question plus mean likeness to the other drafts, 0..2. ``novelty``: 1 less the likeness to the closest sentence of
    those that do not hold it, 0..1. ``kept``: it is among the best, to be appended; the rest are only reported.
    ``against``: what it contradicts, None where it only adds.
    """

    draft: int
    text: str
    relevance: float
    novelty: float
    kept: bool
    holders: tuple[int, ...] = ()
    against: Against | None = None


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
    shared: float  # what several peers say must be less like the base than this
    about: float = 0.3  # two sentences that contradict each other are at least so much alike
    by_words: bool = False


# One row for each encoder, since cosines of two encoders do not compare. What was measured here has MiniLM's, carried
# over; an encoder with neither is judged by words.
_BY_WORDS = Rule(relevance=0.01, closest=0.6, said=0.4, shared=0.4, by_words=True)
RULES = {
    "hash512-2": _BY_WORDS,  # read off the table in docs/merging.md, checked on questions apart
    "minilm384": Rule(relevance=0.15, closest=0.8, said=0.55, shared=0.5, about=0.4),  # docs/merging.md
}


def rule_of(encoder: Encoder) -> Rule:
    """The rule for an encoder's likenesses; one that nobody measured is judged by words."""
    if encoder.tag in RULES or getattr(encoder, "scale", None) is None:
        return RULES.get(encoder.tag, _BY_WORDS)
    known = RULES["minilm384"]
    return Rule(
        relevance=2 * as_high(encoder, known.relevance / 2),  # a sum of two cosines
        closest=as_high(encoder, known.closest),
        said=as_high(encoder, known.said),
        shared=as_high(encoder, known.shared),
        about=as_high(encoder, known.about),
    )


def minority_points(
    question: str, base: str, drafts: Sequence[str], *, encoder: Encoder | None = None, most: int = 5
) -> list[Point]:
    """Find the sentences of *drafts* to the point that *base* lacks; the best first.

    1. Split; a draft that is the base itself, or stands in it whole, has nothing to add.
    2. Measure how each sentence stands to the question, the base and the other drafts (*encoder*, None: the best
       installed here).
    3. Leave out what is beside the point or what the base says. What several peers say is one point of theirs; what
       contradicts the base or another peer is a point, however like it is.
    4. Rank: contradictions of the base, then specifics, then relevance x novelty; the best *most* are kept.
    """
    places = [place for place, draft in enumerate(drafts) if draft.strip() not in base]
    most_each = min(_MOST_SENTENCES, _MOST_OF_DRAFTS // max(len(places), 1))
    # A model that loops says one sentence many times.
    told = [dict.fromkeys(whole_sentences(drafts[place])) for place in places]
    texts = [[each for each in draft if len(each) <= _LONGEST and not is_talk(each)][:most_each] for draft in told]
    texts.insert(0, whole_sentences(base)[:_MOST_SENTENCES])
    encoder = encoder or best_encoder()
    rule = rule_of(encoder)
    standing = by_words(question, texts) if rule.by_words else by_cosine(question, texts, encoder)
    found = _Candidates(texts, standing, rule, _Specifics(question, texts)).points()
    found.sort(key=lambda point: (not point.against_base, not point.specific, -point.relevance * point.novelty))
    return [point.told(places, kept=rank < most) for rank, point in enumerate(found)]


def append_points(points: Sequence[Point], names: Sequence[str]) -> str:
    """The text to append: each kept point word for word after the names of those who say it; empty where none is kept.

    A point that contradicts stands beside what it contradicts, with the evidence. *names* are those of the drafts, in
    their order.
    """
    return "".join(f"\n\n{_line(point, names)}" for point in points if point.kept)


def coverage(points: Collection[Point], shown: Collection[Point]) -> float | None:
    """The share of the points found that stand in the answer, 0..1; None where none was found."""
    return sum(point in shown for point in points) / len(points) if points else None


def _line(point: Point, names: Sequence[str]) -> str:
    holders = list(dict.fromkeys(names[place] for place in point.holders or (point.draft,)))
    who = holders[0] if len(holders) == 1 else f"{', '.join(holders[:-1])} and {holders[-1]}"
    one = len(holders) == 1
    if point.against is None:
        return f"{who} {'adds' if one else 'add'}: {point.text}"
    said = "above" if point.against.draft is None else names[point.against.draft]
    return (
        f"{who} {'disagrees' if one else 'disagree'} ({point.against.evidence}): {point.text} "
        f"[{said}: {point.against.text}]"
    )


@dataclass(frozen=True, slots=True)
class _Against:
    text: int  # of which text, 0 the base
    at: int  # the sentence's place among all
    sentence: str
    evidence: str


@dataclass(frozen=True, slots=True)
class _Found:
    sentence: str
    relevance: float
    novelty: float
    specific: bool
    holders: tuple[int, ...]  # texts, the base being 0
    against: _Against | None

    @property
    def against_base(self) -> bool:
        return self.against is not None and self.against.text == 0

    def told(self, places: Sequence[int], *, kept: bool) -> Point:
        """As a point; *places* are those of the texts among the drafts."""
        holders = tuple(places[text - 1] for text in self.holders)
        against = None
        if self.against is not None:
            beside = None if self.against_base else places[self.against.text - 1]
            against = Against(self.against.sentence, beside, self.against.evidence)
        return Point(holders[0], self.sentence, self.relevance, self.novelty, kept, holders, against)


class _Specifics:
    """Which numbers and names stand in so few texts only."""

    def __init__(self, question: str, texts: Sequence[Sequence[str]]) -> None:
        whole = [question, *(" ".join(text) for text in texts)]
        self._texts = Counter(word for text in whole for word in {token.lower() for token in tokens(text)})

    def brought_by(self, sentence: str, holders: int = 1) -> bool:
        """Whether *sentence*, which so many texts hold, brings one."""
        found = signature(sentence)
        return any(self._texts[word] <= holders for word in (*found.nums, *found.names))


class _Candidates:
    """All sentences with their figures, and which of them the base lacks."""

    def __init__(self, texts: Sequence[Sequence[str]], standing: Standing, rule: Rule, specifics: _Specifics) -> None:
        self._sentences = [sentence for text in texts for sentence in text]
        self._owners = [place for place, text in enumerate(texts) for _ in text]
        self._base = [at for at, owner in enumerate(self._owners) if owner == 0]
        self._standing, self._rule, self._specifics = standing, rule, specifics

    def points(self) -> list[_Found]:
        """Every point once: one that several texts hold counts for the first of them."""
        found: list[_Found] = []
        taken: set[int] = set()
        said: set[tuple[int, str]] = set()
        for at, (owner, sentence) in enumerate(zip(self._owners, self._sentences, strict=True)):
            if at in taken or not self._may_be(at) or (owner, sentence) in said:
                continue
            said.add((owner, sentence))
            twins = self._twins(at)
            point = self._against_base(at, twins) or self._against_peer(at, twins) or self._added(at, twins)
            if point is not None:
                found.append(point)
                taken.update(twins)
                if point.against is not None:  # it is shown beside the point
                    taken.add(point.against.at)
        return found

    def _may_be(self, at: int) -> bool:
        to_the_point = self._standing.relevance[at] >= self._rule.relevance
        return self._owners[at] > 0 and to_the_point and len(content_stems(self._sentences[at])) >= _FEWEST_STEMS

    def _twins(self, at: int) -> list[int]:
        """The sentences of other peers that say the same."""
        alike = [place for place, likeness in self._standing.alike[at] if likeness >= self._rule.closest]
        return [place for place in alike if contradiction(self._sentences[at], self._sentences[place]) is None]

    def _against_base(self, at: int, twins: Sequence[int]) -> _Found | None:
        for place in self._base:
            if (flag := contradiction(self._sentences[at], self._sentences[place])) is not None:
                # The base may say both itself: then nothing is lost.
                if self._said_by_base(at):
                    return None
                return self._found(at, twins, 1.0, _Against(0, place, self._sentences[place], flag.evidence))
        return None

    def _against_peer(self, at: int, twins: Sequence[int]) -> _Found | None:
        if self._standing.first[at] >= self._rule.closest:
            return None
        for place, likeness in self._standing.alike[at]:
            flag = contradiction(self._sentences[at], self._sentences[place])
            if flag is not None and likeness >= self._rule.about:
                against = _Against(self._owners[place], place, self._sentences[place], flag.evidence)
                return self._found(at, twins, 1 - self._standing.first[at], against)
        return None

    def _added(self, at: int, twins: Sequence[int]) -> _Found | None:
        standing, rule = self._standing, self._rule
        if not twins:
            specific = self._specifics.brought_by(self._sentences[at])
            new = standing.closest[at] < rule.closest and (specific or standing.said[at] < rule.said)
            return self._found(at, (), 1 - standing.closest[at], None) if new else None
        # Several peers say it: all of them must find it missing in the base, and its words too.
        new = all(standing.first[place] < rule.closest for place in (at, *twins))
        new = new and standing.said_first[at] < rule.shared
        return self._found(at, twins, 1 - standing.first[at], None) if new else None

    def _said_by_base(self, at: int) -> bool:
        return any(self._sentences[place].casefold() == self._sentences[at].casefold() for place in self._base)

    def _found(self, at: int, twins: Sequence[int], novelty: float, against: _Against | None) -> _Found:
        own = self._owners[at]
        holders = (own, *sorted({self._owners[place] for place in twins} - {own}))
        specific = self._specifics.brought_by(self._sentences[at], len(holders))
        relevance = self._standing.relevance[at]
        return _Found(self._sentences[at], relevance, novelty, specific, holders, against)
