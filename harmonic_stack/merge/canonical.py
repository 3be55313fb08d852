"""Short answers in one canonical form, so that drafts that mean the same are counted together.

Numbers lose separators, units, currency and needless zeros; dates are ISO 8601; JSON is compact with sorted keys; words
are lower case; a lone letter is upper case, as the label of an option.
"""

import json
import re
from collections.abc import Mapping
from itertools import islice

from harmonic_stack.merge.choices import label_of
from harmonic_stack.merge.claims import claimed
from harmonic_stack.merge.dates import WEEKDAYS, date_in, day_of_year, time_of_day, weekday
from harmonic_stack.merge.dress import plain
from harmonic_stack.merge.expressions import expression
from harmonic_stack.merge.layout import bulleted, listed, structured
from harmonic_stack.merge.quantities import last_number, number
from harmonic_stack.merge.questions import Kind, kind_of, never_yes_or_no, options

# More is a sentence or a text, which no two drafts write alike; a list of single words may be longer.
_MOST_WORDS = 12
_MOST_LETTERS = 120
# ... and before its Markdown and LaTeX are taken off, or as JSON.
_MOST_DRESSED_LETTERS = 400
_MOST_JSON_LETTERS = 8000
# Brackets in prose before the JSON; each may cost as much as the whole.
_MOST_STARTS = 100

# "I don't know" is no vote for anything.
_NO_ANSWER = re.compile(
    r"(?:sorry,?\s+)?i(?:'m|\u2019m|\s+am|\s+do|\s+can)?\s*(?:not|n['\u2019]t|unable|sorry)\b.*|n/a", re.I
)
_PLACEHOLDER = re.compile(r"<[^<>]*>|\[[A-Za-z][A-Za-z _-]+\]|[._\u2026?]+|(?:final )?answer(?: only)?", re.I)
_ASKS_DATE = re.compile(r"\b(?:when|date|day)\b", re.I)
_YES_NO = re.compile(r"(yes|no|true|false)\b(?!\s+one\b)", re.I)
# "No", "No, no, no!", "Yes, " before what follows; not the no of "no legs".
_BARE_YES_NO = re.compile(r"(?:(?:yes|no)(?:\s*[,.;:!\u2013\u2014-]+\s*|\s*\Z|\s+(?=(?:yes|no)\b)))+", re.I)


def canonical(text: str, question: str = "") -> str | None:
    """Bring a short answer into canonical form; None where *text* is empty, a placeholder, or not short.

    The form does not depend on who wrote it. *question* only settles what the words leave open: which option a label or
    its text means, and which part of a sentence is the answer.

    >>> canonical("$1,200.00"), canonical("14.0 legs"), canonical("$\\\\frac{3}{4}$"), canonical("**No**, it is not.")
    ('1200', '14', '0.75', 'no')
    """
    if len(text) > _MOST_JSON_LETTERS:
        return None
    items = bulleted(text)
    if items is None and (laid_out := structured(text)) is not None:
        return laid_out
    if len(text) > _MOST_DRESSED_LETTERS:
        return None
    bare = plain(items or text)
    if not bare or _PLACEHOLDER.fullmatch(bare) or _NO_ANSWER.fullmatch(bare):
        return None
    kind = kind_of(question) if question else Kind.ANY
    if _BARE_YES_NO.match(bare) and question and never_yes_or_no(question):
        bare = _BARE_YES_NO.sub("", bare, count=1)
        if not bare:
            return None
    choices = options(question)
    # As it stands, then what it claims: a label's own words may sound like a reason.
    return _settled(bare, kind, choices) or _form(claimed(bare) or bare, question, kind, choices)


def json_answer(text: str) -> str | None:
    """The JSON that a draft under a schema is, or that stands in its prose, in canonical form; None where none does."""
    if (whole := structured(text)) is not None:
        return whole
    starts = (found.start() for found in re.finditer(r"[{\[]", text[:_MOST_JSON_LETTERS]))
    for start in islice(starts, _MOST_STARTS):
        try:
            found, _ = json.JSONDecoder().raw_decode(text[start : start + _MOST_JSON_LETTERS])
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict | list) and found:
            return structured(json.dumps(found))
    return None


def _settled(bare: str, kind: Kind, choices: Mapping[str, str]) -> str | None:
    """What the question settles: an option, a weekday, yes or no."""
    if choices and (label := _option(bare, choices)):
        return label
    if kind is Kind.WEEKDAY and (day := weekday(bare)):
        return day
    if (said := _YES_NO.match(bare)) and (kind is Kind.YES_NO or len(bare) == said.end() or bare[said.end()] in ",.;:"):
        return _agreed(said[1].lower(), kind)
    return None


def _form(bare: str, question: str, kind: Kind, choices: Mapping[str, str]) -> str | None:
    """The form of what is claimed: the first that it fits."""
    if (found := _settled(bare, kind, choices)) is not None:
        return found
    if bare[:1] in ("[", "{", "(") and (found := structured(bare)) is not None:
        return found
    return (
        day_of_year(bare)
        or time_of_day(bare)
        or number(bare, question, one=kind is Kind.NUMBER)
        or listed(bare)
        or expression(bare)
        or _result(bare, kind)
        or (date_in(bare) if _ASKS_DATE.search(question) else None)
        or _words(bare)
    )


def _option(bare: str, choices: Mapping[str, str]) -> str | None:
    """The label that *bare* names by itself, or whose text it is."""
    if (label := label_of(bare, choices)) is not None:
        return label
    own = canonical(bare)
    same = [label for label, text in choices.items() if canonical(text) == own]
    return same[0] if len(same) == 1 else None


def _agreed(said: str, kind: Kind) -> str:
    return {"true": "yes", "false": "no"}.get(said, said) if kind is Kind.YES_NO else said


def _result(bare: str, kind: Kind) -> str | None:
    """What stands after the last equals sign, or the number of a sentence where a number was asked for."""
    left, equals, right = bare.rpartition("=")
    several = "=" in left and re.search(r"\b(?:or|and)\b|[,;]", bare)  # "x = 2 or x = 3" is one answer, not 3
    if equals and right.strip() and not several:
        return canonical(right)
    if kind is Kind.NUMBER and len(bare.split()) > 2:
        return last_number(bare)
    return None


def _words(bare: str) -> str | None:
    if _PLACEHOLDER.fullmatch(bare):  # what is left of "...:"
        return None
    in_commas = all(len(item.split()) == 1 for item in bare.split(","))
    if not in_commas and (len(bare.split()) > _MOST_WORDS or len(bare) > _MOST_LETTERS):
        return None
    if letter := re.fullmatch(r"\(?([A-Za-z])\)?", bare):
        return letter[1].upper()
    lowered = re.sub(r"\s*,\s*", ", ", bare.casefold())
    named = lowered.split(",")[0].strip()
    return named if named in WEEKDAYS else re.sub(r"^(?:the|an|a)\s+(?=\w)", "", lowered)
