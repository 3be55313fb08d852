"""Numbers written in words, and words that scale a numeral: twenty-one is 21, one hundred and five 105, 5 million."""

import re
import unicodedata
from fractions import Fraction

_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen"""
_ONES = {word: value for value, word in enumerate(_SMALL.split())}
_TENS_WORDS = """twenty thirty forty fifty sixty seventy eighty ninety"""
_TENS = {word: 10 * value for value, word in enumerate(_TENS_WORDS.split(), 2)}
SCALES = {
    "hundred": 100,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
}
# "$1.2k", "$3bn": after a currency a letter can only scale.
SHORT_SCALES = {"k": "thousand", "m": "million", "bn": "billion", "b": "billion"}
_PARTS = {
    "half": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "eighth": 8,
    "tenth": 10,
    "hundredth": 100,
}
_AND_A = re.compile(r"and\s+(?:an?|one)\s+(?P<part>half|third|quarter)\b\s*", re.I)
# "1½" and "½": one sign for a fraction, which Unicode takes apart.
_VULGAR = re.compile(r"(\d?)([\u00bc-\u00be\u2150-\u215e])")


def spelled_number(text: str) -> tuple[int, str] | None:
    """The number that *text* begins with in words, and the rest; None where it begins with none.

    >>> spelled_number("twenty-one apples"), spelled_number("one hundred and five"), spelled_number("many")
    ((21, 'apples'), (105, ''), None)
    """
    words = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text.casefold()).split()
    total = group = 0
    used = 0
    last = ""  # what kind of word came before: a 1 after a 20 joins it, a 20 after a 1 does not
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else ""
        if word == "and" and last == "scale" and (following in _ONES or following in _TENS):
            continue
        if word in _ONES and (last in ("", "scale") or (last == "ten" and 0 < _ONES[word] < 10)):
            group, last = group + _ONES[word], "one"
        elif word in _TENS and last in ("", "scale"):
            group, last = group + _TENS[word], "ten"
        elif word in SCALES and (last or (word == "dozen" and not at)):
            scale = SCALES[word]
            if scale in (100, 12):
                group = max(group, 1) * scale
            else:
                total, group = total + max(group, 1) * scale, 0
            last = "scale"
        elif word in ("a", "an") and not at and following in SCALES:
            group, last = 1, "one"
        else:
            break
        used = at + 1
    return (total + group, " ".join(words[used:])) if used else None


def with_fraction(whole: int, rest: str) -> tuple[Fraction, str]:
    """*whole* with the fraction that *rest*, the words after it, begins with; and what is left of them.

    >>> with_fraction(3, "quarters of it"), with_fraction(2, "and a half"), with_fraction(3, "apples")
    ((Fraction(3, 4), 'of it'), (Fraction(5, 2), ''), (Fraction(3, 1), 'apples'))
    """
    if found := _AND_A.match(rest):
        return whole + Fraction(1, _PARTS[found["part"].casefold()]), rest[found.end() :]
    first, _, left = rest.partition(" ")
    name = "half" if first == "halves" else first if whole == 1 else first.removesuffix("s")
    return (Fraction(whole, _PARTS[name]), left) if name in _PARTS else (Fraction(whole), rest)


def plain_fractions(text: str) -> str:
    """*text* with one-sign fractions written out.

    >>> plain_fractions("1½ cups")
    '1 1/2 cups'
    """
    return _VULGAR.sub(lambda m: f"{m[1]}{' ' if m[1] else ''}{_taken_apart(m[2])}", text)


def scaled(unit: str) -> Fraction:
    """What the first word after a numeral multiplies it by, 1 where it is no scale."""
    first = (unit.split() or [""])[0].casefold()
    return Fraction(SCALES.get(first.rstrip("s") if first != "s" else first, 1))


def _taken_apart(sign: str) -> str:
    return unicodedata.normalize("NFKC", sign).replace("\u2044", "/")
