"""What a draft marks as its answer: a line "Answer: 12", a box, a tag, a key of JSON, "the answer is 12"."""

import json
import re
from collections.abc import Iterator

from harmonic_stack.merge.layout import structured
from harmonic_stack.merge.quantities import number

# "Answer" in the languages that models fall into when asked in them.
_ANSWER = (
    "answer|antwort|r\u00e9ponse|respuesta|risposta|resposta|antwoord|svar|odpowied\u017a|\u043e\u0442\u0432\u0435\u0442"
    "|\u7b54\u6848|\u7b54\u3048|\u56de\u7b54"
)
# "Answer: 42", "**Final answer:** 42", "## Answer", "3. Answer = 42"; the value may stand on the lines below.
_LINE = re.compile(
    r"(?:^[ \t>#*_\-\d.)(]*|[.;:!?]\s+\**|\bis:?\s+)(?:the\s+|my\s+)?(?:final\s+|correct\s+)?"
    rf"(?:{_ANSWER})\s*?(?:\*\*|__)?"
    r"(?:\s*[:=\uff1a]|\s+[-\u2013\u2014]\s|[^\S\n]*$)(?:\*\*|__)?[^\S\n]*",
    re.I | re.M,
)
# "The final answer is: 42", "so the answer would be 42"; not "the answer is that ...", "the answer is correct".
_IS = re.compile(
    r"""\banswer(?:\s+to\b[^.\n]{0,200}?)?\s+(?:is|was|would\s+be|must\s+be|should\s+be)\b
    (?!\s+(?:to|that|in|on|by|because|correct|incorrect|right|wrong|based|given|found|simple|as\s+follows|below)\b)
    (?!\s+not\b(?![^.\n]{1,80}\bbut\b))[^\S\n]*:?[^\S\n]*""",
    re.IGNORECASE | re.VERBOSE,
)
_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=\{)")
_TAG = re.compile(r"<(?:final_)?answer>\s*", re.I)
_KEY = re.compile(r"[\"'](?:final[ _]?)?answer[\"']\s*:\s*", re.I)
_SENTENCE = re.compile(r".*?(?=[.!?](?:\s|$)|\n|$)", re.S)
_BOLD = re.compile(r"\*\*([^*\n:]{1,60})\*\*(?!\s*:)")
# "12, since 3 x 4 = 12": what follows is why.
_REASON = re.compile(r"(?:[,;]\s|\b(?:because|since|as|so|for)\b)", re.I)
_FEW_WORDS = 3
_LAST_MARKS = 20
_LONGEST_VALUE = 8000


def marked(draft: str) -> Iterator[str]:
    """What stands after each mark, the last mark first; where nothing stands on its line, the block below it.

    >>> list(marked("Answer: 12\\n\\nSo the answer is 14."))
    ['14', '12']
    """
    forms = (("line", _LINE), ("box", _BOX), ("tag", _TAG), ("key", _KEY), ("is", _IS))
    marks = [(found.end(), mark) for mark, form in forms for found in form.finditer(draft)]
    for at, mark in sorted(marks, reverse=True)[:_LAST_MARKS]:
        yield from dict.fromkeys(_after(draft, at, mark))


def _after(draft: str, at: int, mark: str) -> Iterator[str]:
    """What a mark of that kind that ends at *at* gives, the likeliest first."""
    if mark == "box":
        yield _braced(draft, at)
    elif mark == "tag":
        yield draft[at : at + _LONGEST_VALUE].partition("</")[0].strip()
    elif mark == "key":
        yield _valued(draft, at)
    else:
        yield from _said(draft[at : at + _LONGEST_VALUE], line=mark == "line")


def _said(text: str, *, line: bool) -> Iterator[str]:
    """What *text*, which begins after a mark in words, gives as the answer."""
    first = text.partition("\n")[0].strip()
    if not first or first in ("\\[", "$$", "[", "{", "```") or first.startswith("```"):
        yield _block(text)
    elif line:
        # "Answer: 1 2" and "3 4" below it are one grid.
        if len(first.split()) > 1 and structured(block := _block(text)) is not None and "\n" in block:
            yield block
        yield first
        yield _first_sentence(first)
        yield _REASON.split(first)[0].strip()
    else:
        sentence = _first_sentence(text)
        said = sentence if sentence.casefold().startswith("not ") else _REASON.split(sentence)[0].strip()
        # Nobody marked where the words end: only few, a number or bold ones are surely the answer.
        if len(said.split()) <= _FEW_WORDS or number(said) or _BOLD.search(said) or said is sentence:
            yield said


def _braced(text: str, at: int) -> str:
    """What stands in the braces that open at *at*; empty where they never close, as in a draft cut off."""
    depth = 0
    for place in range(at, min(len(text), at + _LONGEST_VALUE)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[at + 1 : place]
    return ""


def _valued(text: str, at: int) -> str:
    """The value of JSON at *at*, as an answer; empty where it is broken."""
    try:
        found, _ = json.JSONDecoder().raw_decode(text[at : at + _LONGEST_VALUE])
    except (ValueError, RecursionError):
        return ""
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


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
