"""How deep a JSON text is nested, counted without building anything from it."""

import re

MAX_DEPTH = 64
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_ALL_BUT_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")


def too_deep(text: bytes, limit: int = MAX_DEPTH) -> bool:
    """Whether a well-formed JSON *text* has arrays and objects inside each other more than *limit* deep.

    Each round takes away the innermost pairs, which are one level; what is left after *limit* rounds is deeper.
    """
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    brackets = _STRINGS.sub(b"", text).translate(_ONE_KIND, delete=_ALL_BUT_BRACKETS)
    for _ in range(limit):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)
