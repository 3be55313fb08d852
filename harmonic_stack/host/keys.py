"""The API keys: two are made at first use, one to ask with and one to administer with.

They live in one file that its owner alone can read (key_file.py). A presented key is compared by its digest, with all
of ours, in constant time; logs name a key by the first six hex digits of that digest.
"""

import hashlib
import hmac
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from harmonic_stack.errors import HarmonicError, KeyFileBroken, KeyNotFound, LastKey
from harmonic_stack.host import key_file
from harmonic_stack.host.key_file import KEY_FORM
from harmonic_stack.host.paths import Paths, private_folder

__all__ = ["KEY_FORM", "Key", "Keys", "Scope"]
log = logging.getLogger(__name__)
# How often a running daemon looks whether the file was changed, in seconds: a revoked key ends within it.
LOOK_SECONDS = 0.5


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
    name: str = ""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the key's text: 32 bytes."""
        return _digest(self.text)

    @property
    def id(self) -> str:
        """Six hex digits by which logs tell keys apart."""
        return self.digest.hex()[:6]

    def same_as(self, other: "Key") -> bool:
        """Whether the two are one key."""
        return hmac.compare_digest(self.digest, other.digest)


class Keys:
    """The keys of this box; those of a file follow what the file holds."""

    def __init__(
        self, keys: Iterable[Key], file: Path | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._file, self._clock = file, clock
        self._looked, self._seen = clock(), _stamp(file)
        self._set(keys)

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
            key_file.make(file, [{"scope": scope.value, "key": key_file.new_text()} for scope in Scope])
        return cls(_read(file), file)

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
        self._follow()
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

    def add(self, scope: Scope, name: str = "") -> Key:
        """Make a further key and keep it in the file."""
        fresh = Key(scope, key_file.new_text(), name)
        self._change(lambda keys: [*keys, fresh])
        return fresh

    def rotate(self, scope: Scope) -> Key:
        """Put a new key in the place of the first one of *scope*, which ends."""
        old = next(key for key in self if key.scope is scope)
        fresh = Key(scope, key_file.new_text(), old.name)
        self._change(lambda keys: [fresh if key.same_as(old) else key for key in keys])
        return fresh

    def revoke(self, key_id: str) -> Key:
        """End the key with that id.

        Raises:
            KeyNotFound: no key has it.
            LastKey: it is the last one of its scope: nobody could ask, or administer, any more.
        """
        found = next((key for key in self if hmac.compare_digest(key.id.encode(), key_id.encode())), None)
        if found is None:
            raise KeyNotFound(key_id, [key.id for key in self])
        if sum(key.scope is found.scope for key in self) < 2:
            raise LastKey(key_id, found.scope.value)
        self._change(lambda keys: [key for key in keys if not key.same_as(found)])
        return found

    def _set(self, keys: Iterable[Key]) -> None:
        self._keys = tuple((key, key.digest) for key in keys)

    def _follow(self) -> None:
        """Read the file again where it was changed; one that is broken changes nothing, and is told in the log."""
        now = self._clock()
        if self._file is None or now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        seen, self._seen = self._seen, _stamp(self._file)
        if _same(seen, self._seen):
            return
        try:
            self._set(_read(self._file))
        except HarmonicError as error:
            log.error("the key file cannot be read; the keys stay as they were", extra={"reason": str(error)})

    def _change(self, change: Callable[[list[Key]], list[Key]]) -> None:
        assert self._file is not None, "only keys of a file can be changed"
        with key_file.locked(self._file):
            keys = change(_read(self._file))
            key_file.replace(self._file, [_entry(key) for key in keys])
        self._set(keys)


def _stamp(file: Path | None) -> tuple[int, int] | None:
    """What tells one version of the file from the next: every change makes a new file."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return None if found is None else (found.st_ino, found.st_mtime_ns)


def _same(one: object, other: object) -> bool:
    return one == other


def _digest(text: bytes | str) -> bytes:
    # surrogatepass: any str that a header or a shell yields has a digest, also one that is no proper Unicode.
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")).digest()


def _entry(key: Key) -> key_file.Entry:
    return {"scope": key.scope.value, "key": key.text} | ({"name": key.name} if key.name else {})


def _read(file: Path) -> list[Key]:
    try:
        keys = [Key(Scope(entry["scope"]), entry["key"], entry.get("name", "")) for entry in key_file.read(file)]
    except ValueError as error:
        raise KeyFileBroken(file, "it is not the JSON that this program writes") from error
    for scope in Scope:
        if not any(key.scope is scope for key in keys):
            raise KeyFileBroken(file, f"it has no {scope} key")
    return keys
