"""Where two texts may contradict each other, with the words that say so: a flag that raises a question, no verdict.

Cosine is blind to contradiction ("one degree saves 6 percent", "one degree saves 16 percent"), so this looks at what
vectors blur: numbers, negations and opposites, in sentences that are about one thing. Never drop an answer for it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from ommatidia.encode import Encoder
from ommatidia.scale import as_high
from ommatidia.words import GENERAL, content_stems, stem, tokens

# Each word of the first group is the opposite of each of the second; by stems, so inflections count.
_OPPOSITES = """
    more / less, fewer      always / never, rarely, seldom     before / after       early / late
    increase, rise, grow, raise / decrease, fall, shrink, drop, decline  gain / lose       above, over / below, under
    high, higher / low, lower            up / down          inside / outside            open / close, closed, shut
    fast, quickly / slow, slowly         strong, strengthen / weak, weaken        long, longer / short, shorter
    large, big, larger / small, smaller  hot, warm / cold, cool               wet / dry          first / last
    best, better, improve / worst, worse, worsen           start, begin / stop, end              add / remove, without
    safe, harmless / dangerous, harmful  same / different   with / without    help / harm        remember / forget
    cheap, cheaper / expensive           easy / hard, difficult               allow, legal / forbid, illegal
    near, close / far                    all, every / none, no                tight, tightly / loose     many / few
    heavy / light    thick / thin        wide / narrow      deep / shallow    hard / soft        true / false
    summer / winter  day / night         morning / evening  left / right      north / south      east / west
    buy / sell       lend / borrow       push / pull        import / export   full / empty       bring / draw
    maximum / minimum                    positive / negative                  alive / dead       young, new / old
    avoid / seek     accept / reject     win / lose         success / failure  love / hate        rich / poor
    aloud, loud / silent, silently, quiet
"""
_COUNTED = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBERS = {word: str(at) for at, word in enumerate(_COUNTED)} | {
    word: str(10 * at) for at, word in enumerate(_TENS, 2)
}
del _NUMBERS["one"]  # often a pronoun: see _counted
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
# "No less than six", "not only": these say more or less, and negate nothing.
_NO_NEGATION = re.compile(r"\bno\s+(?:less|more|longer|fewer|later|sooner)\b|\bnot\s+(?:just|only)\b", re.IGNORECASE)
# What follows these words is a reason, a purpose, a condition or a warning: "so that nothing is lost" denies nothing,
# and "never rinse it, even if it does not run clear" is no double negation.
_CLAUSE = re.compile(
    r"\b(?:so\s+that|which|who|whose|if|when|because|since|unless|until|while|where|although"
    r"|to\s+(?:ensure|avoid|prevent))\b|,\s+or\b",
    re.IGNORECASE,
)
_BETWEEN = frozenset({"and", "or", "to", "a", "an", "of", "the", "per"})  # from a number to its unit
_NEGATION = re.compile(r"not|no|never|none|nobody|nothing|neither|nor|cannot|without|.*n['\u2019]t", re.IGNORECASE)


def _read_opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in re.split(r"\s{2,}", _OPPOSITES):
        if "/" in pair:
            one, other = ([stem(word) for word in side.replace(",", " ").split()] for side in pair.split("/"))
            for word in one:
                found.setdefault(word, set()).update(other)
            for word in other:
                found.setdefault(word, set()).update(one)
    return {word: frozenset(others - {word}) for word, others in found.items()}


_OPPOSITE = _read_opposites()


@dataclass(frozen=True, slots=True)
class Claim:
    """What of one sentence can be contradicted: its numbers by the stem of their unit, its negation, its words."""

    numbers: Mapping[str, frozenset[str]]
    negation: str  # of its main clause, where their number is odd; else ""
    stems: frozenset[str]  # of all words
    topic: frozenset[str]  # of the telling ones, without the numbers


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two sentences of two texts that may contradict each other. ``evidence``: "6 vs 16", "not", "before vs after"."""

    texts: tuple[int, int]
    sentences: tuple[str, str]
    evidence: tuple[str, ...]


def claim(sentence: str) -> Claim:
    """Read what of *sentence* can be contradicted; numbers in words count as figures."""
    words = [word.lower() for word in tokens(sentence)]
    main = _NO_NEGATION.sub(" ", _CLAUSE.split(sentence, maxsplit=1)[0])
    negations = [word.lower() for word in tokens(main) if _NEGATION.fullmatch(word)]
    topic = frozenset(content_stems(sentence)) - frozenset(stem(word) for word in words if _figure(word))
    stems = frozenset(stem(word) for word in words)
    return Claim(_counted(words), negations[0] if len(negations) % 2 else "", stems, topic)


def _counted(words: Sequence[str]) -> dict[str, frozenset[str]]:
    """The numbers of a sentence by the stems of what they count: the next two words, but for numbers and small words.

    Two, since a word may stand before the unit ("five high tides"). "One" is a number only where a word that tells
    follows at once.
    """
    found: dict[str, frozenset[str]] = {}
    for at, word in enumerate(words):
        after = words[at + 1] if at + 1 < len(words) else ""
        if figure := _figure(word) or ("1" if word == "one" and after and after not in GENERAL else ""):
            rest = (stem(w) for w in words[at + 1 :] if not _figure(w) and w not in _BETWEEN)
            for unit in list(islice(rest, 2)) or [""]:
                found[unit] = found.get(unit, frozenset()) | {figure}
    return found


def evidence(a: Claim, b: Claim) -> tuple[str, ...]:
    """What speaks for *a* and *b* contradicting each other, if they are about one thing; empty where nothing does.

    1. Both count one unit, and share no number of it: "6 vs 16". The unit is one of the two words after a number.
    2. One is negated in its main clause: "not".
    3. One has a word, and the other in its place an opposite of it: "befor vs aft", by stems.
    """
    found = [
        f"{_listed(a.numbers[unit])} vs {_listed(b.numbers[unit])}"
        for unit in a.numbers
        if unit in b.numbers and not a.numbers[unit] & b.numbers[unit]
    ]
    if bool(a.negation) != bool(b.negation):
        found.append(a.negation or b.negation)
    only_a, only_b = a.stems - b.stems, b.stems - a.stems
    found += [f"{one} vs {other}" for one in sorted(only_a) for other in sorted(_OPPOSITE.get(one, set()) & only_b)]
    return tuple(dict.fromkeys(found))


def disagreements(texts: Sequence[Sequence[str]], encoder: Encoder) -> list[Disagreement]:
    """The pairs of sentences of different *texts* (each a list of sentences) that are about one thing and differ.

    About one thing: alike to *encoder* and by their words, from its thresholds up (docs/ommatidia.md).
    """
    owners = [at for at, text in enumerate(texts) for _ in text]
    said = [sentence for text in texts for sentence in text]
    claims = [claim(sentence) for sentence in said]
    vectors = encoder.encode(said)
    alike = about_one_thing(claims, vectors @ vectors.T, encoder)
    found = []
    for one, other in zip(*np.nonzero(np.triu(alike, 1)), strict=True):
        if owners[one] != owners[other] and (why := evidence(claims[one], claims[other])):
            found.append(Disagreement((owners[one], owners[other]), (said[one], said[other]), why))
    return found


# Cosine and share of common words from which two sentences are about one thing (docs/ommatidia.md, "Disagreement").
_ALIKE = {"minilm384": (0.45, 0.2), "hash512-2": (0.3, 0.3)}
_OTHER = (0.6, 0.4)


def about_one_thing(
    claims: Sequence[Claim], cosines: npt.NDArray[np.float32], encoder: Encoder
) -> npt.NDArray[np.bool_]:
    """Which pairs are about one thing, bool of shape (n, n): near by *cosines* (n, n) and in the words they share.

    *encoder* made the cosines; for one that was measured here MiniLM's threshold is carried over (scale.py).
    """
    cosine, shared = _ALIKE.get(encoder.tag, _OTHER)
    if encoder.tag not in _ALIKE and getattr(encoder, "scale", None) is not None:
        cosine, shared = as_high(encoder, _ALIKE["minilm384"][0]), _ALIKE["minilm384"][1]
    return (cosines >= cosine) & (_shared([known.topic for known in claims]) >= shared)


def _shared(topics: Sequence[frozenset[str]]) -> npt.NDArray[np.float32]:
    """The share of the shorter one's telling stems that stand in the other, shape (n, n)."""
    columns = {word: at for at, word in enumerate(dict.fromkeys(word for topic in topics for word in topic))}
    table = np.zeros((len(topics), len(columns)), dtype=np.float32)
    for row, topic in zip(table, topics, strict=True):
        row[[columns[word] for word in topic]] = 1
    sizes = table.sum(axis=1)
    smaller = np.maximum(np.minimum.outer(sizes, sizes), 1)
    shares: npt.NDArray[np.float32] = (table @ table.T / smaller).astype(np.float32)
    return shares


def _figure(word: str) -> str:
    return word if _NUMBER.fullmatch(word) else _NUMBERS.get(word, "")


def _listed(numbers: frozenset[str]) -> str:
    return ", ".join(sorted(numbers))
