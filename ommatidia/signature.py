"""A text's signature: the numbers, names and word stems that a vector blurs, and whether it is negated."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ommatidia.words import GENERAL, telling_stems, tokens

MOST_STEMS = 32
MOST_NAMES = 16
MOST_NUMBERS = 16

# One "not" turns a statement round, two turn it back: what counts is whether their number is odd.
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|cannot|without)\b|n['\u2019]t\b", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[.!?:]\s*[\"'\u201d\u2019)*_]*\s+|\n")


@dataclass(frozen=True, slots=True)
class Signature:
    """What a text names.

    ``nums``: its numbers, thousands separators off. ``neg``: whether it is negated (an odd number of negations).
    ``stems``: its first 32 distinct content stems. ``names``: what it writes with a capital inside a sentence, or with
    a digit in a word, in lower case.
    """

    nums: tuple[str, ...] = ()
    neg: bool = False
    stems: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def signature(text: str) -> Signature:
    """Read the signature of *text*.

    >>> signature("The WPA3 standard was not announced in 1,018 towns near Oslo.")  # doctest: +NORMALIZE_WHITESPACE
    Signature(nums=('1018',), neg=True,
              stems=('wpa3', 'standard', 'announc', '1018', 'town', 'oslo'), names=('wpa3', 'oslo'))
    """
    words = tokens(text)
    return Signature(
        nums=_first(MOST_NUMBERS, (word for word in words if _NUMBER.fullmatch(word))),
        neg=len(_NEGATION.findall(text)) % 2 == 1,
        stems=_first(MOST_STEMS, (found for word in words for found in telling_stems(word))),
        names=_first(MOST_NAMES, _names(text)),
    )


def names(text: str) -> list[str]:
    """What *text* writes as a name, in lower case and in order: a capital inside a sentence, or inside a word.

    The first word of a sentence has its capital anyway: it counts only with a further capital or a digit (WebP, WPA3).
    """
    return list(_names(text))


def _names(text: str) -> Iterator[str]:
    for sentence in _SENTENCE_END.split(text):
        for at, match in enumerate(_WORD.finditer(sentence)):
            word = match.group()
            capital = at > 0 and word[0].isupper()
            if len(word) > 1 and (capital or _INNER.search(word, 1)) and word.lower() not in GENERAL:
                yield word.lower().removesuffix("'s").removesuffix("\u2019s")


_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_INNER = re.compile(r"[A-Z\d]")
_WORD = re.compile(r"[^\W\d_][\w'\u2019\-]*")


def _first(most: int, items: Iterable[str]) -> tuple[str, ...]:
    """The first *most* distinct items; the rest is not even looked for."""
    found: dict[str, None] = {}
    for item in items:
        found[item] = None
        if len(found) == most:
            break
    return tuple(found)
