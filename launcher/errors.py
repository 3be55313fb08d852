"""Why nothing was launched. Each error carries its figures; what to do about it is the caller's to say."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from launcher.types import Bytes, in_gb


class LauncherError(Exception):
    """Any refusal of this package."""


class DoesNotFit(LauncherError):
    """One slot of this model is already larger than the memory left for it."""

    def __init__(self, model: str, *, needed: Bytes, left: Bytes) -> None:
        super().__init__(f"{model} needs {in_gb(needed)} with one slot, {in_gb(max(left, 0))} are left")
        self.model = model
        self.needed = needed
        self.left = left


class EngineNotReady(LauncherError):
    """The program runs but did not answer in time."""

    def __init__(self, name: str, seconds: float, log_tail: str) -> None:
        super().__init__(f"{name} was not ready after {seconds:g} s")
        self.name = name
        self.seconds = seconds
        self.log_tail = log_tail


class EngineFailed(LauncherError):
    """The program ended and is not started again; *exit_code* is negative for a signal, None if it never ran."""

    def __init__(self, name: str, exit_code: int | None, log_tail: str) -> None:
        super().__init__(f"{name} could not be run" if exit_code is None else f"{name} ended with code {exit_code}")
        self.name = name
        self.exit_code = exit_code
        self.log_tail = log_tail


class EngineNotLoadable(EngineFailed):
    """The embedded engine is installed, and this system lacks a library that it is linked to."""

    def __init__(self, reason: str, log_tail: str) -> None:
        super().__init__("xllamacpp", None, log_tail)
        self.args = (f"the embedded engine cannot be loaded: {reason}",)
        self.reason = reason


class EngineUnreachable(LauncherError):
    """The engine at this address does not answer as an OpenAI-compatible server."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"no engine at {url}: {reason}")
        self.url = url
        self.reason = reason


class NoModel(LauncherError):
    """No model is configured and the demonstration model is not installed."""

    def __init__(self, searched: str) -> None:
        super().__init__(f"no model: none is configured, and {searched} holds none")
        self.searched = searched


class BadModelFile(LauncherError):
    """The file is not a whole GGUF model."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class UnknownModel(LauncherError):
    """A model was asked for that is not there."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"no model {name!r}; there are: {', '.join(known) or 'none'}")
        self.name = name
        self.known = tuple(known)


class UnknownProfile(LauncherError):
    """No profile has this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"no hardware profile {name!r}; there are: {', '.join(known)}")
        self.name = name
        self.known = tuple(known)


class OllamaMissing(LauncherError):
    """There is no Ollama: none answers at the address, and no program of that name is on PATH."""

    def __init__(self, url: str) -> None:
        super().__init__(f"there is no Ollama: none answers at {url}, and no program ollama is on PATH")
        self.url = url


class OllamaRefused(LauncherError):
    """Ollama answered a control call with an error; *status* is its HTTP status."""

    def __init__(self, url: str, status: int, reason: str) -> None:
        super().__init__(f"Ollama at {url} answered {status}: {reason}")
        self.url = url
        self.status = status
        self.reason = reason


class ModelMissing(LauncherError):
    """Ollama does not have this model, or any; *offered* are those that would suit this box."""

    def __init__(self, name: str, known: Sequence[str], offered: Iterable[str] = ()) -> None:
        has = f"; it has: {', '.join(known)}" if known else ""
        offered = tuple(offered)
        fits = f"; for this box: harmonic-stack pull {', '.join(offered)}" if offered else ""
        super().__init__(f"Ollama does not have the model {name!r}{has}" if name else f"Ollama has no model yet{fits}")
        self.name = name
        self.known = tuple(known)
        self.offered = offered


class ModelNowhere(LauncherError):
    """The model that is configured is no file here, and Ollama does not have it; *reason* says why not."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"the model {name!r} is no file here, and {reason}")
        self.name = name
        self.reason = reason


class ModelNotFetched(LauncherError):
    """A model of the hub is not on this disk."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the model {name!r} has not been fetched")
        self.name = name


class ModelNotLoaded(LauncherError):
    """Ollama has the model but cannot run it."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"Ollama cannot load {name!r}: {reason}")
        self.name = name
        self.reason = reason


class PullFailed(LauncherError):
    """A model could not be fetched; what has arrived is kept, and the next pull goes on from there."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name!r} could not be pulled: {reason}")
        self.name = name
        self.reason = reason
