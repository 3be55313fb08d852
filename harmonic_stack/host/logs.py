"""The daemon's own log, and reading any of the logs."""

import json
import logging
import logging.handlers
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

from harmonic_stack.config import Log
from harmonic_stack.host.paths import Paths

MAX_BYTES, BACKUPS = 4_000_000, 2
_PLAIN = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {"message", "asctime", "taskName"}


def log_files(paths: Paths) -> Mapping[str, Path]:
    """The logs of this box by name; those of further engines are called after their servers, as "engine.gpu1"."""
    folder = paths.state / "logs"
    usual = {name: folder / f"{name}.log" for name in ("daemon", "engine", "store")}
    return usual | {f"engine.{file.parent.name}": file for file in sorted(folder.glob("*/engine.log"))}


def set_up_logging(settings: Log, paths: Paths) -> None:
    """Send the daemon's log to its file, and warnings to the terminal where there is one.

    No line holds a prompt, an answer or a key: messages are fixed texts, and their fields are figures and names.
    """
    file = log_files(paths)["daemon"]
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = logging.handlers.RotatingFileHandler(file, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8")
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    kept.setFormatter(JsonLines() if as_json else TextLines())
    root = logging.getLogger()
    root.handlers = [kept]
    root.setLevel(settings.level.upper())
    if sys.stderr.isatty():
        shown = logging.StreamHandler(sys.stderr)
        shown.setLevel(logging.WARNING)
        shown.setFormatter(TextLines())
        root.addHandler(shown)
    # uvicorn warns of every request that it cannot read: a log is not for callers to fill.
    for chatty, least in (("httpx", logging.WARNING), ("uvicorn", logging.ERROR)):
        logging.getLogger(chatty).setLevel(least)


class TextLines(logging.Formatter):
    """One line a fact, its values as ``name=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(record.created))
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{stamp} {record.levelname.lower():7} {record.getMessage()}{fields}{trace}"


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {"ts": round(record.created, 3), "level": record.levelname.lower(), "event": record.getMessage()}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line | _fields(record), default=str, ensure_ascii=False)


def follow(file: Path, lines: int, *, go_on: bool, poll: float = 0.25) -> Iterator[str]:
    """The last *lines* of a file, then, with *go_on*, whatever is written; a file that is replaced is read on."""
    position = 0
    if file.exists():
        with file.open(encoding="utf-8", errors="replace") as reading:
            yield from (line.rstrip("\n") for line in deque(reading, maxlen=lines))
            position = reading.tell()
    while go_on:
        time.sleep(poll)
        if not file.exists():
            continue
        if file.stat().st_size < position:
            position = 0
        with file.open(encoding="utf-8", errors="replace") as reading:
            reading.seek(position)
            yield from (line.rstrip("\n") for line in reading)
            position = reading.tell()


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in record.__dict__.items() if name not in _PLAIN}
