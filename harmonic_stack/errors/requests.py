"""What is wrong with a request, or with who asks."""

from collections.abc import Iterable
from pathlib import Path

from harmonic_stack.errors.base import HarmonicError, one_line, shortened
from harmonic_stack.names import RULE


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


class EngineRefused(HarmonicError):
    """The engine found the request itself at fault; ``param`` is the field that it most likely means."""

    def __init__(self, detail: str, param: str | None = None) -> None:
        super().__init__(one_line(f"the engine refused the request: {detail}"))
        self.detail, self.param = detail, param


class ModelNotFound(HarmonicError):
    """No model, mode or agent has this name; ``known`` are those that exist."""

    param = "model"

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        self.name, self.known = name, tuple(known)
        names = f"; there are {', '.join(self.known)}" if self.known else ""
        super().__init__(one_line(f'the model "{shortened(name)}" does not exist{names}'))


class AgentNotFound(HarmonicError):
    """The crew has no agent of this name; ``known`` are those that it has."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(one_line(f'there is no agent "{shortened(name)}"; there are {", ".join(self.known)}'))


class AgentNotPlanned(HarmonicError):
    """The agent has no slots in the plan that runs, so it cannot be woken."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(one_line(f'the agent "{shortened(name)}" has no slots in the plan that runs'))


class ExecutiveNeeded(HarmonicError):
    """The executive answers for the crew, so it cannot be rested."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(one_line(f'the agent "{shortened(name)}" is the executive: without it there are no answers'))


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


class ResponseNotFound(HarmonicError):
    """No response with this id is kept for this key."""

    def __init__(self, response: str) -> None:
        super().__init__(one_line(f'no response "{shortened(response)}" is kept'))
        self.response = response


class QueryNotFound(HarmonicError):
    """No query with this id is remembered."""

    def __init__(self, query: str) -> None:
        super().__init__(one_line(f'no query "{shortened(query)}" is remembered'))
        self.query = query


class NotVoted(HarmonicError):
    """The query was answered without a vote, so its outcome calibrates nothing."""

    def __init__(self, query: str) -> None:
        super().__init__(one_line(f'query "{shortened(query)}" was answered without a vote'))
        self.query = query


class OutcomeNotKept(HarmonicError):
    """The file of outcomes cannot be written; ``reason`` is SQLite's."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(one_line(f"{path} cannot be written: {reason}"))
        self.path, self.reason = path, reason


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
    """The body is not what the route takes (``wanted``), or is compressed."""

    def __init__(self, kind: str, wanted: str = "application/json") -> None:
        super().__init__(one_line(f'the body must be plain {wanted}, not "{shortened(kind)}"'))
        self.kind, self.wanted = kind, wanted


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
