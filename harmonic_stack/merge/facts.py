"""Facts out of drafts, pooled in code: facts may travel between agents, opinions and orders may not."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harmonic_stack.merge.minority import rule_of
from harmonic_stack.merge.sentences import sentences, whole_sentences
from harmonic_stack.prompts import escape_control
from ommatidia import Encoder, as_high, best_encoder, by_cosine, by_words, signature
from ommatidia.signature import names
from ommatidia.words import content_stems, tokens

_HEADING = re.compile(
    r"^\W*(?:(?:the|my|our|known|relevant|key|all|list of)\s+)*facts\b[^:\n]{0,60}(?::|\W*$)\W*", re.I
)
# What follows a list of facts: reasoning, an answer, another heading.
_AFTER = re.compile(
    r"^\W*(?:reason(?:ing|s)?|analysis|answers?|(?:final|correct)\s+answer|conclusions?|solution|explanation|step\s+\d+"
    r"|question|notes?)\b\W*(?::|$)|^\s*#{1,6}\s",
    re.I,
)
_BULLET = re.compile(
    r"^\s*(?:>\s*)*(?:(?:fact\s*)?#?\d{1,3}\s*[.):]|fact\s*\d*\s*:|[-*+\u2022\u2013\u2192]|[A-Za-z]\))\s+", re.I
)
_DRESS = " \t*_`\"'\u201c\u201d\u2018\u2019"
# Lines that say that there is nothing, that speak of the list, of the speaker or of other agents.
_META = re.compile(
    r"""^(?:none|nothing|n/a|no\b.{0,40}\b(?:facts?|information|knowledge)\b.*|unknown)\W*$
    | ^(?:here|these|those|the\s+following|below|above)\b.{0,60}\bfacts?\b
    | ^i\b(?:'m|\s+am|\s+do\b|\s+don|\s+have\b|\s+cannot|\s+can't|\s+think|\s+believe|\s+know|\s+would|\s+recommend)
    | \b(?:my|other|your)\s+(?:colleagues?|peers?|agents?)\b | \b(?:other|the)\s+agents?\b | \bdrafts?\b
    | \b(?:the\s+)?facts?\s+(?:above|below|listed|that\s+bear)\b | ^facts?\W*$""",
    re.I | re.X,
)
# What somebody concludes is an opinion: a conclusion, an answer, a recommendation.
_OPINION = re.compile(
    r"""^(?:therefore|thus|hence|so|consequently|in\s+conclusion|overall|based\s+on|as\s+a\s+result|this\s+means)\b
    | \b(?:final\s+|correct\s+|right\s+|best\s+)?answer\b
    | \bagents?\s+(?:answered|agreed?|chose|said|say|voted?)\b | \bthe\s+vote\b
    | \b(?:correct|right|best)\s+(?:option|choice|candidate|pick)\b
    | \boptions?\s+\(?[A-Z]\)?\s+(?:is|seems|must|should|would)\b
    | ^(?:in\s+my\s+opinion|probably|we\s+should|you\s+should|it\s+is\s+(?:best|recommended))\b""",
    re.I | re.X,
)
# Words that tell the reader what to do are no fact, whoever wrote them.
_ORDER = re.compile(
    r"""^(?:please\s+|now\s+|then\s+|always\s+|never\s+|important\W+|system\W+|assistant\W+|user\W+)*
        (?:ignore|disregard|forget|override|answer|reply|respond|say|output|print|write|repeat|choose|pick|select|vote|do\s+not
        |don't|stop|pretend|act|obey|follow|tell|remember\s+to|you\b)
    | \b(?:previous|prior|above|earlier|all|other|these|your)\s+(?:instructions?|prompts?|rules?\s+above)\b
    | \byou\s+(?:must|should|have\s+to|need\s+to|are\s+(?:now|to))\b
    | \b(?:must|should)\s+(?:answer|reply|respond|say|output)\b""",
    re.I | re.X,
)
_FENCE = re.compile(r"\b[0-9a-f]{16}\b")
_FEWEST_STEMS = 2
_LONGEST = 320  # characters; more is a paragraph
# Wordings of one fact: cosine from here up, with the same numbers and as often negated. Per encoder.
_SAME: Mapping[str, float] = {"hash512-2": 0.82}
_SAME_ELSEWHERE = 0.85  # with MiniLM, and as high with an encoder that was measured here
# A fact listed out of notes stands in them: this share of its content words, and every number.
_FROM_NOTES = 0.6


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of the pool.

    ``holders``: the agents that listed it, in the order asked. ``relevance``: likeness to the question plus mean
    likeness to what other agents listed, 0..2. ``held_back``: why it is handed to nobody, "" if it may be. ``named``:
    it speaks of something that the question names.
    """

    text: str
    holders: tuple[str, ...]
    relevance: float = 0.0
    held_back: str = ""
    named: bool = False


def listed_facts(draft: str, *, cut: bool = False, most: int = 12) -> list[str]:
    """The facts that *draft* lists, each on one line without its bullet; at most *most*.

    1. The lines below the heading FACTS, up to a heading or an answer; without that heading the items of a list, and
       without a list the sentences.
    2. A line that was *cut* off at the end is left out.
    3. Each sentence is a fact of its own. Empty lines, lines about the list itself, questions, opinions and orders are
       none.

    >>> listed_facts("FACTS:\\n1. Ada owns **two** boats.\\n- None\\n- So the answer is Ada.\\n\\nAnswer: Ada")
    ['Ada owns two boats.']
    """
    found: dict[str, None] = {}
    for line in _lines(draft, cut):
        # Small models put several facts on one line, whatever they were asked for.
        for sentence in sentences(_BULLET.sub("", line).replace("**", "")):
            text = " ".join(sentence.split()).strip(_DRESS)
            if is_fact(text):
                found.setdefault(text)
    return list(found)[:most]


def noted_facts(question: str, passages: Sequence[str], listed: Sequence[str], *, most: int = 12) -> list[str]:
    """The sentences of an agent's own *passages* that name what *question* names and that it has not *listed*.

    A model that copies facts leaves some out (half of them, with 1.5 B parameters); what stands in its notes about a
    thing that the question names by its name bears on it, and code need not ask a model to say so. At most *most*.

    >>> noted_facts("Which is better, Ada's or Bell's?", ["Bell takes dogs. Cray has a pool."], [])
    ['Bell takes dogs.']
    """
    named, told = frozenset(names(question)), {_plain(text) for text in listed}
    found = [
        sentence
        for passage in passages
        for sentence in sentences(passage)
        if _names_any(sentence, named) and is_fact(sentence) and _plain(sentence) not in told
    ]
    return list(dict.fromkeys(found))[:most]


def is_fact(text: str) -> bool:
    """Whether a line states something: no meta line, opinion, order, question or fragment."""
    if not text or len(text) > _LONGEST or text.endswith(("?", ":")) or len(content_stems(text)) < _FEWEST_STEMS:
        return False
    if escape_control(text) != text or _FENCE.search(text):  # words of a chat template or a fence are no fact
        return False
    return not (_META.search(text) or _OPINION.search(text) or _ORDER.search(text))


def pool(
    question: str,
    lists: Mapping[str, Sequence[str]],
    *,
    notes: Mapping[str, Sequence[str]] | None = None,
    encoder: Encoder | None = None,
) -> list[Fact]:
    """Join what all agents listed into one pool, every holder recorded; in the order of *lists*.

    1. Wordings of one fact are joined: the same words, or a like frame with the same numbers and the same negation.
    2. What an agent with *notes* of its own lists must stand in them, or in the question: small models make facts up.
    3. What is beside the point, by the encoder's rule, is held back, unless it speaks of what the question names; so is
       what the question says itself.
    """
    encoder = encoder or best_encoder()
    given = [(agent, text) for agent, texts in lists.items() for text in texts]
    if not given:
        return []
    asked = [text for text in (*sentences(question), *question.splitlines()) if text.strip()]
    frames = _Frames(encoder, [*asked, *(text for _, text in given)])
    known, seen = _Wordings(frames), _Wordings(frames)
    for text in asked:
        known.add(text)
    found: list[Fact] = []
    relevance = _relevance(question, lists, encoder)
    least, asked_of = rule_of(encoder).relevance, frozenset(names(question))
    for (agent, text), likeness in zip(given, relevance, strict=True):
        place = seen.place_of(text)
        held_back, named = "", _names_any(text, asked_of)
        if known.place_of(text) is not None:
            held_back = "the question says it"
        elif not _stands_in(text, [*(notes or {}).get(agent, ()), question], has_notes=bool((notes or {}).get(agent))):
            held_back = "not in the agent's notes"
        elif likeness < least and not named:
            held_back = "beside the point"
        if place is None:
            seen.add(text)
            found.append(Fact(text, (agent,), round(likeness, 4), held_back, named))
        else:
            old = found[place]
            holders = old.holders if agent in old.holders else (*old.holders, agent)
            reasons = "" if not (old.held_back and held_back) else old.held_back
            found[place] = replace(
                old, holders=holders, relevance=max(old.relevance, round(likeness, 4)), held_back=reasons
            )
    return found


class _Frames:
    """The vectors and signatures of all texts of one pool, made in one call of the encoder."""

    def __init__(self, encoder: Encoder, texts: Sequence[str]) -> None:
        distinct = list(dict.fromkeys(texts))
        self.vectors = dict(zip(distinct, encoder.encode(distinct), strict=True))
        self.signatures = {text: signature(text) for text in distinct}
        self.least = _SAME[encoder.tag] if encoder.tag in _SAME else as_high(encoder, _SAME_ELSEWHERE)


class _Wordings:
    """Texts already there, and whether another one is a wording of the same."""

    def __init__(self, frames: _Frames) -> None:
        self._frames = frames
        self._texts: list[str] = []
        self._plain: dict[str, int] = {}

    def add(self, text: str) -> None:
        self._plain.setdefault(_plain(text), len(self._texts))
        self._texts.append(text)

    def place_of(self, text: str) -> int | None:
        """Where the same fact stands, None if nowhere."""
        if (place := self._plain.get(_plain(text))) is not None:
            return place
        own = self._frames.vectors[text]
        alike = [float(self._frames.vectors[other] @ own) for other in self._texts]
        best = max(range(len(alike)), key=lambda at: alike[at], default=None)
        if best is None or alike[best] < self._frames.least:
            return None
        return best if self._same(text, self._texts[best]) else None

    def _same(self, one: str, other: str) -> bool:
        mine, theirs = self._frames.signatures[one], self._frames.signatures[other]
        told = set(mine.nums) == set(theirs.nums) and mine.neg == theirs.neg
        return told and _holds(one, theirs.names) and _holds(other, mine.names)


def _lines(draft: str, cut: bool) -> Iterator[str]:
    lines = draft.splitlines()
    start = next((at for at, line in enumerate(lines) if _HEADING.match(line)), None)
    if start is None:
        if cut:
            lines = lines[:-1]
        items = [line for line in lines if _BULLET.match(line)]
        yield from items or whole_sentences(draft) or ()
        return
    below = [_HEADING.sub("", lines[start], count=1), *lines[start + 1 :]]
    listed: list[str] = []
    blank = False
    for line in below:
        if not line.strip():
            blank = bool(listed)
            continue
        # Small models part their facts by empty lines too: only what concludes ends the list.
        if _AFTER.match(line) or (blank and _OPINION.search(line)):
            cut = False
            break
        blank = False
        listed.append(line)
    yield from listed[:-1] if cut else listed


def _relevance(question: str, lists: Mapping[str, Sequence[str]], encoder: Encoder) -> tuple[float, ...]:
    texts = list(lists.values())
    standing = by_words(question, texts) if rule_of(encoder).by_words else by_cosine(question, texts, encoder)
    return standing.relevance


def _stands_in(text: str, sources: Sequence[str], *, has_notes: bool) -> bool:
    if not has_notes:
        return True
    told = {stem for source in sources for stem in content_stems(source)}
    numbers = {token for source in sources for token in tokens(source)}
    stems = content_stems(text)
    share = sum(stem in told for stem in stems) / len(stems)
    return share >= _FROM_NOTES and all(number in numbers for number in signature(text).nums)


def _holds(text: str, names: Sequence[str]) -> bool:
    """Whether *text* has all *names*; at its start a name looks like any word."""
    words = {token.lower() for token in tokens(text)}
    return all(name in words for name in names)


def _names_any(text: str, named: frozenset[str]) -> bool:
    return bool(named) and any(token.lower() in named for token in tokens(text))


def _plain(text: str) -> str:
    return " ".join(tokens(text)).casefold()
