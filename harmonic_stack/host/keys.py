"""The API keys: two are made at first use, one to ask with and one to administer with.

They live in one file that its owner alone can read. A presented key is compared by its digest, with all of ours, in
constant time; logs name a key by the first six hex digits of that digest.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from harmonic_stack.errors import KeyFileBroken, KeyFileExposed
from harmonic_stack.host.paths import Paths, private_folder

FORMAT_VERSION = 1
KEY_BYTES = 32  # 256 bits
# 22 characters of base64 hold 128 bits: a key that somebody wrote by hand must have as much.
KEY_FORM = re.compile(r"hs-[A-Za-z0-9_-]{22,200}")


class Scope(StrEnum):
    """What a key may be used for."""

    INFERENCE = "inference"
    ADMIN = "admin"

    def allows(self, needed: "Scope") -> bool:
        """True where a key of this scope may do what *needed* stands for; admin may do everything."""
        return self in (needed, Scope.ADMIN)


@dataclass(frozen=True, slots=True)
class Key:
    """One key. ``id`` may be logged; ``text`` is the key itself, shown to nobody but its owner."""

    scope: Scope
    text: str = field(repr=False)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the key's text: 32 bytes."""
        return _digest(self.text)

    @property
    def id(self) -> str:
        """Six hex digits by which logs tell keys apart."""
        return self.digest.hex()[:6]


class Keys:
    """The keys of this box."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = tuple((key, key.digest) for key in keys)

    @classmethod
    def open(cls, paths: Paths) -> "Keys":
        """Read the keys; at first use, make them.

        Raises:
            UnsafeFolder: the folder of the key file is not ours alone.
            KeyFileExposed: the file can be read by others, or belongs to another user.
            KeyFileBroken: the file is not one of ours, is newer than this program, or a key has under 128 bits.
        """
        file = paths.keys_file
        private_folder(file.parent)
        if not file.exists():
            _make(file)
        return cls(_read(file))

    def __iter__(self) -> Iterator[Key]:
        return (key for key, _ in self._keys)

    def text(self, scope: Scope) -> str:
        """The first key of *scope*, for its owner to read."""
        return next(key.text for key in self if key.scope is scope)

    @staticmethod
    def id_of(presented: bytes | str) -> str:
        """The id under which logs and limits know a presented key, ours or not: six hex digits of its digest."""
        return _digest(presented).hex()[:6]

    def find(self, presented: bytes | str) -> Key | None:
        """The key that *presented* is, None if it is none of ours. Takes as long for a wrong key as for a right one."""
        digest = _digest(presented)
        found = None
        for key, ours in self._keys:
            if hmac.compare_digest(ours, digest):
                found = key  # no early exit: the time would tell which key it was
        return found

    def scope_of(self, presented: bytes | str) -> Scope | None:
        """What *presented* may be used for, None if it is no key of ours."""
        key = self.find(presented)
        return None if key is None else key.scope


def _digest(text: bytes | str) -> bytes:
    # surrogatepass: any str that a header or a shell yields has a digest, also one that is no proper Unicode.
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")).digest()


def _make(file: Path) -> None:
    """Write two new keys to *file*, unless another process has done so in the meantime."""
    keys = [{"scope": scope.value, "key": f"hs-{secrets.token_urlsafe(KEY_BYTES)}"} for scope in Scope]
    content = json.dumps({"version": FORMAT_VERSION, "keys": keys}, indent=2).encode()
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    # The mode is given at creation; umask can only take bits away.
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        # A link appears whole or not at all, and never replaces a file: the first of two processes wins.
        os.link(draft, file)
    except FileExistsError:
        return
    finally:
        draft.unlink()
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(file: Path) -> list[Key]:
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
        raw = opened.read()
    try:
        return _parse(file, json.loads(raw))
    except (ValueError, KeyError, TypeError) as error:
        # The error's own words could quote the file, and with it a key.
        raise KeyFileBroken(file, "it is not the JSON that this program writes") from error


def _parse(file: Path, document: object) -> list[Key]:
    if not isinstance(document, dict):
        raise TypeError
    if document["version"] > FORMAT_VERSION:
        raise KeyFileBroken(file, "it was written by a newer Harmonic Stack")
    keys = [Key(Scope(entry["scope"]), entry["key"]) for entry in document["keys"]]
    for number, key in enumerate(keys, start=1):
        if not KEY_FORM.fullmatch(key.text):
            raise KeyFileBroken(file, f'key {number} is not "hs-" and at least 128 bits in A-Z a-z 0-9 _ -')
    for scope in Scope:
        if not any(key.scope is scope for key in keys):
            raise KeyFileBroken(file, f"it has no {scope} key")
    return keys
