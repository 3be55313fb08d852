"""Which Ollama this box has: a server that runs already, or a program that we start; and what models it has."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from launcher.child import Child, clean_environment
from launcher.errors import EngineUnreachable, ModelMissing, ModelNotLoaded, OllamaMissing, OllamaRefused
from launcher.loopback import HOST, free_port
from launcher.ollama_api import OllamaApi, OllamaModel, same_model, version_at
from launcher.ollama_partial import parts_noted, unfinished_parts
from launcher.restart import NEVER

DEFAULT_PORT = 11434
START_SECONDS = 30.0  # 0.08 s without a GPU; asking a GPU's driver may take some seconds


@dataclass(frozen=True)
class OllamaSite:
    """An Ollama that was looked at; *models* are the newest first."""

    version: str
    models: tuple[OllamaModel, ...]
    url: str | None = None  # of a server that runs already
    program: Path | None = None  # of ours to start, where none runs

    def find(self, name: str) -> OllamaModel:
        """Return the model called *name*, or for "" the newest that writes text; raise ModelMissing."""
        for model in self.models:
            if same_model(model.name, name) if name else model.completes:
                return model
        raise ModelMissing(name, [model.name for model in self.models])


def server_address(environ: Mapping[str, str] = os.environ) -> str:
    """Return where an Ollama of this user would serve: OLLAMA_HOST as Ollama reads it, else its own default.

    >>> server_address({}), server_address({"OLLAMA_HOST": "0.0.0.0"}), server_address({"OLLAMA_HOST": "box:99"})
    ('http://127.0.0.1:11434', 'http://127.0.0.1:11434', 'http://box:99')
    """
    text = environ.get("OLLAMA_HOST", "").strip().strip("\"'")
    scheme, found, rest = text.partition("://")
    parts = urlsplit(f"//{rest if found else text}")
    host = parts.hostname or "127.0.0.1"
    try:
        port = parts.port or ({"http": 80, "https": 443}.get(scheme, DEFAULT_PORT) if found else DEFAULT_PORT)
    except ValueError:
        port = DEFAULT_PORT
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is where a server listens
    return f"{scheme if found else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


async def look_at_ollama(
    url: str | None, names: Sequence[str], *, environ: Mapping[str, str] = os.environ
) -> OllamaSite:
    """Return the Ollama at *url*, or for None the one that this box has, with its models.

    Of *names* ("" is the newest) it learns where their files are. Raises EngineUnreachable and OllamaMissing, and
    ModelNotLoaded where Ollama cannot read one of these files.
    """
    async with reached_ollama(url, environ=environ) as (site, api):
        files = {}
        for name in names:
            try:
                model = site.find(name)
            except ModelMissing:
                continue  # for the caller to pull, or to refuse
            try:
                files[model.name] = await api.blob(model.name)
            except OllamaRefused as refusal:
                raise ModelNotLoaded(model.name, refusal.reason) from refusal
        models = (replace(model, blob=files.get(model.name)) for model in site.models)
        return replace(site, models=tuple(models))


@asynccontextmanager
async def reached_ollama(
    url: str | None, *, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[tuple[OllamaSite, OllamaApi]]:
    """Reach a server that runs, else start the program for as long as this lasts.

    Raises EngineUnreachable where *url* was given and none answers, OllamaMissing where there is none at all.
    """
    address = (url or server_address(environ)).rstrip("/").removesuffix("/v1")
    program = shutil.which("ollama", path=environ.get("PATH"))
    if await version_at(address) is not None:
        api = OllamaApi(address)
        yield OllamaSite(await api.version(), await api.models(), url=address), api
    elif url is not None:
        raise EngineUnreachable(address, "no Ollama answers there")
    elif program is None:
        raise OllamaMissing(address)
    else:
        async with started_ollama(Path(program)) as api:
            yield OllamaSite(await api.version(), await api.models(), program=Path(program)), api


@asynccontextmanager
async def started_ollama(program: Path) -> AsyncIterator[OllamaApi]:
    """Serve from *program* on a free port of loopback, to look and to pull; it loads no model.

    Raises EngineFailed and EngineNotReady.
    """
    address = f"{HOST}:{free_port()}"
    api = OllamaApi(f"http://{address}")
    # Pruning would throw away what an interrupted pull has fetched, and the folder may be another server's too.
    before = unfinished_parts()
    env = clean_environment() | {"OLLAMA_HOST": address, "OLLAMA_NOPRUNE": "1", "OLLAMA_NO_CLOUD": "1"}
    with tempfile.TemporaryDirectory(prefix="harmonic-ollama-") as folder:
        child = Child("ollama", [str(program), "serve"], log=Path(folder) / "ollama.log", env=env, restart=NEVER)
        try:
            await child.start()
            await child.wait_ready(lambda: _serves(api.url), START_SECONDS)
            yield api
        except asyncio.CancelledError:  # of a pull: the next one goes on where this one has noted that it ended
            await parts_noted(before)
            raise
        finally:
            await child.stop()


async def _serves(url: str) -> bool:
    return await version_at(url) is not None
