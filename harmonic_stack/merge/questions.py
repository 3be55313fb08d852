"""What a question asks for: a short answer that can be checked (closed) or a text (open), by plain rules on words."""

import re
from enum import StrEnum, auto
from hashlib import blake2b

from harmonic_stack.merge.asked import plainly
from harmonic_stack.merge.languages import closed_elsewhere
from harmonic_stack.merge.sentences import sentences


class Kind(StrEnum):
    """The form of a short answer, as far as the question tells it."""

    YES_NO = auto()
    OPTION = auto()
    WEEKDAY = auto()
    NUMBER = auto()
    ANY = auto()


_FEW_WORDS = 6
_NOTE_WORDS = 16  # with two numbers a short note is a sum to do: "250000 loan 3.5 percent 25 years"
_I, _X = re.IGNORECASE, re.IGNORECASE | re.VERBOSE

# "A) Paris", "(b) Rome", "C. Oslo", "Option D: Bern", one a line; or on one line, each after white space.
_OPTION_LINE = re.compile(
    r"^[ \t]*(?:[-*][ \t]*)?(?:option[ \t]+)?\(?\**([A-Za-z])\**[.):]\**[ \t]+(\S.*)$", _I | re.MULTILINE
)
_OPTION_INLINE = re.compile(
    r"(?:^|\s)\(?([A-Ha-h])[).:]\s*([^()\n]*?)(?=[\s,;]*(?:\s(?:or\s+)?\(?[A-Ha-h][).:]\s)|[?\n]|$)"
)
_INITIALS = re.compile(r"(?:^|\s)[A-H]\.\s")

_MEASURES = "many|much|old|long|far|tall|big|large|deep|high|wide|heavy|fast|often|late|soon|hot|cold"
_HOW_MUCH = rf"how\s+(?:{_MEASURES})\b"
_AUXILIARY = r"(?:is|are|was|were|am|do|does|did|has|have|had|will|can|could)\b"
_ASKS_YES_NO = re.compile(rf"(?:{_AUXILIARY}|should\b|would\b)", _I)
_SUMS = re.compile(r"\d\s*(?:[-+*/^%\u00d7\u00f7\u2212]|\\times|\\div)\s*\(?\d|=\s*\??\s*$", re.MULTILINE)
_GRID = re.compile(r"^[ \t]*\[?\[?\d+(?:[ \t,]+\d+)+\]?\]?,?[ \t]*\n[ \t]*\[?\d+(?:[ \t,]+\d+)+", re.MULTILINE)

# The form of the answer is prescribed: "yes or no", "just the number", "give the weekday", "as your final answer".
_PRESCRIBED = re.compile(
    r"""\b(?:
      yes\s*(?:or|/)\s*no | true\s*(?:or|/)\s*false | final\s+answer | nothing\s+else | rounded?\s+to
    | in\s+one\s+word | one\s+word\s+only | (?:a|one)\s+single\s+(?:word|number|letter|digit)
    | (?:just|only)\s+(?:with\s+)?(?:the|a|one|your)(?:\s+\w+){0,2}?
      \s+(?:number|word|letter|digit|value|answer|result|option|label|name|date|year|weekday|grid|list|total|code)s?\b
    | numerical\s+value | as\s+an?\s+(?:number|integer|fraction|decimal)
    | which\s+of\s+(?:the\s+following|these) | (?:correct|right)\s+(?:option|answer|choice)
    | (?:answer|reply|respond)\s+with\b
    | (?:give|write|state|provide|name|report|return|output)(?:\s+out)?\s+(?:the|its|your)(?:\s+\w+){0,3}?
      \s+(?:number|count|total|integer|value|letter|option|weekday|date|year|answer|result|day\s+of\s+the\s+week)\b
    )""",
    _X,
)
# A text is asked for ...
_WRITE = re.compile(
    r"""(?:(?:please|kindly|now,?)\s+ | (?:can|could|would|will)\s+you\s+(?:please\s+)? | help\s+me\s+(?:to\s+)?
        | i(?:'d|\s+would)\s+like\s+you\s+to\s+)*
    (?:explain|describe|write|compose|draft|create|design|discuss|summari[sz]e|outline|suggest|recommend|propose
    | compare|contrast|analy[sz]e|brainstorm|review|rewrite|rephrase|paraphrase|improve|translate|edit|proofread
    | teach|advise|plan|argue|critique|elaborate|imagine|pretend|invent|implement|refactor|debug|fix|build|list
    | help|introduce|walk\s+me|show\s+me | tell\s+me\s+(?:an?|about|more|how|why|what|something)
    | give\s+(?:me\s+)?(?:an?|some|any|tips|advice|ideas|examples))\b""",
    _X,
)
# ... but not by these, which ask for the way to a short answer, or say how not to answer.
_REASONING = re.compile(
    r"""(?:please\s+)?(?:explain|describe|justify|show)\s+
        (?:your|how\s+you|all|each\s+step|the\s+(?:steps|work|reasoning|calculation))
    | think\b | reason\b | let'?s\b | (?:do\s+not|don't)\b""",
    _X,
)
_OPEN_START = re.compile(
    rf"""(?:(?:in|on|at|for|to|by)\s+)?(?:what|which)\b(?!\s+(?:time|day|date|year|number)\b)(?:\s+[\w'-]+){{0,5}}
      \s+(?:(?:should|would)\s+(?:i|we|you|one|people|they)|really)\b
    | who(?:'s|\s+(?:is|was|were|are))\s+(?!\w+e[rd]\b|th\w+\b|an?\b)[\w.'-]+(?:\s+(?!of\b)[\w.'-]+){{0,2}}\s*\?*$
    | (?:is|are)\s+there\s+(?:an?|any)\s+(?:mistake|error|flaw|problem|risk|typo)s?\b
    | (?:does|do|is|are|where\s+(?:does|do|is))\b.*\b(?:my|our|this|these)\b
      .*\b(?:mistakes?|errors?|wrong|apart|clear|convincing|missing)\b
    | why\b | should\b | would\b | how\b(?!\s+(?:{_MEASURES})\b)
    | (?:what|which)(?:\s+\w+){{0,2}}\s+(?:should|can|could|would|might)\s+(?:i|we|you|one|people|they|be)\b
    | what(?:\s+\w+){{0,2}}\s+do\s+(?:i|we)\b
    | what\s+(?:makes|causes|happens|about|if)\b | what\s+(?:is|'s|are|was|were)\s+(?:an?|some|good|your)\b
    | where\s+(?:do|should|can|could)\s+(?:i|we|you)\b
    | (?:is|are|was|were|do|does|can|will)\b.*\b(?:worth|better|good\s+idea|advisable|recommended?|i|we)\b
    | .*\b(?:and|but)\s+(?:why|how)\b(?!\s+(?:{_MEASURES})\b)
    | (?:what|when|where|which|who|whom|how)\s+(?:\w+\s+){{0,2}}?to\b""",
    _X,
)
# What is good, or good for one: many answers may be right, unless it is a matter of figures.
_ADVICE = re.compile(
    r"""(?:(?:in|on|at|for|to|by|with)\s+)?(?:what|which|where|when|who|whom|how\s+\w+)\b.*\b(?:should|would|might)\b
    | (?:what|which|where|when|who|is|are)\b.*\b(?:good|best|right|better|ideal)
      \s+(?:time|way|place|age|moment|season|idea|choice|method|approach)s?\b
    | (?:what|which|does|do|is|are)\b.*\b(?:suits?|(?:goes?|pairs?|looks?|works?)\s+(?:well|best|good|nice))\b
    | (?:what|which|is|are|was|were|do|does|did)\b.*\b(?:my|our|(?:i|we)\s+(?:have|need|want|own|live))\b | am\s+i\b
    | (?:where|what|which|is|are|was|were|whether|if)\b[^\"]*\btoo\s+\w+ | (?:whether|if)\s+(?:i|we|my|our)\b
    | (?:do|did|have)\s+(?:you|u)\b
    | (?:is|are)\s+there\s+(?:(?:any|some)thing\b
      |(?:an?|any|some)\s+(?:\w+\s+){0,2}?(?:ways?|tricks?|tips?|methods?|advice|alternatives?|hope)\b)
    | is\s+anything\b | (?:is|was|would)\s+it\s+(?:\w+\s+)?(?:sensible|wise|reasonable|unreasonable|rude|smart|fair
      |silly|ok|okay)\b
    """,
    _X,
)  # fmt: skip
_REQUEST = re.compile(r"(?:can|could|will|would)\s+(?:you|u|someone|anyone)\s+(?:(?:please|kindly|possibly)\s+)?", _I)
_CLOSED_START = re.compile(
    rf"""(?:(?:by|for|at|in|on|to|of|from|with|about|after|before|under|over)\s+)?
    (?:{_HOW_MUCH} | {_AUXILIARY} | when\b | whom?\b | whose\b | where\b | which\b | if\b.*\bdoes\b
    | what\b.*\b(?:return|print|output|evaluate\s+to|equal|stand\s+for|weigh|cost)(?:\s+in\s+\w+)?\?
    | what\s+(?:year|time|day|date|number|percentage|percent|fraction|colou?r|country|city|letter|word|age|price
      |language|name|size|weight|temperature|month|weekday|digit|shape|grade|score|amount)\b)""",
    _X,
)
_ASKS_MEASURE = re.compile(rf"\b(?:{_HOW_MUCH}|what\s+(?:percentage|percent|fraction|year|time)\b)", _I)
# Nouns of which a thing has one: its capital, its height, its author.
_OF_ONE = r"""(?:capital|coordinates|sum|product|total|number|average|mean|median|mode|area|perimeter|circumference
      |volume|length
    |width|height|depth|distance|speed|velocity|probability|percentage|remainder|quotient|root|factorial|derivative
    |integral|determinant|divisor|multiple|digits?|year|date|day|weekday|month|time|temperature|population|currency
    |symbol|formula|surname|age|opposite|antonym|plural|tense|participle|abbreviation|acronym|colou?r|maximum|minimum
    |author|painter|composer|director|inventor|founder|discoverer|winner|birthplace|birthday|nationality|numeral|mass
    |radius|diameter|density|\w{3,}est)"""
# "What is the capital of", "the sum", "the tallest ..." have one value; "the best way to ..." has many.
_ONE_VALUE = re.compile(
    rf"""(?:what(?:\s+(?:is|was|are|were|will\s+be|would\s+be))?|what's|(?:give|tell)\s+me|name|state)
    \s+(?:the|its|their|his|her)\s+(?:\w+\s+){{0,2}}?
    (?:{_OF_ONE}|default|value|ratio|rate|cube|name|point|price|cost|profit|amount|answer|result|output|missing|next|last|first
    |second|third|order|rank|position|index|size|weight|angle|score|letter|word|term|language|country|city|balance
    |solution|grid|code)\b
    (?!\s+(?:way|method|approach|practice|strategy|thing|option))
    | what\s+do(?:es)?\s+(?:you|we|one|people)\s+call\b | what(?:\s+is|'s)\s+another\s+word\b""",
    _X,
)
# The same without a verb: "capital of Peru", and after "I forgot": "the name of the strait".
_NOUN_PHRASE = re.compile(
    rf"(?:the\s+)?(?:[\w-]+\s+){{0,2}}?(?:{_OF_ONE}|name(?=\s+of))\b(?:\s+(?:of|for|in|between|from|that|when|the)\b|\s*\?*$)",
    _X,
)
_THE_NAME = re.compile(r"the\s+(?:[\w-]+\s+)?(?:name|word|term|title|value)\s+(?:of|for|that|which|meaning)\b", _I)
_TEXT_ON_IT = re.compile(r"\b(?:explain\w*|essay|poem|story|summary|overview|guide|ideas?|tips|history|how|why)\b", _I)
# A list of a known length: "name the four Beatles", but not "the three main reasons".
_KNOWN_LIST = re.compile(
    r"""(?:name|list|give\s+me|state)\s+(?:all\s+)?(?:of\s+)?the\s+(?:first\s+|last\s+)?
    (?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|twelve)\s+
    (?!(?:main|most|best|key|biggest|top|important|major|common|worst)\b)(?!\w+\s+(?:reasons?|advantages?|benefits?|ways?)\b)""",
    _X,
)
# One thing is asked for, in the singular: "what port does it use"; not one of these, of which much can be said.
_ONE_THING = re.compile(
    r"""what\s+(?:[\w-]+\s+)??(?!(?:kind|sort|type|role|effect|impact|influence|reason|cause|way|advice|idea|thing|problem
    |lesson|strategy|approach|argument|evidence|life|about|if|it|he|she|they|one|people|the|that|this)\b)
    [\w-]*[^\Ws]\s+(?:is|was|does|did|has|had|will)\b(?!.*\blike\b)""",
    _X,
)
# The question word at the end: "was signed in which year?"; labels to choose from: "rate it: good, bad or neutral?".
_AT_THE_END = re.compile(r".*\b(?:in|on|at|of|by|from|to|for)\s+(?:which|what)\s+[\w-]+\s*\?*$", _I)
_LABELS = re.compile(
    r".*:\s*(?:[\w'-]+(?:\s[\w'-]+)?,\s*)*[\w'-]+(?:\s[\w'-]+)?,?\s+or\s+[\w'-]+(?:\s[\w'-]+)?\s*[?.]?$", _I
)
# Asked without a question mark, in chat: "who painted it"; "is a tomato a fruit", if it is short and shows nothing.
_UNMARKED = re.compile(
    rf"""(?:(?:in|on|at|by|from|to|of|for)\s+)?
    (?:(?:who|whose|which|what|{_HOW_MUCH}|(?:when|where)(?:'s|\s+(?:is|are|was|were|do|does|did|has|have|had|can|will)))
      (?:\W+\w+){{2}}.*
    | (?:is|are|was|were|does|did|has|can)\b(?!\s+(?:you|u|not|this|that|these|it|there)\b)(?:[^\w.]+[\w'-]+){{3,9}}\s*)
    (?<![.!:;\u2026])$""",
    _X,
)
_COMPUTE = re.compile(
    r"""(?:(?:please|now,?|then,?)\s+)*
    (?:calculate|compute|work\s+out|solve|evaluate|simplify|find|determine|convert|count|add|subtract|multiply|divide|factor
    |integrate|differentiate|sort|reverse|spell|unscramble|rearrange|decode|encode|classify|label|choose|select|pick|complete
    |identify|extract|round|rank|order|continue|estimate)\b""",
    _X,
)
# Something to work on stands beside it: a number, a quotation, a list after a colon, "whether".
_MATERIAL = re.compile(r"\d|[\"\u201c`']\w|:\s*\S|\bwhether\b|\bif\b|\bthe number of\b", _I)
_WHETHER = re.compile(
    r"(?:(?:please\s+)?(?:tell me|say|decide|state|check|judge)"
    r"\s+(?:whether|if|which|who|when|where|how many)|whether|if)\b",
    _I,
)

# What a yes or a no may answer although a number is in question: "is the number 97 a prime?", "tell me whether how many
# matters", "2 + 2 = 4, right?"; or what the word itself may be: "... or no", "print 'no'".
_YES_NO_TOLD = re.compile(
    r"""\b(?:yes|whether|true|false|correct|right|agree|or\s+not|or\s+no|no\s+or)\b | [\"'`\u2018\u201c]no\b
    | \b(?:tell|say|decide|state|check|judge|determine|verify|see|know|wonder(?:ing)?|find\s+out)
      \s+(?:(?:me|us)\s+)?if\b""",
    _X,
)
# A clause asks for the number or the day itself: "how many", "what is 2 + 2", "on which weekday", "compute the sum".
_ASKS_IT = re.compile(
    rf"(?:(?:in|on|at|for|to|by|of|from|with|about|after|before)\s+)?(?:{_HOW_MUCH}|what\b|what's\b|which\b)", _I
)


def closed_question(text: str, *, has_schema: bool = False) -> bool:
    """Tell whether *text* asks for a short answer that can be checked: a number, option, label, yes or no, date, grid.

    1. A schema, options to choose from, or a prescribed form of the answer ("just the number"): closed.
    2. A first sentence that asks for a text (write, explain, compare ...): open.
    3. A sum or a grid: closed. Else the last sentence that tells decides: "how many", "who", "is it", "what is the sum
       of", "compute ... 12" are closed; "why", "how do I", "what should I", "explain" are open.
    4. Nothing tells: a few words with a number ("LCM of 4 and 10") are closed, the rest is open, where the answer is
       the executive's own words.
    """
    if has_schema or options(text) or _PRESCRIBED.search(text):
        return True
    parts = [plainly(part) for part in sentences(text) or [text.strip()]]
    if _WRITE.match(parts[0]) and not _REASONING.match(parts[0]) and not _KNOWN_LIST.match(parts[0]):
        return False
    if _SUMS.search(text) or _GRID.search(text):
        return True
    told = (_sentence_closed(part, text) for part in reversed(parts))
    few = parts[-1].endswith("?") or len(parts) == 1
    return next((closed for closed in told if closed is not None), few and _few_words(parts[-1], text))


# Each draft of a vote asks twice, and 100 KB of question take 50 ms. By digest: a long question is not kept for it.
_KINDS: dict[bytes, Kind] = {}
_MOST_KINDS = 64


def kind_of(question: str) -> Kind:
    """The form that the answer to *question* takes, ANY where the question does not tell."""
    key = blake2b(question.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    if (known := _KINDS.get(key)) is None:
        if len(_KINDS) >= _MOST_KINDS:
            _KINDS.clear()
        known = _KINDS[key] = _kind_of(question)
    return known


def _kind_of(question: str) -> Kind:
    if options(question):
        return Kind.OPTION
    if re.search(r"\byes\s*(?:or|/)\s*no\b", question, _I):
        return Kind.YES_NO
    if re.search(rf"\b(?:{_HOW_MUCH}|the number|as a number|numerical value|total number|occurrences)", question, _I):
        return Kind.NUMBER
    if re.search(r"\b(?:weekday|day of the week)\b", question, _I):
        return Kind.WEEKDAY
    asked = next((put for part in reversed(sentences(question)) if (put := plainly(part)).endswith("?")), "")
    if _REQUEST.match(asked):
        return Kind.ANY
    if _ASKS_YES_NO.match(asked) and " or " not in asked:
        return Kind.YES_NO
    return Kind.NUMBER if _SUMS.search(question) else Kind.ANY


def never_yes_or_no(question: str) -> bool:
    """Tell whether *question* surely asks for a number or a weekday, so that a bare yes or no answers nothing.

    Where any clause of it could be one that yes or no answers, it is not sure.

    >>> never_yes_or_no("How many days are in a week?"), never_yes_or_no("Is the number 97 prime?")
    (True, False)
    """
    if kind_of(question) not in (Kind.NUMBER, Kind.WEEKDAY) or _YES_NO_TOLD.search(question):
        return False
    clauses = [
        bare
        for part in sentences(question) or [question]
        for bare in (plainly(part), plainly(part).rpartition(", ")[2])
    ]
    if any(_ASKS_YES_NO.match(clause) for clause in clauses):
        return False
    return any(_ASKS_IT.match(clause) or _COMPUTE.match(clause) for clause in clauses)


def options(question: str) -> dict[str, str]:
    """The labelled options of *question*, label (upper case) to text; empty unless there are two in order from A.

    >>> options("Which is a prime? A) 9 B) 11 C) 15")
    {'A': '9', 'B': '11', 'C': '15'}
    """
    for pattern in (_OPTION_LINE, _OPTION_INLINE):
        found = {label.upper(): text.strip(" \t\r,;.*") for label, text in pattern.findall(question)}
        in_order = list(found) == [chr(ord("A") + at) for at in range(len(found))]
        # On one line "A. Smith met B. Jones" are two names; three letters in order hardly are.
        names = pattern is _OPTION_INLINE and len(found) < 3 and _INITIALS.search(question)
        if len(found) > 1 and in_order and not names:
            return found
    return {}


def _sentence_closed(part: str, text: str) -> bool | None:
    """Whether one sentence of *text* asks for a short answer; None where it asks for nothing."""
    if _REASONING.match(part):
        return None
    if request := _REQUEST.match(part):
        return bool(_sentence_closed(part[request.end() :].rstrip(" ?"), text))
    if (elsewhere := closed_elsewhere(part)) is not None:
        return elsewhere
    if _ADVICE.match(part) and not re.search(r"\d", part):
        return False
    if _KNOWN_LIST.match(part) or (_COMPUTE.match(part) and _MATERIAL.search(text)):
        return True
    if (_WHETHER.match(part) and part.endswith("?")) or _ONE_VALUE.search(part):
        return True
    if _WRITE.match(part) or _OPEN_START.match(part):
        return False
    if _AT_THE_END.match(part) or _LABELS.match(part):
        return True
    asked = part.rstrip("\"')").endswith("?") or _UNMARKED.match(part)
    condition, comma, clause = part.rpartition(", ")
    if not asked:
        return True if _UNMARKED.match(clause) and _ASKS_MEASURE.match(clause) else None
    if _CLOSED_START.match(part) or _ASKS_MEASURE.search(part) or _ONE_THING.match(part) or _THE_NAME.match(part):
        return True
    if comma and condition:  # "If today is Monday, what day ...?"
        return _sentence_closed(clause, text)
    return True if re.match(r"what\b(?!\s+do\b)", part, _I) and re.search(r"\d", text) else None


def _few_words(asked: str, text: str) -> bool:
    """Whether a note asks for a short answer: a sum in words, or a thing of which there is one."""
    words, numbers = len(asked.split()), len(set(re.findall(r"\d+(?:[.,:]\d+)*", text)))
    if words <= _NOTE_WORDS and _NOUN_PHRASE.match(asked) and not _TEXT_ON_IT.search(asked):
        return True
    return (words <= _FEW_WORDS and numbers > 0) or (words <= _NOTE_WORDS and numbers > 1)
