"""How the command line speaks: data to stdout, talk to stderr, one line per failure."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer

from harmonic_stack.problems import message_of, problem_of


def say(text: str) -> None:
    """Tell the person something; it is no data."""
    typer.echo(text, err=True)


def dim(text: str) -> str:
    """*text* as it is shown beside what matters more; plain off a terminal and with NO_COLOR."""
    return typer.style(text, dim=True) if sys.stderr.isatty() else text


def show_json(content: Any) -> None:
    """Print data as JSON."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


def show_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns as wide as their widest cell."""
    cells = [list(head), *([("-" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def explain(error: Exception) -> int:
    """Say what went wrong and what to do about it; the exit code."""
    say(message_of(error))
    return problem_of(error).exit_code
