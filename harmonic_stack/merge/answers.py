"""The short answer that a draft ends in, found by where drafts put it; None where there is none."""

import re
from collections.abc import Mapping, Sequence

from harmonic_stack.merge.canonical import canonical
from harmonic_stack.merge.choices import label_said
from harmonic_stack.merge.dates import date_in, weekday
from harmonic_stack.merge.marks import marked
from harmonic_stack.merge.quantities import last_number, number
from harmonic_stack.merge.questions import Kind, closed_question, kind_of, options
from harmonic_stack.merge.sentences import sentences
from ommatidia.words import content_stems

_CONCLUSION = re.compile(
    r"\W*(?:therefore|thus|hence|so|consequently|(?:in )?conclusion|in total|finally|as a result)\b", re.I
)
_BOLD = re.compile(r"\*\*([^*\n:]{1,60})\*\*(?!\s*:)")
_VALUE = re.compile(r".*(?:\b(?:is|are|was|were|be|equals?|gives?|get)\b|[=\u2248])\s*:?\s*(\S.*)", re.I | re.S)
_YES_NO = re.compile(r"\W*(yes|no)\b(?!\s+one\b)", re.I)
_NEGATED = re.compile(r"\b(?:not|never|cannot|no)\b|n['\u2019]t\b", re.I)
_PRINTED = re.compile(r"```\w*\n[^`]*```\s*(?:output:?\s*)?```\w*\n([^`]{1,200}?)\s*```\s*\Z", re.I)
_LABELLED = re.compile(r"(?:\*\*|`|\()?\(?([A-Za-z])\)?[).:](?:\*\*)?\s[^\n]{1,200}", re.I)
# "It prints:" and a block with what it prints, at the end.
_SAID_PRINTED = re.compile(
    r"\b(?:prints?|printed|outputs?|returns?|results?|displays?|shown?)\b[^\n`]{0,60}:\s*```(?:text|console|output|plaintext)?\n"
    r"([^`]{1,200}?)\s*```\s*\Z",
    re.I,
)
# "Total: 14", "#### 14", "**B) Paris**": a last line of its own that says what it is by its dress.
_LAST_LINE = re.compile(
    r"(?:#{1,6}[ \t]+|(?=\*\*[^*]+\*\*$))(?P<dressed>.+)"
    r"|\W*(?:(?:my|the|so|final)\s+){0,3}(?:choice|result|solution|total|conclusion|output|verdict)\W{0,3}[:=]\W{0,3}(?P<told>.+)",
    re.I,
)
# Prose that ends otherwise was cut off by the length limit.
_ENDED = re.compile(r"(?:[.!?:)\]}%\"'`*\d\u201d]|\\[\])])\s*\Z")
_FEW_WORDS = 3
# The answer stands at the end: no draft needs more than this, and a hostile one gets no more.
_LAST_LETTERS = 20_000
_LONGEST_SENTENCE = 600


def final_answer(draft: str, question: str = "") -> str | None:
    """The short checkable answer of *draft* in canonical form, or None: a text, or cut off before its answer.

    1. What is marked as the answer, the last mark first: an "Answer:" line, a box, "the answer is ...".
    2. Without a mark, and unless *question* is an open one: the whole draft if it is a few words, what its last
       sentence concludes, or what the code that it ends with printed.

    >>> final_answer("3 + 4 = 7, so\\n\\nAnswer: 7.0 apples"), final_answer("Bread needs rest. It makes it soft.")
    ('7', None)
    """
    draft = draft[-_LAST_LETTERS:]
    for value in marked(draft):
        if (found := canonical(value, question)) is not None:
            return _yes_or_no([value], question) or found if _asks_yes_or_no(question) else found
    if question and not closed_question(question):
        return None
    ways = (_last_line, _short, _concluded, _printed)
    return next((found for way in ways if (found := way(draft, question)) is not None), None)


def _short(draft: str, question: str) -> str | None:
    """A draft that is nothing but its answer: a few words, or one line that repeats an option with its label."""
    choices = options(question)
    line = _LABELLED.fullmatch(draft.strip())
    if line and line[1].upper() in choices:
        return line[1].upper()
    if len(draft.split()) > _FEW_WORDS or draft.rstrip().endswith(("?", ":")):
        return None
    found = canonical(draft, question)
    return found if not choices or found is None or _labels(found, choices) else None


def _last_line(draft: str, question: str) -> str | None:
    """A few words on a last line of their own that is dressed or labelled as the result."""
    line = _LAST_LINE.fullmatch(draft.rstrip().rpartition("\n")[2].strip())
    if line is None:
        return None
    found = _short((line["dressed"] or line["told"]).strip("* "), question)
    if found is None or found in options(question) or number(found) is not None:
        return found
    # Of words, a heading is more likely the next step's than an answer.
    fits = line["told"] is not None and not _cut_off(draft) and _fits(found, kind_of(question))
    return found if fits else None


def _concluded(draft: str, question: str) -> str | None:
    """What the last sentence concludes: its bold words, the value after its verb, or the one thing asked for."""
    said = sentences(draft)
    if not said or _cut_off(draft):
        return None
    last, kind = said[-1], kind_of(question) if question else Kind.ANY
    if kind is Kind.YES_NO:
        return _yes_or_no(said, question)
    if kind is Kind.OPTION:
        return _option_said(last, options(question), question)
    if not question and not _CONCLUSION.match(last):
        return None
    after = _VALUE.fullmatch(last)
    for value in [*_BOLD.findall(last)[-1:], *([after[1]] if after else [])]:
        found = canonical(value, question)
        if found is not None and _fits(found, kind if question else Kind.NUMBER):
            return found
    if kind is Kind.WEEKDAY:
        return weekday(last)
    return last_number(last) if kind is Kind.NUMBER else date_in(last) if question else None


def _option_said(sentence: str, choices: Mapping[str, str], question: str) -> str | None:
    """The option that a sentence concludes: the bold one, else the one that it names or tells."""
    for value in _BOLD.findall(sentence)[-1:]:
        if (found := canonical(value, question)) is not None and _labels(found, choices):
            return found
    return label_said(sentence, choices) if len(sentence) <= _LONGEST_SENTENCE else None


def _labels(answer: str, choices: Mapping[str, str]) -> bool:
    return all(label in choices for label in answer.split(", "))


def _asks_yes_or_no(question: str) -> bool:
    return bool(question) and kind_of(question) is Kind.YES_NO


def _fits(answer: str, kind: Kind) -> bool:
    """Whether words that nobody marked as the answer have the form that was asked for."""
    if kind is Kind.NUMBER:
        return number(answer) is not None
    if kind is Kind.WEEKDAY:
        return weekday(answer) is not None
    if answer.startswith(("not ", "neither ")):  # what it is not
        return False
    return len(answer.split()) <= _FEW_WORDS and not re.search(r"[\\{}<>]", answer)


def _yes_or_no(said: Sequence[str], question: str) -> str | None:
    """Yes or no as the draft's last or first sentence opens with it, else as its conclusion repeats the question."""
    for sentence in (said[-1], said[0]):
        if found := _YES_NO.match(sentence):
            return found[1].lower()
    asked = set(content_stems(question))
    repeated = len(asked & set(content_stems(said[-1])))
    if (_CONCLUSION.match(said[-1]) or len(said) == 1) and repeated * 2 >= len(asked):
        return "no" if _NEGATED.search(said[-1]) else "yes"
    return None


def _cut_off(draft: str) -> bool:
    """Whether *draft* stops in the middle: of a sentence, a formula or a block of code."""
    unclosed = any(draft.count(left) > draft.count(right) for left, right in (("\\[", "\\]"), ("\\(", "\\)")))
    return unclosed or draft.count("```") % 2 == 1 or not _ENDED.search(draft)


def _printed(draft: str, question: str) -> str | None:
    """What the code printed with which the draft ends."""
    if found := _PRINTED.search(draft):
        return canonical(found[1].splitlines()[-1], question)
    if found := _SAID_PRINTED.search(draft):  # several lines are a text, or a grid
        return canonical(found[1], question)
    return None
