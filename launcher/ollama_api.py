"""Control calls to an Ollama server: what it has, what it holds in memory, pull, load, unload."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from launcher.errors import EngineUnreachable, ModelMissing, ModelNotLoaded, OllamaRefused, PullFailed
from launcher.http_client import control_client
from launcher.ollama_names import parse_name

ANSWER_SECONDS = 10.0
# Ollama tries a stalled download again after 5 s itself; longer silence means that nobody is there any more.
PULL_SILENCE = 120.0


@dataclass(frozen=True)
class OllamaModel:
    """One model that a server has on its disk, by the name that it lists."""

    name: str
    size: int  # bytes
    family: str
    completes: bool  # it writes text; embedding models do not
    modified: str  # ISO 8601
    blob: Path | None = None  # its GGUF file, where somebody asked for it
    digest: str = ""  # of its manifest: another one is another model, whatever its name


@dataclass(frozen=True)
class PullProgress:
    """One line of a pull; bytes of the part under way, 0 where none is."""

    status: str
    digest: str = ""
    total: int = 0
    completed: int = 0


class OllamaApi:
    """The control calls of one server. All raise EngineUnreachable, and OllamaRefused where it answers an error."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def version(self) -> str:
        """Return its version, such as "0.32.14"."""
        return str((await self._json("GET", "/api/version"))["version"])

    async def models(self) -> tuple[OllamaModel, ...]:
        """Return the models on its disk, the newest first."""
        listed = (await self._json("GET", "/api/tags"))["models"]
        return tuple(sorted(map(_model, listed), key=lambda model: model.modified, reverse=True))

    async def blob(self, name: str) -> Path | None:
        """Return the GGUF file that it runs *name* from, on its own disk; raise ModelMissing."""
        shown = await self._json("POST", "/api/show", {"model": bare(name)}, model=name)
        for line in str(shown.get("modelfile", "")).splitlines():
            if line.startswith("FROM /"):
                return Path(line.removeprefix("FROM "))
        return None

    async def loaded(self) -> dict[str, int]:
        """Return the models that it holds in memory, by the name it lists, with the context of one slot in tokens.

        Sizes are left out on purpose: without a GPU it reports all of a model as GPU memory, and never its cache.
        """
        running = (await self._json("GET", "/api/ps"))["models"]
        return {str(model["name"]): int(model.get("context_length", 0)) for model in running}

    async def pull(self, name: str) -> AsyncIterator[PullProgress]:
        """Fetch a model, going on where an earlier pull ended; raise PullFailed."""
        # A registry without TLS is meant where somebody writes http://, as for one on loopback.
        body = {"model": name, "insecure": name.lower().startswith("http://"), "stream": True}
        last = PullProgress("")
        try:
            async with (
                control_client(None, PULL_SILENCE) as client,
                client.stream("POST", f"{self.url}/api/pull", json=body) as answer,
            ):
                async for line in answer.aiter_lines():
                    last = _progress(name, line)
                    yield last
        except httpx.HTTPError as error:
            raise PullFailed(name, str(error) or type(error).__name__) from error
        if last.status != "success":
            raise PullFailed(name, f"it ended at {last.status!r}")

    async def load(self, name: str, fields: Mapping[str, Any], *, timeout: float) -> None:
        """Load a model with the load options in *fields*, those that every request will carry.

        Raises ModelMissing, and ModelNotLoaded with the server's own reason.
        """
        body = {"model": bare(name), "messages": [], **fields}
        try:
            await self._json("POST", "/api/chat", body, timeout=timeout, model=name)
        except OllamaRefused as refusal:
            raise ModelNotLoaded(name, refusal.reason) from refusal
        except EngineUnreachable as error:
            raise ModelNotLoaded(name, error.reason) from error

    async def unload(self, name: str) -> None:
        """Free a model's memory once its requests have ended."""
        await self._json("POST", "/api/chat", {"model": bare(name), "messages": [], "keep_alive": 0}, model=name)

    async def _json(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        timeout: float = ANSWER_SECONDS,
        model: str | None = None,
    ) -> dict[str, Any]:
        try:
            async with control_client(None, timeout) as client:
                answer = await client.request(method, f"{self.url}{path}", json=body)
        except httpx.TimeoutException as error:
            raise EngineUnreachable(self.url, f"no answer within {timeout:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EngineUnreachable(self.url, str(error) or type(error).__name__) from error
        if answer.status_code == httpx.codes.NOT_FOUND and model is not None:
            raise ModelMissing(model, ())
        if not answer.is_success:
            raise OllamaRefused(self.url, answer.status_code, _reason(answer))
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise EngineUnreachable(self.url, f"{path} answered no JSON object")
        return found


def bare(name: str) -> str:
    """Return *name* without a scheme: what a pull needs to be told, no other call may be."""
    return name.partition("://")[2] or name


async def version_at(url: str) -> str | None:
    """Return the version of the Ollama at *url*; None where none answers within two seconds."""
    try:
        async with control_client(None, 2.0) as client:
            return str((await client.get(f"{url}/api/version")).json()["version"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return None


def _model(listed: Mapping[str, Any]) -> OllamaModel:
    details = listed.get("details") or {}
    # Servers before 0.32 list no capabilities; what embeds is known by its family there.
    capable = listed.get("capabilities")
    family = str(details.get("family", ""))
    completes = "completion" in capable if isinstance(capable, list) else not family.endswith("bert")
    modified, digest = str(listed.get("modified_at", "")), str(listed.get("digest", ""))
    return OllamaModel(str(listed["name"]), int(listed["size"]), family, completes, modified, digest=digest)


def _progress(name: str, line: str) -> PullProgress:
    try:
        told = json.loads(line)
    except ValueError:
        raise PullFailed(name, f"it answered {line[:200]!r}") from None
    if "error" in told:
        raise PullFailed(name, str(told["error"]))
    return PullProgress(
        str(told.get("status", "")), str(told.get("digest", "")), told.get("total") or 0, told.get("completed") or 0
    )


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])[:500]
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"


def same_model(one: str, other: str) -> bool:
    """Tell whether two names mean the same model."""
    return parse_name(one) == parse_name(other)
