"""Cuts a text into passages that keep paragraphs whole where they can (pure)."""

import re
from collections.abc import Iterator

# About 200 tokens: long enough to carry its own context, short enough that several fit into a prompt.
CHUNK = 800
_BLANK = re.compile(r"\n[ \t]*\n")
_HEADING = re.compile(r"#{1,6}\s|\S[^\n]*\n[=-]{3,}$")
# Where a long paragraph may be cut: after a line, then after a sentence, then after a word.
_CUTS = (re.compile(r"(?<=\n)"), re.compile(r"(?<=[.!?\u2026])\s+(?=\S)"), re.compile(r"\s+"))


def chunks(text: str, *, size: int = CHUNK) -> list[str]:
    """Cut *text* into passages of at most *size* characters that together hold all of it, in order, nothing twice.

    1. Paragraphs (parted by empty lines) are joined as long as they fit; a heading stays with what follows it.
    2. A paragraph that is longer is cut after a line, else after a sentence, else after a word, else anywhere.

    >>> chunks("# Tea\\n\\nGreen: 70 C.\\n\\nBlack: 95 C.", size=22)
    ['# Tea\\n\\nGreen: 70 C.', 'Black: 95 C.']
    """
    found: list[str] = []
    held = ""
    for part in _parts(text.replace("\r\n", "\n"), size):
        joined = f"{held}\n\n{part}" if held else part
        if len(joined) <= size:
            held = joined
            continue
        if held:
            found.append(held)
        held = part
    return [*found, held] if held else found


def _parts(text: str, size: int) -> Iterator[str]:
    """Paragraphs, headings together with the paragraph below; none longer than *size*."""
    heading = ""
    for paragraph in (block.strip() for block in _BLANK.split(text)):
        if not paragraph:
            continue
        whole = f"{heading}\n\n{paragraph}" if heading else paragraph
        heading = ""
        if _HEADING.match(paragraph) and "\n" not in paragraph.strip("=-\n") and len(whole) < size // 2:
            heading = whole
        else:
            yield from _cut(whole, size, 0)
    if heading:
        yield heading


def _cut(text: str, size: int, level: int) -> Iterator[str]:
    """*text* in pieces of at most *size* characters, cut at the widest break that helps."""
    if len(text) <= size:
        yield text
        return
    if level == len(_CUTS):
        yield from (text[at : at + size] for at in range(0, len(text), size))
        return
    held = ""
    for piece in (piece.strip("\n") for piece in _CUTS[level].split(text) if piece.strip()):
        joined = f"{held}{' ' if level else chr(10)}{piece}" if held else piece
        if len(joined) <= size:
            held = joined
            continue
        if held:
            yield held
        held = ""
        if len(piece) <= size:
            held = piece
        else:
            yield from _cut(piece, size, level + 1)
    if held:
        yield held
