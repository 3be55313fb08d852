"""Words, their stems, and which stems are kin: enough of English to see that *photographer* and *photos* are.

No dictionary: a short list of words that say nothing about a topic, one suffix off, and kinship by shared letters.
"""

import re
from functools import lru_cache

# A number with its separators, or a word (letters of any script, digits too) with its inner hyphens and apostrophes.
TOKEN = re.compile(r"\d+(?:[.,]\d+)*(?![^\W_])|[^\W_]+(?:['\u2019\-][^\W_]+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")

_GENERAL = """
    a about above across after again against all almost along also although always am among an and another any anyone
    anything are around as at away back be because been before behind being below between both but by came can cannot
    come could did do does doing done down during each either else enough etc even ever every everyone everything few
    first for from further furthermore had has have having he hence her here hers him his how however i if in indeed
    inside instead into is it its itself just last least less let like likely made mainly make makes making many may
    maybe me might mine more moreover most mostly much must my near nearly neither never next no nor not nothing now of
    off often on once one only onto or other others otherwise our out outside over own per perhaps please quite rather
    really same second several shall she should since so some someone something sometimes soon still such than that the
    their them themselves then there thereby therefore these they thing things this those though three through
    throughout thus to together too toward towards two under unless until up upon us used very via was way ways we well
    went were what whatever when where whereas whether which while who whom whose why will with within without would
    yes yet you your yours
    able addition affect aim allow appropriate area aspect available avoid aware become begin best better bring call
    careful case cause certain change choose clear common concept concern conclude conclusion consider contain crucial
    create deal decide depend describe detail determine develop different difficult do easy effect effective ensure
    environment essential example exist expect factor feel final find focus follow general get give given go goal good
    great happen help idea identify impact implement important improve include increase individual involve issue keep
    key know lack lead level long look main maintain manage matter mean meet method mind name necessary need new number
    obtain occur offer overall own particular perform person plan point possible potential prepare prevent problem
    process proper provide purpose put range reach reason recommend reduce regard relate remain remember require
    resource result right risk role seek see seem select set show significant similar simple situation small specific
    start stay step successful such suitable sum summary support sure take task tend think time try turn type typical
    understand use useful usual valuable variety various vital want way work
    big called high known large low named old well-known
"""
# Words that fit any topic, so sharing one says nothing: function words, connectives, and the verbs, nouns and
# adjectives of advice in general.
GENERAL = frozenset(_GENERAL.split())

# The longest ending that fits comes off; at least three letters stay.
_ENDINGS = (
    ("ations", "ate"), ("ation", "ate"), ("izing", "ize"), ("ities", "ity"), ("ments", ""), ("ment", ""),
    ("ness", ""), ("ings", ""), ("ing", ""), ("edly", ""), ("ies", "y"), ("ied", "y"), ("ers", ""), ("er", ""),
    ("ors", "or"), ("ed", ""), ("ly", ""), ("es", ""), ("s", ""), ("e", ""),
)  # fmt: skip
_SHORTEST_STEM = 3


def tokens(text: str) -> list[str]:
    """The words and numbers of *text*, in order; as written, but for thousands separators, which go."""
    found: list[str] = TOKEN.findall(text)
    return [_plain_number(token) if "," in token else token for token in found] if "," in text else found


def _plain_number(token: str) -> str:
    return token.replace(",", "") if _THOUSANDS.fullmatch(token) else token


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The part of *word* that its inflections share, in lower case.

    >>> stem("Photographers"), stem("planned"), stem("batteries")
    ('photograph', 'plan', 'battery')
    """
    if word.isalnum() and not word.isalpha():
        return word.lower()  # a number or a code has no endings
    bare = word.lower().replace("\u2019", "'").removesuffix("'s").removesuffix("'")
    for ending, kept in _ENDINGS:
        if bare.endswith(ending) and len(bare) - len(ending) >= _SHORTEST_STEM and not bare.endswith("ss"):
            bare = bare[: -len(ending)] + kept
            break
    doubled = len(bare) > _SHORTEST_STEM and bare[-1] == bare[-2] and bare[-1] not in "lsz"
    bare = bare[:-1] if doubled else bare
    return bare[:-1] if len(bare) > _SHORTEST_STEM and bare.endswith("e") else bare


def content_stems(text: str) -> list[str]:
    """The stems of the words that tell what *text* is about, in order; a hyphenated word counts also by its parts.

    >>> content_stems("You should back up the photos on a dual-flush laptop.")
    ['photo', 'dual-flush', 'dual', 'flush', 'laptop']
    """
    return [found for token in tokens(text) for found in telling_stems(token)]


@lru_cache(maxsize=65536)
def telling_stems(token: str) -> tuple[str, ...]:
    """The stems of one token that tell what its text is about: none, one, or with a hyphen several."""
    parts = token.split("-")
    return tuple(stem(part) for part in ([token, *parts] if len(parts) > 1 else parts) if _tells(part))


def _tells(word: str) -> bool:
    return len(word) > 1 and word.lower() not in GENERAL and stem(word) not in _GENERAL_STEMS


# Their inflections say nothing either ("requires", "providing").
_GENERAL_STEMS = frozenset(stem(word) for word in GENERAL if len(word) > 3)


def kin(stems: list[str]) -> list[tuple[int, int, float]]:
    """Which of *stems* (distinct) are kin, as (place, place, strength in 0..1), each pair once and no stem with itself.

    1. One begins with the other (four letters or more): 0.8, as in photo and photograph.
    2. They share a beginning of five letters or more that is most of the longer one: 0.6, as in commute and commuter.
    3. One ends with the other after three letters or more: 0.5, as in bumblebee and bee.
    """
    by_start: dict[str, list[int]] = {}
    by_end: dict[str, list[int]] = {}
    for place, word in enumerate(stems):
        if word[:1].isalpha():
            by_start.setdefault(word[:4], []).append(place)
            by_end.setdefault(word[-3:], []).append(place)
    pairs: dict[tuple[int, int], float] = {}
    for group in [*by_start.values(), *by_end.values()]:
        for at, one in enumerate(group):
            for other in group[at + 1 :]:
                strength = _kinship(stems[one], stems[other])
                if strength:
                    pairs[one, other] = strength
    return [(one, other, strength) for (one, other), strength in pairs.items()]


@lru_cache(maxsize=65536)
def _kinship(one: str, other: str) -> float:
    short, long = sorted((one, other), key=len)
    if len(short) >= 4 and long.startswith(short):
        return 0.8
    shared = next((at for at, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if shared >= 5 and shared >= 0.6 * len(long):
        return 0.6
    if len(short) >= 3 and len(long) - len(short) >= 3 and long.endswith(short):
        return 0.5
    return 0.0
