"""The short answer that a draft ends in, found by where drafts put it; None where there is none."""

import re
from collections.abc import Iterator, Sequence

from harmonic_stack.merge.canonical import canonical
from harmonic_stack.merge.quantities import last_number, number, weekday
from harmonic_stack.merge.questions import Kind, closed_question, kind_of, options
from harmonic_stack.merge.sentences import sentences
from ommatidia.words import content_stems

# "Answer: 42", "**Final answer:** 42", "## Answer", "3. Answer = 42"; the value may stand on the lines below.
_LINE = re.compile(
    r"(?:^[ \t>#*_\-\d.)(]*|[.;:!?]\s+\**|\bis:?\s+)(?:the\s+|my\s+)?(?:final\s+|correct\s+)?answer\s*?(?:\*\*|__)?"
    r"(?:\s*[:=\uff1a]|\s+[-\u2013]\s|[^\S\n]*$)(?:\*\*|__)?[^\S\n]*",
    re.I | re.M,
)
# "The final answer is: 42", "so the answer would be 42"; not "the answer is that ...", "the answer is correct".
_IS = re.compile(
    r"""\banswer(?:\s+to\b[^.\n]{0,200}?)?\s+(?:is|was|would\s+be|must\s+be|should\s+be)\b
    (?!\s+(?:to|that|in|on|by|because|not|correct|incorrect|right|wrong|based|given|found|simple|as\s+follows|below)\b)
    [^\S\n]*:?[^\S\n]*""",
    re.IGNORECASE | re.VERBOSE,
)
_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=\{)")
_SENTENCE = re.compile(r".*?(?=[.!?](?:\s|$)|\n|$)", re.S)
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
# Prose that ends otherwise was cut off by the length limit.
_ENDED = re.compile(r"(?:[.!?:)\]}%\"'`*\d\u201d]|\\[\])])\s*\Z")
_FEW_WORDS = 3
# "12, since 3 x 4 = 12": what follows is why.
_REASON = re.compile(r"\s*(?:[,;]\s|\b(?:because|since|as|so|for)\b)", re.I)
# The answer stands at the end: no draft needs more than this, and a hostile one gets no more.
_LAST_LETTERS = 20_000
_LAST_MARKS = 20


def final_answer(draft: str, question: str = "") -> str | None:
    """The short checkable answer of *draft* in canonical form, or None: a text, or cut off before its answer.

    1. What is marked as the answer, the last mark first: an "Answer:" line, a box, "the answer is ...".
    2. Without a mark, and unless *question* is an open one: the whole draft if it is a few words, what its last
       sentence concludes, or what the code that it ends with printed.

    >>> final_answer("3 + 4 = 7, so\\n\\nAnswer: 7.0 apples"), final_answer("Bread needs rest. It makes it soft.")
    ('7', None)
    """
    draft = draft[-_LAST_LETTERS:]
    marked = (canonical(value, question) for value in _marked(draft))
    if (found := next((answer for answer in marked if answer is not None), None)) is not None:
        return found
    if question and not closed_question(question):
        return None
    return _short(draft, question) or _concluded(draft, question) or _printed(draft, question)


def _marked(draft: str) -> Iterator[str]:
    """What stands after each mark, the last mark first; where nothing stands on its line, the block below it."""
    marks = [(found.end(), "line") for found in _LINE.finditer(draft)]
    marks += [(found.end(), "box") for found in _BOX.finditer(draft)]
    marks += [(found.end(), "is") for found in _IS.finditer(draft)]
    for at, mark in sorted(marks, reverse=True)[:_LAST_MARKS]:
        if mark == "box":
            yield _braced(draft, at)
            continue
        line = draft[at:].partition("\n")[0].strip()
        if not line or line in ("\\[", "$$", "[", "{", "```") or line.startswith("```"):
            yield _block(draft[at:])
        elif mark == "line":
            yield line
            yield _first_sentence(line)
            yield _REASON.split(line)[0]
        else:
            said = _REASON.split(_first_sentence(draft[at:]))[0]
            if len(said.split()) <= _FEW_WORDS or number(said) or _BOLD.search(said):
                yield said


def _braced(text: str, at: int) -> str:
    """What stands in the braces that open at *at*; empty where they never close, as in a draft cut off."""
    depth = 0
    for place in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[at + 1 : place]
    return ""


def _block(text: str) -> str:
    """The first block of *text*: a code fence whole, else the lines up to the next empty one."""
    lines = text.strip().split("\n")
    fenced = lines[0].startswith("```")
    for count, line in enumerate(lines[1:], start=1):
        if line.startswith("```") if fenced else not line.strip():
            return "\n".join(lines[: count + fenced])
    return "\n".join(lines)


def _first_sentence(text: str) -> str:
    found = _SENTENCE.match(text)
    return found.group().strip() if found else ""


def _short(draft: str, question: str) -> str | None:
    """A draft that is nothing but its answer: a few words, or one line that repeats an option with its label."""
    line = _LABELLED.fullmatch(draft.strip())
    if line and line[1].upper() in options(question):
        return line[1].upper()
    words = len(draft.split())
    return canonical(draft, question) if words <= _FEW_WORDS and not draft.rstrip().endswith(("?", ":")) else None


def _concluded(draft: str, question: str) -> str | None:
    """What the last sentence concludes: its bold words, the value after its verb, or the one thing asked for."""
    said = sentences(draft)
    if not said or _cut_off(draft):
        return None
    last, kind = said[-1], kind_of(question) if question else Kind.ANY
    if kind is Kind.YES_NO:
        return _yes_or_no(said, question)
    if not question and not _CONCLUSION.match(last):
        return None
    after = _VALUE.fullmatch(last)
    for value in [*_BOLD.findall(last)[-1:], *([after[1]] if after else [])]:
        found = canonical(value, question)
        if found is not None and _fits(found, kind if question else Kind.NUMBER):
            return found
    if kind is Kind.WEEKDAY:
        return weekday(last)
    return last_number(last) if kind is Kind.NUMBER else None


def _fits(answer: str, kind: Kind) -> bool:
    """Whether words that nobody marked as the answer have the form that was asked for."""
    if kind is Kind.NUMBER:
        return number(answer) is not None
    if kind is Kind.WEEKDAY:
        return weekday(answer) is not None
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
