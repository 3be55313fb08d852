"""Units: an answer in another unit than the one asked for is converted, so that 5 km and 5000 m are one answer.

Metric units are a prefix and a base, so they follow from a rule; times and a few others are defined multiples.
"""

import re
from collections.abc import Mapping
from fractions import Fraction

_PREFIXES: Mapping[str, Fraction] = {
    "": Fraction(1), "k": Fraction(1000), "kilo": Fraction(1000), "M": Fraction(10**6), "mega": Fraction(10**6),
    "G": Fraction(10**9), "giga": Fraction(10**9), "h": Fraction(100), "hecto": Fraction(100),
    "d": Fraction(1, 10), "deci": Fraction(1, 10), "c": Fraction(1, 100), "centi": Fraction(1, 100),
    "m": Fraction(1, 1000), "milli": Fraction(1, 1000), "\u00b5": Fraction(1, 10**6), "u": Fraction(1, 10**6),
    "micro": Fraction(1, 10**6), "n": Fraction(1, 10**9), "nano": Fraction(1, 10**9),
}  # fmt: skip
# Base units: symbol, names, what they measure.
_BASES = (
    ("m", "meter metre", "length"),
    ("g", "gram", "mass"),
    ("l", "liter litre", "volume"),
    ("W", "watt", "power"),
    ("J", "joule", "energy"),
    ("V", "volt", "voltage"),
    ("Hz", "hertz", "frequency"),
    ("s", "second", "time"),
)
_DEFINED: Mapping[str, tuple[str, Fraction]] = {
    **dict.fromkeys(("min", "mins", "minute"), ("time", Fraction(60))),
    **dict.fromkeys(("h", "hr", "hrs", "hour"), ("time", Fraction(3600))),
    "day": ("time", Fraction(86_400)),
    "week": ("time", Fraction(604_800)),
    **dict.fromkeys(("in", "inch"), ("length", Fraction(254, 10_000))),
    **dict.fromkeys(("ft", "foot", "feet"), ("length", Fraction(3048, 10_000))),
    **dict.fromkeys(("mi", "mile"), ("length", Fraction(1_609_344, 1000))),
    **dict.fromkeys(("t", "ton", "tonne"), ("mass", Fraction(10**6))),
    **dict.fromkeys(("lb", "lbs", "pound"), ("mass", Fraction(45_359_237, 100_000))),
    **dict.fromkeys(("%", "percent"), ("share", Fraction(1, 100))),
    "cent": ("money", Fraction(1, 100)),
    **dict.fromkeys(("dollar", "euro", "usd", "eur", "$", "\u20ac"), ("money", Fraction(1))),
}
_SHARE = re.compile(r"\b(?:probability|fraction|proportion|as\s+a\s+decimal)\b", re.IGNORECASE)
_ASKED = re.compile(
    r"\b(?:in|into|to|how\s+many|number\s+of|expressed\s+in)\s+(?:whole\s+|total\s+|more\s+)?([A-Za-z\u00b5]{1,12}|%)",
    re.I,
)


def factor_to(unit: str, question: str) -> Fraction:
    """What a number in *unit* is multiplied by to be in the unit that *question* asks for; 1 where they do not differ.

    >>> factor_to("m", "How long is it in km?"), factor_to("km", "How long is it?"), factor_to("%", "What probability?")
    (Fraction(1, 1000), Fraction(1, 1), Fraction(1, 100))
    """
    given = _unit(unit)
    if given is None:
        return Fraction(1)
    if given[0] == "share":
        return given[1] if _SHARE.search(question) and "percent" not in question.casefold() else Fraction(1)
    asked = [found for word in reversed(_ASKED.findall(question)) if (found := _unit(word)) is not None]
    # The last unit that the question names is the one that it asks for, where it is of the same kind.
    same = [found for found in asked if found[0] == given[0]]
    return given[1] / same[0][1] if same else Fraction(1)


def _unit(text: str) -> tuple[str, Fraction] | None:
    """What a unit measures, and how many base units it is; None where it is no unit of ours."""
    word = text.strip().rstrip(".")
    for name in (word, word.casefold(), word.casefold().removesuffix("s"), word.casefold().removesuffix("es")):
        if name in _DEFINED:
            return _DEFINED[name]
    for symbol, names, kind in _BASES:
        for base in (symbol, *names.split()):
            for spelling in {word, word.removesuffix("s")} if base != symbol else {word}:
                if len(spelling) >= len(base) and spelling.casefold().endswith(base.casefold()):
                    prefix = spelling[: len(spelling) - len(base)]
                    long = base != symbol
                    found = _PREFIXES.get(prefix.casefold() if long else prefix)
                    if found is not None and (not long or not prefix or len(prefix) > 2):
                        return kind, found
    return None
