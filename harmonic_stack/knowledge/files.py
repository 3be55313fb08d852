"""Finds and reads the files that an agent is to know; every refusal is a typed error that names agent and file."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harmonic_stack.config import Knowledge as Limits
from harmonic_stack.errors import KnowledgeMissing, KnowledgeOutside, KnowledgeTooLarge, KnowledgeUnreadable


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells cheaply that a file is another one now: its inode, size in bytes, and times in nanoseconds."""

    inode: int
    size: int
    changed: int
    touched: int


@dataclass(frozen=True, slots=True)
class Found:
    """A file that an agent is to know: its name as it is shown, its path and its stamp."""

    name: str
    path: Path
    stamp: Stamp


def find(agent: str, patterns: Sequence[str], folder: Path, limits: Limits) -> list[Found]:
    """The files that *patterns* name, each once, in the order of the patterns and then of names.

    A relative pattern starts at *folder* and may not leave it, be it by ".." or by a link: a crew file that somebody
    else wrote must not read the user's files. An absolute path is the user's own word. Hidden files are not matched by
    wildcards.

    Raises:
        KnowledgeMissing, KnowledgeOutside, KnowledgeTooLarge, KnowledgeUnreadable: what cannot be used.
    """
    found: dict[Path, Found] = {}
    for pattern in patterns:
        matches = list(_matches(agent, pattern, folder))
        if not matches:
            raise KnowledgeMissing(agent, pattern)
        for name, path in matches:
            stamp = _stamp(agent, name, path)
            if stamp.size > limits.file_bytes:
                raise KnowledgeTooLarge(agent, name, size=stamp.size, limit=limits.file_bytes)
            found.setdefault(path, Found(name, path, stamp))
        if len(found) > limits.files:
            raise KnowledgeTooLarge(agent, pattern, size=len(found), limit=limits.files, unit="files")
    total = sum(file.stamp.size for file in found.values())
    if total > limits.total_bytes:
        raise KnowledgeTooLarge(agent, ", ".join(patterns), size=total, limit=limits.total_bytes)
    return list(found.values())


def read_text(agent: str, file: Found, limits: Limits) -> str:
    """The file's text. Raises KnowledgeUnreadable, KnowledgeTooLarge."""
    try:
        with file.path.open("rb") as opened:
            raw = opened.read(limits.file_bytes + 1)
    except OSError as error:
        raise KnowledgeUnreadable(agent, file.name, f"cannot be read: {error.strerror}") from error
    if len(raw) > limits.file_bytes:
        raise KnowledgeTooLarge(agent, file.name, size=len(raw), limit=limits.file_bytes)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise KnowledgeUnreadable(agent, file.name, f"is not UTF-8 text (byte {error.start})") from error
    if "\0" in text:
        raise KnowledgeUnreadable(agent, file.name, "is not text: it holds a zero byte")
    return text


def _matches(agent: str, pattern: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """The files that fit one pattern: the name shown, and the real path."""
    own = Path(pattern).expanduser()
    if own.is_absolute():
        names = sorted(glob.glob(str(own), recursive=True))  # noqa: PTH207 - pathlib takes no absolute patterns
        yield from ((name, Path(name).resolve()) for name in names if not Path(name).is_dir())
        return
    home = folder.resolve()
    for name in sorted(glob.glob(pattern, root_dir=home, recursive=True)):  # noqa: PTH207
        path = (home / name).resolve()
        if not path.is_relative_to(home):
            raise KnowledgeOutside(agent, name, folder)
        if not path.is_dir():
            yield name, path


def _stamp(agent: str, name: str, path: Path) -> Stamp:
    try:
        known = path.stat()
    except OSError as error:
        raise KnowledgeUnreadable(agent, name, f"cannot be read: {error.strerror}") from error
    if not path.is_file():  # a pipe or a device would never end
        raise KnowledgeUnreadable(agent, name, "is no plain file")
    return Stamp(known.st_ino, known.st_size, known.st_ctime_ns, known.st_mtime_ns)
