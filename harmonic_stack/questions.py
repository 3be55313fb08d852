"""What a question asks for: a short answer that can be checked (closed) or a text (open), by plain rules on its words."""

import re
from enum import StrEnum, auto

from harmonic_stack.sentences import sentences


class Kind(StrEnum):
    """The form of a short answer, as far as the question tells it."""

    YES_NO = auto()
    OPTION = auto()
    WEEKDAY = auto()
    NUMBER = auto()
    ANY = auto()


# "A) Paris", "(b) Rome", "C. Oslo", "Option D: Bern", one a line; or on one line, each after white space.
_OPTION_LINE = re.compile(r"^\s*(?:[-*]\s*)?(?:option\s+)?\(?\**([A-Za-z])\**[.):]\**\s+(\S.*?)\s*$", re.M | re.I)
_OPTION_INLINE = re.compile(
    r"(?:^|\s)\(?([A-Ha-h])[).:]\s*([^()\n]*?)(?=[\s,;]*(?:\s(?:or\s+)?\(?[A-Ha-h][).:]\s)|[?\n]|$)"
)

_HOW_MUCH = r"how\s+(?:many|much|old|long|far|tall|big|large|deep|high|wide|heavy|fast|often|late|soon|hot|cold)\b"
_BE_DO = r"(?:is|are|was|were|am|do|does|did|has|have|had|will)"
_SUMS = re.compile(r"\d\s*(?:[-+*/^%\u00d7\u00f7\u2212]|\\times|\\div)\s*\(?\d|=\s*\??\s*$", re.M)
_GRID = re.compile(r"^\s*\[?\[?\d+(?:[\s,]+\d+)+\]?\]?,?\s*\n\s*\[?\d+(?:[\s,]+\d+)+", re.M)

# The form of the answer is prescribed: "yes or no", "just the number", "give the weekday", "as your final answer".
_PRESCRIBED = re.compile(
    r"\b(?:yes\s*(?:or|/)\s*no|true\s+or\s+false|final answer|in one word|(?:a|one) single (?:word|number|letter|digit)"
    r"|(?:just|only) (?:with )?(?:the|a|one|your)\b|nothing else|numerical value|as (?:a|an) (?:number|integer|fraction|decimal)"
    r"|which of (?:the following|these)|rounded? to|(?:correct|right) (?:option|answer|choice)"
    r"|(?:answer|reply|respond) with\b"
    r"|(?:give|write|state|provide|name|report|return|output)(?: out)? (?:the|its|your)(?: \w+){0,3} (?:number|count|total"
    r"|integer|value|letter|option|weekday|day of the week|date|year|answer|result)\b)",
    re.I,
)
# A text is asked for.
_WRITE = re.compile(
    r"(?:please\s+|kindly\s+|now,?\s+|(?:can|could|would|will)\s+you\s+(?:please\s+)?|i(?:'d| would) like you to\s+|help me\s+(?:to\s+)?)*"
    r"(?:explain|describe|write|compose|draft|create|design|discuss|summari[sz]e|outline|suggest|recommend|propose|compare"
    r"|contrast|analy[sz]e|brainstorm|review|rewrite|rephrase|paraphrase|improve|translate|edit|proofread|teach|advise|plan"
    r"|argue|critique|elaborate|imagine|pretend|invent|implement|refactor|debug|fix|build|list|help|introduce|walk me|show me"
    r"|tell me (?:a|an|about|more|how|why|what|something)|give (?:me )?(?:a|an|some|any|tips|advice|ideas|examples))\b",
    re.I,
)
# ... but not by these, which ask for the way to a short answer.
_REASONING = re.compile(
    r"(?:please\s+)?(?:explain|describe|justify|show)\s+(?:your|how you|all|each step|the (?:steps|work|reasoning|calculation))"
    r"|think\b|reason\b|let'?s\b|(?:do not|don't)\b",
    re.I,
)
_OPEN_START = re.compile(
    r"(?:why|should|would|how(?!\s+(?:many|much|old|long|far|tall|big|large|deep|high|wide|heavy|fast|often|late|soon|hot|cold)\b)"
    r"|(?:what|which)(?:\s+\w+){0,2}\s+(?:should|can|could|would|might|do)\s+(?:i|we|you|one|people|they|be)\b"
    r"|what\s+(?:makes|causes|happens|about|if)\b|what\s+(?:is|'s|are|was|were)\s+(?:a|an|some|good|your)\b)",
    re.I,
)
_CLOSED_START = re.compile(
    rf"(?:(?:by|for|at|in|on|to|of|from|with|about|after|before|under|over)\s+)?(?:{_HOW_MUCH}|when\b|whom?\b|whose\b|where\b|which\b"
    rf"|{_BE_DO}\b|can\b|could\b|if\b.*\bdoes\b|what\b.*\b(?:return|print|output|evaluate to|equal|stand for|weigh|cost)\?|what\s+(?:year|time|day|date|number|percentage|percent|fraction|colou?r|country|city"
    r"|letter|word|age|price|language|name|size|weight|temperature|month|weekday|digit|shape|grade|score|amount)\b)",
    re.I,
)
# What has one value: "the capital of", "the sum", "the tallest ..." (but "the best way to ..." has many).
_ONE_VALUE = re.compile(
    r"what(?:\s+(?:is|was|are|were|will be|would be)|'s)\s+(?:the|its|their|his|her)\s+(?:\w+\s+){0,2}?(?:capital|sum|product|total|number|value"
    r"|average|mean|median|mode|area|perimeter|circumference|volume|length|width|height|depth|distance|speed|velocity|probability|ratio|rate"
    r"|percentage|remainder|quotient|root|cube|factorial|derivative|integral|determinant|divisor|multiple|digit|digits|year|date|day|weekday"
    r"|month|time|temperature|population|currency|symbol|formula|name|surname|point|age|price|cost|profit|amount|opposite|antonym|plural"
    r"|tense|answer|result|output|colou?r|missing|next|last|first|second|third|order|rank|position|index|size|weight|mass|angle|score"
    r"|letter|word|language|country|city|balance|solution|grid|\w{3,}est)\b(?!\s+(?:way|method|approach|practice|strategy|thing|option))",
    re.I,
)
_COMPUTE = re.compile(
    r"(?:please\s+|now,?\s+|then,?\s+)*(?:calculate|compute|solve|evaluate|simplify|find|determine|convert|count|add|subtract|multiply|divide"
    r"|factor|integrate|differentiate|sort|reverse|spell|unscramble|decode|encode|classify|label|choose|select|pick|complete|identify"
    r"|extract|round|rank|order|continue|estimate)\b",
    re.I,
)
# Something to work on stands there: a number, a quotation, a list after a colon, or "whether".
_MATERIAL = re.compile(r"\d|[\"\u201c`']\w|:\s*\S|\bwhether\b|\bif\b|\bthe number of\b", re.I)
_WHETHER = re.compile(
    r"(?:please\s+)?(?:tell me|say|decide|state|check|judge)\s+(?:whether|if|which|who|when|where|how many)\b", re.I
)


def closed_question(text: str, *, has_schema: bool = False) -> bool:
    """Tell whether *text* asks for a short answer that can be checked: a number, option, label, yes or no, date, grid.

    1. A schema, options to choose from, or a prescribed form of the answer ("just the number"): closed.
    2. A first sentence that asks for a text (write, explain, compare ...): open.
    3. A sum or a grid: closed. Else the last sentence that tells decides: "how many", "who", "is it", "what is the sum
       of", "compute ... 12" are closed; "why", "how do I", "what should I", "explain" are open.
    4. Nothing tells: open, where the answer is the executive's own words.
    """
    if has_schema or options(text) or _PRESCRIBED.search(text):
        return True
    parts = [_bare(part) for part in sentences(text) or [text.strip()]]
    if parts and _WRITE.match(parts[0]) and not _REASONING.match(parts[0]):
        return False
    if _SUMS.search(text) or _GRID.search(text):
        return True
    told = (_sentence_closed(part) for part in reversed(parts))
    return next((closed for closed in told if closed is not None), False)


def kind_of(question: str) -> Kind:
    """The form that the answer to *question* takes, ANY where the question does not tell."""
    if options(question):
        return Kind.OPTION
    if re.search(r"\byes\s*(?:or|/)\s*no\b", question, re.I):
        return Kind.YES_NO
    if re.search(rf"\b(?:{_HOW_MUCH}|the number|as a number|numerical value|total number|occurrences)", question, re.I):
        return Kind.NUMBER
    if re.search(r"\b(?:weekday|day of the week)\b", question, re.I):
        return Kind.WEEKDAY
    parts = sentences(question)
    if (
        parts
        and re.match(rf"(?:{_BE_DO}|can|could|should|would)\b", _bare(parts[-1]), re.I)
        and " or " not in parts[-1]
    ):
        return Kind.YES_NO
    return Kind.NUMBER if _SUMS.search(question) else Kind.ANY


def options(question: str) -> dict[str, str]:
    """The labelled options of *question*, label (upper case) to text; empty unless there are two in order from A.

    >>> options("Which is a prime? A) 9 B) 11 C) 15")
    {'A': '9', 'B': '11', 'C': '15'}
    """
    for pattern in (_OPTION_LINE, _OPTION_INLINE):
        found = {label.upper(): text.strip(" ,;.*") for label, text in pattern.findall(question)}
        if len(found) > 1 and list(found) == [chr(ord("A") + at) for at in range(len(found))]:
            return found
    return {}


def _sentence_closed(part: str) -> bool | None:
    if _REASONING.match(part):
        return None
    if _WHETHER.match(part) or _ONE_VALUE.search(part) or (_COMPUTE.match(part) and _MATERIAL.search(part)):
        return True
    if _WRITE.match(part) or _OPEN_START.match(part):
        return False
    if not part.rstrip("\"')").endswith("?"):
        return None
    if _CLOSED_START.match(part) or re.search(
        rf"\b(?:{_HOW_MUCH}|what\s+(?:percentage|percent|fraction|year|time)\b)", part, re.I
    ):
        return True
    return _clause_closed(part)


def _clause_closed(part: str) -> bool | None:
    """A question after a condition: "If today is Monday, what day ...?" """
    clause = part.rpartition(", ")[2]
    if clause == part:
        return bool(re.match(r"what\b", part, re.I) and re.search(r"\d", part)) or None
    return _sentence_closed(clause)


def _bare(part: str) -> str:
    return re.sub(
        r"^(?:[\s\"'(*]+|(?:so|now|then|and|but|also|well|ok|okay|hi|hello|please note)\b[,:]?\s+)+",
        "",
        part,
        flags=re.I,
    )
