"""Which of a question's labelled options an answer means: by its label, by its place, or by its text."""

import re
from collections.abc import Mapping

_LABEL = re.compile(
    r"(?:(?:option|choice|answer)\s+)?[(\[]?([A-Za-z])[)\]]?"
    r"(?:[)\].:,]\s*.*|\s+[-\u2013\u2014]\s+.*|\s+(?:because|since|as)\b.*)?",
    re.I | re.S,
)
# "Rome (B)": the label after what it stands for.
_LABEL_LAST = re.compile(r"[^()\[\]]*\S\s*[(\[]([A-Z])[)\]]")
# "A and C", "B, D": several options where several may be right, in one order.
_LABELS = re.compile(r"(?:options?\s+)?\(?[A-Z]\)?(?:(?:\s*,\s*(?:and\s+)?|\s*&\s*|\s+and\s+)\(?[A-Z]\)?)+", re.I)
_LABEL_WORD = re.compile(r"(?<![A-Za-z])([A-Za-z])(?![A-Za-z])")
# "Option 2", "the second one".
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_PLACED = re.compile(
    rf"(?:option|choice|number)\s+(?P<n>[1-9])|(?:the\s+)?(?P<word>{'|'.join(_ORDINALS)})(?:\s+(?:one|option|choice))?",
    re.I,
)
# A label inside a sentence: "option C", "(C)", "I choose C", "C is correct".
_SAID = re.compile(
    r"\b(?:option|choice|answer)\s+\**\(?([A-H])\b|\(([A-H])\)"
    r"|\b(?:choose|pick|select|go\s+with|is)\s+\**([A-H])(?=\W*$)"
    r"|\b([B-H]|A(?=\W*\s+is\b))\W{0,4}\s*is\s+(?:the\s+)?(?:correct|right|best|answer)\b"
)
_DENIED = re.compile(r"\b(?:not|never|neither|nor|isn't|rather\s+than|instead\s+of)\b|n['\u2019]t\b", re.I)


def label_of(bare: str, options: Mapping[str, str]) -> str | None:
    """The label (or labels, "A, C") that a short answer names by itself, by its place, or by repeating an option.

    >>> label_of("the second one", {"A": "Paris", "B": "Rome"}), label_of("Rome (B)", {"A": "Paris", "B": "Rome"})
    ('B', 'B')
    """
    if len(several := sorted({label.upper() for label in _LABEL_WORD.findall(bare)})) > 1 and _LABELS.fullmatch(bare):
        return ", ".join(several) if all(label in options for label in several) else None
    if (placed := _PLACED.fullmatch(bare)) and (place := _place(placed)) <= len(options):
        return list(options)[place - 1]
    named = _LABEL.fullmatch(bare) or _LABEL_LAST.fullmatch(bare)
    if named and named[1].upper() in options:
        return named[1].upper()
    return None


def label_said(sentence: str, options: Mapping[str, str]) -> str | None:
    """The one label that a sentence names, or whose option's text it tells; None where it denies or tells several.

    >>> label_said("Therefore, option B is correct.", {"A": "Paris", "B": "Rome"})
    'B'
    >>> label_said("Rome is the older city.", {"A": "Paris", "B": "Rome"})
    'B'
    """
    if _DENIED.search(sentence):
        return None
    labels = {next(filter(None, found)) for found in _SAID.findall(sentence)}
    if labels:
        return labels.pop() if len(labels) == 1 and labels <= set(options) else None
    said = " ".join(re.findall(r"\w+", sentence.casefold()))
    words = {label: " ".join(re.findall(r"\w+", text.casefold())) for label, text in options.items()}
    found = [label for label, text in words.items() if text and f" {text} " in f" {said} "]
    # "Mars" stands in "Mars and Venus" too: the longer one was meant.
    whole = [a for a in found if not any(a != b and f" {words[a]} " in f" {words[b]} " for b in found)]
    return whole[0] if len(whole) == 1 else None


def _place(found: re.Match[str]) -> int:
    return int(found["n"]) if found["n"] else _ORDINALS.index(found["word"].casefold()) + 1
