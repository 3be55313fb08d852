"""Short answers in one canonical form, so that drafts that mean the same are counted together.

Numbers lose separators, units, currency and needless zeros; dates are ISO 8601; JSON is compact with sorted keys; words
are lower case; a lone letter is upper case, as the label of an option.
"""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from harmonic_stack.merge.quantities import WEEKDAYS, day_of_year, last_number, number, time_of_day, weekday
from harmonic_stack.merge.questions import Kind, kind_of, options

# More is a sentence or a text, which no two drafts write alike; a list of single words may be longer.
_MOST_WORDS = 12
_MOST_LETTERS = 120
# ... and before its Markdown and LaTeX are taken off, or as JSON.
_MOST_DRESSED_LETTERS = 400
_MOST_JSON_LETTERS = 8000

_PLACEHOLDER = re.compile(r"<[^<>]*>|\[[A-Za-z][A-Za-z _-]*\]|[._\u2026?]+|(?:final )?answer(?: only)?", re.I)
_LABEL = re.compile(r"(?:(?:option|choice|answer)\s+)?\(?([A-Za-z])\)?(?:[).:,]\s*.*|\s+[-\u2013]\s+.*)?", re.I | re.S)
# "A and C", "B, D": several options where several may be right, in one order.
_LABELS = re.compile(r"(?:options?\s+)?\(?[A-Z]\)?(?:(?:\s*,\s*(?:and\s+)?|\s*&\s*|\s+and\s+)\(?[A-Z]\)?)+", re.I)
_LABEL_WORD = re.compile(r"(?<![A-Za-z])([A-Za-z])(?![A-Za-z])")
# "Option 2", "the second one".
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_PLACED = re.compile(
    rf"(?:option|choice|number)\s+(?P<n>[1-9])|(?:the\s+)?(?P<word>{'|'.join(_ORDINALS)})(?:\s+(?:one|option|choice))?",
    re.I,
)
_YES_NO = re.compile(r"(yes|no|true|false)\b(?!\s+one\b)", re.I)
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
_FENCE = re.compile(r"^```\w*\n(.*?)\n?```$", re.S)
# "\text{5 km}", "\mathbf{x}", "\boxed{3}": the command goes, what it holds stays.
_COMMAND = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mathit|operatorname|boxed|mbox)\s*\{([^{}]*)\}")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_QUOTES = "\"'\u201c\u201d\u2018\u2019* "
# "44_8", "26_{9}", "21 in base 10": the base that a numeral is written in.
_BASE = re.compile(r"(?<=[0-9A-Za-z])(?:_(?:\{[^{}]*\}|\d+)|\s*\(?\s*(?:in\s+)?base[\s-]*\d+\)?)$", re.I)


def canonical(text: str, question: str = "") -> str | None:
    """Bring a short answer into canonical form; None where *text* is empty, a placeholder, or not short.

    The form does not depend on who wrote it. *question* only settles what the words leave open: which option a label or
    its text means, and which part of a sentence is the answer.

    >>> canonical("$1,200.00"), canonical("14.0 legs"), canonical("$\\\\frac{3}{4}$"), canonical("**No**, it is not.")
    ('1200', '14', '0.75', 'no')
    """
    if len(text) > _MOST_JSON_LETTERS:
        return None
    structured = _structured(text)
    if structured is not None:
        return structured
    bare = plain(text) if len(text) <= _MOST_DRESSED_LETTERS else ""
    if not bare or _PLACEHOLDER.fullmatch(bare):
        return None
    choices = options(question)
    if choices and (label := _option(bare, choices)):
        return label
    kind = kind_of(question) if question else Kind.ANY
    if kind is Kind.WEEKDAY and (day := weekday(bare)):
        return day
    if (said := _YES_NO.match(bare)) and (kind is Kind.YES_NO or len(bare) == said.end() or bare[said.end()] in ",.;:"):
        return _agreed(said[1].lower(), kind)
    listed = _structured(bare) if bare[:1] in ("[", "{", "(") else None
    dated = listed or day_of_year(bare) or time_of_day(bare)
    return dated or number(bare, question) or _numbers(bare) or _result(bare, kind) or _words(bare)


def json_answer(text: str) -> str | None:
    """The JSON that a draft under a schema is, or that stands in its prose, in canonical form; None where none does."""
    if (whole := _structured(text)) is not None:
        return whole
    for start in (found.start() for found in re.finditer(r"[{\[]", text[:_MOST_JSON_LETTERS])):
        try:
            found, _ = json.JSONDecoder().raw_decode(text[start : start + _MOST_JSON_LETTERS])
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict | list) and found:
            return _structured(json.dumps(found))
    return None


def plain(text: str) -> str:
    """*text* on one line without Markdown, LaTeX, quotes around it, and a full stop at its end."""
    while (shorter := _peeled(text)) != text:
        text = shorter
    return text


def _peeled(text: str) -> str:
    """*text* with one layer of each dress taken off."""
    text = _FRACTION.sub(r"(\1)/(\2)", _FENCE.sub(r"\1", text.strip()))
    text = _COMMAND.sub(r"\1", text)
    text = re.sub(r"\\\(|\\\)|\\\[|\\\]|\\boxed|\\displaystyle|\$\$|(?<!\\)\$(?!\s?\d[\d,.]*\s*$)|\\[,;!: ]", " ", text)
    text = text.replace("\\%", "%").replace("\\$", "$").replace("\\times", "\u00d7").replace("\\cdot", "\u00d7")
    text = re.sub(r"\((-?[\w.]+)\)/\((-?[\w.]+)\)", r"\1/\2", text)
    text = " ".join(re.sub(r"\*\*|__|`|~~", "", text).split()).strip(_QUOTES)
    text = re.sub(r"^(?:the\s+)?(?:final\s+)?(?:answer|result|output)\s*(?:is\s*:?|:|=)\s*", "", text, flags=re.I)
    text = _BASE.sub("", re.sub(r"[.;,!]+$", "", text).strip(_QUOTES)).strip()
    return text[:-1] if text.endswith(")") and "(" not in text else text


def _structured(text: str) -> str | None:
    """JSON, a list in Python's notation, or a grid of numbers on several lines, as compact JSON."""
    body = _FENCE.sub(r"\1", text.strip()).strip()
    if body[:1] in ("{", "[", "(") and len(body) > 1:
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            try:
                found = ast.literal_eval(body)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                return None
        try:
            return json.dumps(_even(found), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            return None
    rows = [line.split() for line in body.splitlines() if line.strip()]
    same_width = len(rows) > 1 and len({len(row) for row in rows}) == 1
    if same_width and all(re.fullmatch(r"-?\d{1,9}", cell) for row in rows for cell in row):
        return json.dumps([[int(cell) for cell in row] for row in rows], separators=(",", ":"))
    return None


def _even(value: Any) -> Any:
    """Numbers that are whole written as whole, at any depth."""
    if isinstance(value, Mapping):
        return {str(key): _even(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_even(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _option(bare: str, choices: Mapping[str, str]) -> str | None:
    """The label that *bare* names by itself, or whose text it is."""
    if len(several := sorted({label.upper() for label in _LABEL_WORD.findall(bare)})) > 1 and _LABELS.fullmatch(bare):
        return ", ".join(several) if all(label in choices for label in several) else None
    if (placed := _PLACED.fullmatch(bare)) and (place := _place(placed)) <= len(choices):
        return list(choices)[place - 1]
    named = _LABEL.fullmatch(bare)
    if named and named[1].upper() in choices:
        return named[1].upper()
    same = [label for label, text in choices.items() if canonical(text) == canonical(bare)]
    return same[0] if len(same) == 1 else None


def _place(found: re.Match[str]) -> int:
    return int(found["n"]) if found["n"] else _ORDINALS.index(found["word"].casefold()) + 1


def _numbers(bare: str) -> str | None:
    """Numbers parted by commas or "and", as a list: "1, 2 and 3" is [1, 2, 3]."""
    items = [item for item in re.split(r"\s*,\s+(?:and\s+)?|\s+and\s+|\s*;\s*", bare.strip("()")) if item]
    if len(items) < 2 or not all(_PLAIN_NUMBER.fullmatch(item) for item in items):
        return None
    return _structured(f"[{','.join(items)}]")


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
    listed = all(len(item.split()) == 1 for item in bare.split(","))
    if not listed and (len(bare.split()) > _MOST_WORDS or len(bare) > _MOST_LETTERS):
        return None
    if letter := re.fullmatch(r"\(?([A-Za-z])\)?", bare):
        return letter[1].upper()
    lowered = re.sub(r"\s*,\s*", ", ", bare.casefold())
    named = lowered.split(",")[0].strip()
    return named if named in WEEKDAYS else re.sub(r"^(?:the|an|a)\s+(?=\w)", "", lowered)
