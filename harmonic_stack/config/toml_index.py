"""Where each key of a TOML document stands: ``tomllib`` gives values, but no lines.

The scanner is small because it reads only documents that ``tomllib`` has accepted: it finds keys and steps over values.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple

KeyPath = tuple[str | int, ...]


class Place(NamedTuple):
    """A line and a column of a text, in characters, both from 1."""

    line: int
    column: int


def index_toml(text: str) -> Mapping[KeyPath, Place]:
    """The place of every table, key and array element of *text*, by its path in what ``tomllib.loads`` returns.

    An element of an array has its number in the path. A table that several headers mention stands where its own header
    is, else at its first mention. *text* must be valid TOML with "\\n" line ends.

    >>> index_toml('[server]\\nport = 1')[("server", "port")]
    Place(line=2, column=1)
    """
    scanner = _Scanner(text)
    scanner.document()
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    return {path: _place(starts, offset) for path, offset in scanner.found.items()}


def _place(starts: list[int], offset: int) -> Place:
    line = bisect_right(starts, offset)
    return Place(line, offset - starts[line - 1] + 1)


_BLANK = re.compile(r"(?:[ \t\n]+|\#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
# One part of a key: "quoted", 'literal' or bare.
_PART = re.compile(r'"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|[A-Za-z0-9_-]+')
# A value that holds no other. A multi-line string ends at its first run of three quotes; up to two more belong to it.
_SCALAR = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|[^,\]}#\n]+",
    re.DOTALL,
)


class _Scanner:
    """Walks over one document; ``found`` maps each path to the offset where it is written."""

    def __init__(self, text: str) -> None:
        self.found: dict[KeyPath, int] = {}
        self._text, self._at = text, 0
        self._elements: dict[KeyPath, int] = {}  # arrays of tables: how many elements so far

    def document(self) -> None:
        table: KeyPath = ()
        while self._skip(_BLANK) < len(self._text):
            if self._take("[["):
                table = self._header(array=True)
                self._take("]]")
            elif self._take("["):
                table = self._header(array=False)
                self._take("]")
            else:
                self._pair(table)

    def _header(self, *, array: bool) -> KeyPath:
        """Read ``a.b`` of ``[a.b]`` or ``[[a.b]]``; returns the path that the keys below it belong to."""
        path: KeyPath = ()
        parts = self._key()
        for number, (name, offset) in enumerate(parts, start=1):
            path = (*path, name)
            last = number == len(parts)
            if last and array:
                self._elements[path] = self._elements.get(path, 0) + 1
            if last and not array:
                self.found[path] = offset
            self.found.setdefault(path, offset)
            if path in self._elements:  # a header below an array of tables means its newest element
                path = (*path, self._elements[path] - 1)
                self.found.setdefault(path, offset)
        return path

    def _pair(self, table: KeyPath) -> None:
        path = table
        for name, offset in self._key():
            path = (*path, name)
            self.found.setdefault(path, offset)
        self._take("=")
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> list[tuple[str, int]]:
        parts = []
        while True:
            self._skip(_SPACE)
            part = _PART.match(self._text, self._at)
            assert part is not None, "tomllib accepted a key that this scanner does not know"
            parts.append((_name(part.group()), self._at))
            self._at = part.end()
            self._skip(_SPACE)
            if not self._take("."):
                return parts

    def _value(self, path: KeyPath) -> None:
        if self._take("["):
            self._array(path)
        elif self._take("{"):
            self._inline_table(path)
        else:
            start = self._at
            assert self._skip(_SCALAR) > start, "tomllib accepted a value that this scanner does not know"

    def _array(self, path: KeyPath) -> None:
        number = 0
        while not self._ends("]"):
            self.found[(*path, number)] = self._at
            self._value((*path, number))
            number += 1

    def _inline_table(self, path: KeyPath) -> None:
        while not self._ends("}"):
            self._pair(path)

    def _ends(self, bracket: str) -> bool:
        """Step over blanks and a comma; True at the closing *bracket*, which is stepped over too."""
        self._skip(_BLANK)
        if self._take(","):
            self._skip(_BLANK)
        return self._take(bracket)

    def _take(self, token: str) -> bool:
        if not self._text.startswith(token, self._at):
            return False
        self._at += len(token)
        return True

    def _skip(self, pattern: re.Pattern[str]) -> int:
        """Step over what *pattern* matches here; returns the new offset."""
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return self._at


def _name(part: str) -> str:
    """A key's part without its quotes and escapes."""
    if part[0] not in "\"'":
        return part
    return next(iter(tomllib.loads(f"{part} = 0")))
