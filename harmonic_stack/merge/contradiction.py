"""Whether two statements contradict each other, as far as their words show: told with its evidence, never a verdict.

``ommatidia.disagree`` raises the question wherever two texts may differ. What stands marked in an answer must be surer:
here two sentences share most of their content words, and what is left tells: other numbers in the same place, an
opposite, or one of them negated in its main clause.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ommatidia.disagree import Claim, claim, evidence
from ommatidia.signature import signature
from ommatidia.words import content_stems, tokens

# Two sentences are about the same where the shorter one shares this much of its content words, numbers aside.
_ABOUT_THE_SAME = 0.6
_FEWEST_SHARED = 2
_SAME_BUT_NEGATED = 0.75
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NEGATION = re.compile(r"\b(?:not|no|never|none|nobody|nothing|neither|nor|cannot)\b|n['\u2019]t\b", re.IGNORECASE)
# "Every" against "not every": an exception is no contradiction. "Not only" and "no more than" negate nothing.
_NO_NEGATION = re.compile(
    r"\b(?:not\s+(?:only|just|every|all|always|necessarily)|no\s+(?:more|less|fewer)\s+than)\b", re.IGNORECASE
)

# What follows these words is a reason, a purpose or a condition: "so that nothing is lost" denies nothing.
_CLAUSE = re.compile(
    r"\b(?:that|which|who|whose|if|when|because|since|unless|until|while|where|although|to\s+(?:ensure|avoid|prevent))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two statements that contradict each other by their words; ``evidence`` is short: "12 vs 4", "not"."""

    evidence: str


def contradiction(one: str, other: str) -> Contradiction | None:
    """Tell a contradiction between two sentences, None where their words show none.

    1. They must be about the same: most content words of the shorter one are shared, and every name of the shorter.
    2. Numbers: each has one that the other lacks, as many as the other, with the same word before or after them.
    3. Negation: one is negated in its main clause and the other is not; or one has the opposite of the other's word.

    >>> contradiction("The hive holds 12 frames.", "The hive holds 4 frames.")
    Contradiction(evidence='12 vs 4')
    >>> contradiction("Basil survives frost.", "Basil does not survive frost.")
    Contradiction(evidence='not')
    >>> contradiction("Tea is hot.", "Ice is cold.") is None
    True
    """
    mine, theirs = _read(one), _read(other)
    shared = mine.stems & theirs.stems
    if len(shared) < _FEWEST_SHARED or len(shared) < _ABOUT_THE_SAME * min(len(mine.stems), len(theirs.stems)):
        return None
    if mine.names and theirs.names and not mine.names & theirs.names:
        return None
    flags = evidence(mine.claim, theirs.claim)
    if pairs := _other_numbers(mine.numbers, theirs.numbers):
        return Contradiction("; ".join(f"{left} vs {right}" for left, right in pairs))
    # Negation turns the same statement round; beside other words it may say something else.
    alike = len(shared) >= _SAME_BUT_NEGATED * max(len(mine.stems), len(theirs.stems))
    if alike and mine.negated != theirs.negated:
        return Contradiction("not")
    opposites = [flag for flag in flags if " vs " in flag and not _NUMBER.search(flag)]
    return Contradiction(opposites[0]) if alike and opposites and mine.negated == theirs.negated else None


def contradictions(sentences: Sequence[str], others: Sequence[str]) -> list[tuple[int, int, Contradiction]]:
    """Every flagged pair of a sentence and another, as (place, place, flag)."""
    return [
        (at, beside, flag)
        for at, one in enumerate(sentences)
        for beside, other in enumerate(others)
        if (flag := contradiction(one, other)) is not None
    ]


@dataclass(frozen=True, slots=True)
class _Read:
    """What of a sentence is compared: content stems without numbers, names, negation, numbers with their neighbours."""

    stems: frozenset[str]
    names: frozenset[str]
    negated: bool
    claim: Claim
    numbers: tuple[tuple[str, frozenset[str]], ...]


@lru_cache(maxsize=4096)
def _read(text: str) -> _Read:
    stems = frozenset(stem for stem in content_stems(text) if not _NUMBER.fullmatch(stem))
    negated = len(_NEGATION.findall(_NO_NEGATION.sub(" ", _CLAUSE.split(text)[0]))) % 2 == 1
    return _Read(stems, frozenset(signature(text).names), negated, claim(text), tuple(_placed_numbers(text)))


def _other_numbers(
    mine: Sequence[tuple[str, frozenset[str]]], theirs: Sequence[tuple[str, frozenset[str]]]
) -> list[tuple[str, str]]:
    """Numbers that stand in the same place of both and differ: the same neighbouring word tells the place."""
    left = {number for number, _ in mine} - {number for number, _ in theirs}
    right = {number for number, _ in theirs} - {number for number, _ in mine}
    if not left or len(left) != len(right):  # one says more than the other, and need not deny it
        return []
    pairs: list[tuple[str, str]] = []
    for number, beside in mine:
        if number in left:
            match = next((found for found, near in theirs if found in right and beside & near), None)
            if match is not None and (number, match) not in pairs:
                pairs.append((number, match))
    return pairs


def _placed_numbers(text: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Each number with its neighbours, the word before and the one after."""
    words = [word.lower() for word in tokens(text)]
    for at, word in enumerate(words):
        if _NUMBER.fullmatch(word):
            yield word, frozenset((*words[max(at - 1, 0) : at], *words[at + 1 : at + 2]))
