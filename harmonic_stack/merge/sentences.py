"""Sentences of a draft, word for word: prose and list items, without headings, code, tables and lead-ins."""

import re
from functools import lru_cache

_FENCE = re.compile(r"\s*(?:```|~~~)")
# "# Title", "**Title**", "Title:", a rule, a row of a table: lines that frame claims and make none.
_FRAME = re.compile(r"#{1,6}\s.*|\*\*[^*]+\*\*:?|[-*_=]{3,}|\|.*|.*:")
_ITEM = re.compile(r"\s*(?:>\s*)*(?:[-*+\u2022]|\d{1,3}[.)]|[A-Za-z][.)])\s+")
_QUOTE = re.compile(r"\s*(?:>\s*)+")
# The end of a sentence, the quotes and brackets that close with it, and the start of the next one.
_END = re.compile(r"(?<![.!?\u2026])[.!?\u2026]+[\"'\u201d\u2019)\]*_]*\s+(?=[\"'\u201c\u2018(\[*_`]*[^\W_a-z])")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'])(?:[^\W\d_]|(?:[A-Za-z]\.)+[A-Za-z]|dr|mr|mrs|ms|prof|st|sr|jr|vs|no|nos|fig|figs|sec|approx|ca|cf|al"
    r"|inc|ltd|co|dept|est|gen|col|capt|lt|sgt|rev|hon|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec)\.$",
    re.IGNORECASE,
)
_LONGEST_ABBREVIATION = 40
_SHORT = 8_192  # characters of a text whose sentences are kept for a while
_TERMINATED = re.compile(r"[.!?\u2026][\"'\u201d\u2019)\]*_`]*$")


def sentences(text: str) -> list[str]:
    """The sentences of *text* in order, white space evened out.

    A list item counts from its text on, its bullet left off.

    >>> sentences("# Tips\\n- Dr. Lee ran 3.5 km.\\n- Rest.\\n\\nHe said: rest! Then (at 5 p.m.) he")
    ['Dr. Lee ran 3.5 km.', 'Rest.', 'He said: rest!', 'Then (at 5 p.m.) he']
    """
    return list(_remembered(text) if len(text) <= _SHORT else _found(text))


@lru_cache(maxsize=64)
def _remembered(text: str) -> tuple[str, ...]:
    """The sentences of a text of usual length: a draft is looked at by the gate, the relations and the merge."""
    return _found(text)


def _found(text: str) -> tuple[str, ...]:
    return tuple([sentence for block in _blocks(text) for sentence in _split(block)])


def whole_sentences(text: str) -> list[str]:
    """The sentences of *text* without the last one where the length limit cut it off."""
    found = sentences(text)
    # Prose that stops without a full stop was cut by the length limit; a list whose items never have one was not.
    cut = bool(found) and not _TERMINATED.search(found[-1]) and any(map(_TERMINATED.search, found))
    return found[:-1] if cut else found


def _blocks(text: str) -> list[str]:
    """Paragraphs and list items, each on one line."""
    blocks: list[str] = []
    fenced = open_block = False
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced, open_block = not fenced, False
        elif fenced or not line.strip() or _FRAME.fullmatch(line.strip()):
            open_block = False
        elif (item := _ITEM.match(line)) or not open_block:
            start = item or _QUOTE.match(line)
            blocks.append(" ".join(line[start.end() if start else 0 :].split()))
            open_block = True
        else:  # a wrapped line goes on with its paragraph or item
            blocks[-1] += " " + " ".join(line.split())
    return [block for block in blocks if block]


def _split(block: str) -> list[str]:
    found: list[str] = []
    start = 0
    for end in _END.finditer(block):
        # An abbreviation is one short word: "A. A. A." without end must not be read again at each of them.
        last = block[max(start, end.end() - _LONGEST_ABBREVIATION) : end.end()].split()[-1:]
        if not last or not _ABBREVIATION.search(last[0]):
            found.append(block[start : end.end()].rstrip())
            start = end.end()
    return [*found, block[start:].rstrip()] if start < len(block) else found
