"""How the command line speaks: data to stdout, talk to stderr, one line per failure.

What a model wrote may hold sequences that command a terminal: set its title, its clipboard, what it seems to show. None
gets to one from here.
"""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer

from harmonic_stack.problems import message_of, problem_of

# What commands a terminal: all controls but tab and line feed. A carriage return is left out, the others are marked.
_CONTROLS: dict[int, str | None] = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), "\N{REPLACEMENT CHARACTER}")
for _kept in "\t\n":
    del _CONTROLS[ord(_kept)]
_CONTROLS[ord("\r")] = None
# JSON escapes those below 0x20 itself.
_ESCAPES = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}


def safe(text: str) -> str:
    """*text* without what would command a terminal."""
    return text.translate(_CONTROLS)


def say(text: str) -> None:
    """Tell the person something; it is no data."""
    typer.echo(safe(text), err=True)


def whisper(text: str) -> None:
    """Tell the person something beside what matters more: dimmed, where there are colours."""
    typer.echo(typer.style(safe(text), dim=True) if _colours() else safe(text), err=True)


def _colours() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show(text: str, *, end: str = "\n") -> None:
    """Print data at once: as it is, but for what would command a terminal where that is one."""
    sys.stdout.write((safe(text) if sys.stdout.isatty() else text) + end)
    sys.stdout.flush()


def show_json(content: Any) -> None:
    """Print data as JSON."""
    show(json.dumps(content, indent=2, ensure_ascii=False).translate(_ESCAPES))


def show_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns as wide as their widest cell."""
    cells = [list(head), *([("-" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        show("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def explain(error: Exception) -> int:
    """Say what went wrong and what to do about it; the exit code."""
    say(message_of(error))
    return problem_of(error).exit_code
