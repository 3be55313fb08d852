"""Answers that have a layout: JSON, lists, and grids, whichever way they are written, as compact JSON."""

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from harmonic_stack.merge.dress import unfenced

_MATRIX = re.compile(r"\\begin\{(?:[bpvBV]?matrix|array|smallmatrix)\}(?:\{[^{}]*\})?(.*?)\\end\{", re.S)
_CELL = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?")
_BULLET = re.compile(r"(?:[-*+\u2022]|\d{1,3}[.)])\s+(\S.*)")
_ITEM_WORDS = 3


def structured(text: str) -> str | None:
    """JSON, a list in Python's notation, or a grid of several lines, as compact JSON; None for anything else.

    >>> structured("{'b': 2.0, 'a': (1,)}"), structured("1 2\\n3 4"), structured("| 1 | 2 |\\n| 3 | 4 |")
    ('{"a":[1],"b":2}', '[[1,2],[3,4]]', '[[1,2],[3,4]]')
    """
    body = unfenced(text)
    if (matrix := _MATRIX.search(body)) is not None:
        body = "\n".join(row.replace("&", " ") for row in re.split(r"\\\\", matrix[1]))
    elif body[:1] in ("{", "[", "(") and len(body) > 1 and (found := _literal(body)) is not None:
        return found
    rows = [line for line in body.splitlines() if line.strip()]
    return _grid([_cells(row) for row in rows]) if len(rows) > 1 else None


def listed(bare: str) -> str | None:
    """A list of words or numbers written in one line, or None.

    Numbers as JSON; words parted by commas, with "and" before the last or in brackets, in one form. A row of numbers
    parted by spaces alone is a list from three on: two may be one number with a separator.

    >>> listed("1, 2 and 3"), listed("[pear, fig]"), listed("fig, and pear"), listed("2 0 1"), listed("fig and pear")
    ('[1,2,3]', 'pear, fig', 'fig, pear', '[2,0,1]', None)
    """
    inner = re.sub(r"^[\[({]\s*(.*?)\s*[\])}]$", r"\1", bare)
    cells = inner.split()
    if len(cells) > 2 and all(map(_CELL.fullmatch, cells)) and not _one_number(cells):
        return _json([_value(cell) for cell in cells])
    items = [item.strip(" \"'`\u201c\u201d") for item in re.split(r"\s*,\s*(?:and\s+)?|\s*;\s*|\s+and\s+", inner)]
    if len(items) < 2 or not all(items):
        return None
    if all(map(_CELL.fullmatch, items)):
        # "3,14" may be a number the German way: only a space or a bracket tells a list.
        return _json([_value(item) for item in items]) if inner != bare or re.search(r"[,;]\s|\sand\s", bare) else None
    if "," not in inner and ";" not in inner:
        return None
    words = all(re.fullmatch(r"[^\W\d_][\w'\u2019-]*", item) for item in items)
    return ", ".join(item.casefold() for item in items) if words else None


def bulleted(text: str) -> str | None:
    """The items of a list of several lines, of a few words each, as one line; None where a line is none.

    >>> bulleted("1. fig\\n2. pear")
    'fig, pear'
    """
    found = [_BULLET.fullmatch(line.strip()) for line in text.splitlines() if line.strip()]
    items = [item[1].strip(" `*.,\"'") for item in found if item is not None]
    short = all(0 < len(item.split()) <= _ITEM_WORDS and "," not in item for item in items)
    return ", ".join(items) if len(items) == len(found) > 1 and short else None


def _literal(body: str) -> str | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(body)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return None
    try:
        return _json(_even(found))
    except (TypeError, ValueError, RecursionError):
        return None


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _even(value: Any) -> Any:
    """Whole numbers written as whole, at any depth, and a list of numbers in quotes as a list of numbers."""
    if isinstance(value, Mapping):
        return {str(key): _even(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        if value and all(isinstance(inner, str) and _CELL.fullmatch(inner) for inner in value):
            return [_value(inner) for inner in value]
        return [_even(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _cells(row: str) -> list[str]:
    """The cells of one line: parted by spaces, commas or bars, with or without brackets."""
    return re.sub(r"[\[\](),;|]", " ", row).split()


def _grid(rows: Sequence[Sequence[str]]) -> str | None:
    """Rows of the same number of cells, which are numbers, or single signs of which there are several in a row."""
    rows = [row for row in rows if row and not all(set(cell) <= set("-:") and len(cell) > 1 for cell in row)]
    if len(rows) < 2 or len({len(row) for row in rows}) != 1:
        return None
    if all(_CELL.fullmatch(cell) for row in rows for cell in row):
        return _json([[_value(cell) for cell in row] for row in rows])
    signs = len(rows[0]) > 1 and all(len(cell) == 1 for row in rows for cell in row)
    return _json([list(row) for row in rows]) if signs else None


def _value(cell: str) -> int | float:
    number = float(cell)
    return int(number) if number.is_integer() else number


def _one_number(cells: Sequence[str]) -> bool:
    """ "1 000 000" is one number."""
    return 0 < len(cells[0]) <= 3 and all(re.fullmatch(r"\d{3}(?:\.\d+)?", cell) for cell in cells[1:])
