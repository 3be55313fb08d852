"""The question itself: courtesies, asides and typing slips at its start taken off, so that rules see what is asked."""

import re

from ommatidia.words import GENERAL

_I, _X = re.IGNORECASE, re.IGNORECASE | re.VERBOSE

_OPENING = re.compile(
    r"""(?: [\s"'(*\u00bf\u00a1]+
    | (?:so|now|then|and|but|also|well|ok|okay|hi|hello|hey)(?:\s+(?:there|all|everyone|team))?\b[,:!]?\s+
    | (?:thanks|thank\s+you)(?:\s+in\s+advance)?[,:!]\s+ | quick\s+question[,:]?\s+ | excuse\s+me,?\s+
    | (?:i'm\s+|i\s+am\s+)?sorry\s+(?:to|for)\s+[^,?]*,\s+(?:but\s+)? | if\s+it\s+is\s*n[o']t\s+too\s+much\s+[^,?]*,\s+
    | your\s+task\s+is\s+to\s+ | (?:please|pls|plz|kindly)[,]?\s+ )+""",
    _X,
)
_YOU = r"(?:you|u|someone|somebody|anyone|anybody)"
_TELL = r"(?:tell|telling|remind|reminding)\s+(?:me|us)|(?:let|letting)\s+(?:me|us)\s+know|say(?:ing)?|check(?:ing)?"
# What leads up to a question that stands inside a sentence: "could you tell me", "I want to know", "do you know".
_LEAD = re.compile(
    rf"""(?:
      (?:(?:can|could|would|will)\s+{_YOU}\s+)?(?:(?:please|kindly|possibly|maybe|perhaps|quickly)\s+)*(?:{_TELL})
    | would\s+{_YOU}\s+mind\s+(?:{_TELL})
    | (?:i\s+would|i'd|we\s+would|we'd)\s+(?:be\s+(?:glad|grateful|happy)
      |appreciate\s+it)\s+if\s+{_YOU}\s+could\s+(?:{_TELL})
    | (?:do|does)\s+{_YOU}\s+(?:happen\s+to\s+)?know | (?:any|no)\s+idea | (?:may|might|can|could)\s+(?:i
      |we)\s+ask(?:\s+you)?
    | (?:i|we)(?:\s+(?:would|really|just|only))*(?:'d)?\s+(?:want|need|like|love|wish)\s+to\s+(?:know|ask
      |find\s+out|check|be\s+sure)
    | (?:i|we)(?:\s+(?:am|are|was|were)|'m|'re)?\s+(?:wonder(?:ing)?|curious|unsure|not\s+sure)
    | (?:i|we)\s+(?:have\s+|keep\s+)?(?:forg[eo]t(?:ten)?|forgetting|cannot\s+(?:remember|recall)|can(?:'
      |\u2019)?t\s+(?:remember|recall))
    | (?:i|we)(?:\s+(?:am|are|was|were)|'m|'re)?\s+trying\s+to\s+(?:remember|recall|find(?:\s+out)?|work\s+out
      |figure\s+out)
    | (?:(?:i|we)(?:\s+(?:am|are)|'m|'re)?\s+)?looking\s+for | (?:i|we)\s+(?:just\s+|only\s+)?(?:need|want)(?=\s+the\b)
    )\b[,:]?\s+(?=\S)""",
    _X,
)  # fmt: skip
# Where a lead may stand: at the start, or where a clause begins.
_CLAUSE = re.compile(r"(?:[,;:]|\b(?:and|so|but))\s+", _I)
# A clause that asks, in the order of words of an indirect question.
_INDIRECT = re.compile(
    r"(?:(?:by|for|at|in|on|to|of|from|with)\s+)?(?:who(?:m|se)?|what|which|when|where|how|why|whether|if|the)\b", _I
)

# "wich", "waht", "wen", "wat": slips in the words that ask. None of these slips is a word that begins a question.
_ASKING = ("what", "when", "where", "which", "whose")
_WORDS = GENERAL | {"wheat", "whet", "whole", "wren", "wear", "watch"}
_MEASURE_SLIPS = re.compile(r"(how)\s+(?:(me+n+[yi]|man+[yi]|mnay|mny)|(mutch|muhc|mch))\b", _I)
_SHORT = {"whats": "what's", "wats": "what's", "whos": "who's", "wheres": "where's", "whens": "when's", "hw": "how"}


def plainly(part: str) -> str:
    """The question that *part*, one sentence, puts; *part* without courtesies where it puts none.

    >>> plainly("Hello! Could you please tell me who painted it?"), plainly("so I need to know wich one is older")
    ('who painted it?', 'which one is older?')
    """
    bare = _opened(part)
    starts = [0, *(match.end() for match in _CLAUSE.finditer(bare))]
    for start in starts:
        lead = _LEAD.match(bare, start)
        if lead and _INDIRECT.match(asked := _spelt(_opened(bare[lead.end() :]))):
            return asked.rstrip(" .!?") + "?"
    return _spelt(bare)


def _opened(part: str) -> str:
    opening = _OPENING.match(part)
    return part[opening.end() :] if opening else part


def _spelt(part: str) -> str:
    """*part* with slips in its first word, if that is meant to ask, put right."""
    word, space, rest = part.partition(" ")
    low = word.lower()
    if low in _SHORT:
        part = _SHORT[low] + space + rest
    elif low not in _WORDS and low[:1] == "w":
        part = next((meant for meant in _ASKING if _one_slip(low, meant)), word) + space + rest
    return _MEASURE_SLIPS.sub(lambda slip: f"{slip[1]} {'many' if slip[2] else 'much'}", part)


def _one_slip(typed: str, meant: str) -> bool:
    """Whether one letter was left out, doubled or swapped with its neighbour (Damerau's slips but for another letter).

    >>> [_one_slip(typed, "which") for typed in ("wich", "whcih", "whitch", "witch")]
    [True, True, True, False]
    """
    if len(typed) == len(meant):
        swapped = (meant[:at] + meant[at + 1] + meant[at] + meant[at + 2 :] for at in range(len(meant) - 1))
        return typed in swapped
    short, long = sorted((typed, meant), key=len)
    return len(long) - len(short) == 1 and any(long[:at] + long[at + 1 :] == short for at in range(len(long)))
