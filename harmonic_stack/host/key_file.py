"""The file of keys: read by its owner alone, written whole or not at all."""

import fcntl
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harmonic_stack.errors import KeyFileBroken, KeyFileExposed

FORMAT_VERSION = 1
KEY_BYTES = 32  # 256 bits
# 22 characters of base64 hold 128 bits: a key that somebody wrote by hand must have as much.
KEY_FORM = re.compile(r"hs-[A-Za-z0-9_-]{22,200}")

Entry = dict[str, Any]


def new_text() -> str:
    """The text of a new key, 256 random bits."""
    return f"hs-{secrets.token_urlsafe(KEY_BYTES)}"


def make(file: Path, entries: Sequence[Entry]) -> None:
    """Write *entries* to a new file, unless another process has made it in the meantime."""
    with _draft(file, entries) as draft:
        try:
            os.link(draft, file)  # it appears whole or not at all, and never replaces a file: the first one wins
        except FileExistsError:
            return


def replace(file: Path, entries: Sequence[Entry]) -> None:
    """Write *entries* in place of what the file holds."""
    with _draft(file, entries) as draft:
        draft.replace(file)


def read(file: Path) -> list[Entry]:
    """The entries of the file: each has a ``scope`` and a ``key``, and may have a ``name``.

    Raises:
        KeyFileExposed: it can be read by others, or belongs to another user.
        KeyFileBroken: it is none of ours, is newer than this program, or a key has under 128 bits.
    """
    raw = _private_content(file)
    try:
        document = json.loads(raw)
        version, entries = document["version"], [dict(entry) for entry in document["keys"]]
        texts = [(entry["scope"], entry["key"], entry.get("name", "")) for entry in entries]
        if not all(isinstance(part, str) for each in texts for part in each):
            raise TypeError
    except (ValueError, KeyError, TypeError) as error:
        # The error's own words could quote the file, and with it a key.
        raise KeyFileBroken(file, "it is not the JSON that this program writes") from error
    if version > FORMAT_VERSION:
        raise KeyFileBroken(file, "it was written by a newer Harmonic Stack")
    for number, (_, text, _) in enumerate(texts, start=1):
        if not KEY_FORM.fullmatch(text):
            raise KeyFileBroken(file, f'key {number} is not "hs-" and at least 128 bits in A-Z a-z 0-9 _ -')
    return entries


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep other processes from changing the file meanwhile."""
    fd = os.open(file.with_name(f"{file.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


@contextmanager
def _draft(file: Path, entries: Sequence[Entry]) -> Iterator[Path]:
    """A synced file beside *file* with these entries; afterwards it is gone, and the folder is synced."""
    content = json.dumps({"version": FORMAT_VERSION, "keys": list(entries)}, indent=2).encode()
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    # The mode is given at creation; umask can only take bits away.
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _private_content(file: Path) -> bytes:
    try:
        fd = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise KeyFileBroken(file, f"it cannot be opened: {error.strerror}") from error
    with os.fdopen(fd, "rb") as opened:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise KeyFileBroken(file, "it is no ordinary file")
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise KeyFileExposed(file, mode=stat.S_IMODE(found.st_mode), owner=found.st_uid)
        return opened.read()
