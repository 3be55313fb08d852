"""`models` and `pull`: the models that Ollama has, and fetching more."""

import asyncio
import sys
from typing import Annotated

import typer

from harmonic_stack.cli.look import AsJson, ConfigFile
from harmonic_stack.cli.output import say, show_json, show_table
from harmonic_stack.config import Config, Loaded
from harmonic_stack.crew import load_crew
from harmonic_stack.host.ollama_choice import missing_models, wanted_models
from launcher import OllamaModel, OllamaSite, in_gb, look_at_ollama, reached_ollama, remote_size, same_model


def models(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show the models that Ollama has here, the newest first; "*" marks those that the crew uses."""
    loaded = Config.load(config)
    wanted = wanted_models(loaded.config.engine.model, load_crew(loaded.path_of("crew", "file")))
    site = asyncio.run(look_at_ollama(_url(loaded), []))
    if as_json:
        show_json({"ollama": site.version, "url": site.url, "models": [_object(model) for model in site.models]})
        return
    rows = [(_mark(model, site, wanted), model.name, in_gb(model.size), model.family) for model in site.models]
    show_table(("", "model", "size", "family"), rows)
    say(f"Ollama {site.version}, {f'running at {site.url}' if site.url else f'not running, {site.program}'}")


def pull(
    name: Annotated[str, typer.Argument(help="A model of Ollama's, such as qwen3:4b.")],
    config: ConfigFile = None,
) -> None:
    """Fetch a model into Ollama; an interrupted pull goes on where it ended."""
    asyncio.run(_pull(_url(Config.load(config)), [name]))


def pull_missing(loaded: Loaded) -> None:
    """Before a start: fetch what Ollama lacks, where the settings say so or the person at the terminal does.

    Nothing is fetched and nothing asked otherwise: the start then tells which model is missing.
    """
    engine = loaded.config.engine
    if engine.name != "ollama" or engine.pull == "never":
        return
    wanted = wanted_models(engine.model, load_crew(loaded.path_of("crew", "file")))
    missing = missing_models(asyncio.run(look_at_ollama(_url(loaded), [])), wanted)
    if engine.pull == "ask":
        missing = [name for name in missing if sys.stdin.isatty() and _agreed(name)]
    if missing:
        asyncio.run(_pull(_url(loaded), missing))


def _agreed(name: str) -> bool:
    size = asyncio.run(remote_size(name))
    told = "of unknown size" if size is None else in_gb(size)
    return typer.confirm(f"Ollama does not have {name}. Fetch it ({told})?", default=True, err=True)


async def _pull(url: str | None, names: list[str]) -> None:
    async with reached_ollama(url) as (_, api):
        for name in names:
            bar = ProgressBar()
            async for progress in api.pull(name):
                bar.show(progress.status, progress.completed, progress.total)
            bar.end()
            say(f"pulled {name}")


class ProgressBar:
    """How far a pull is: one line that is written over on a terminal, else a line for each new status."""

    WIDTH = 30

    def __init__(self) -> None:
        self._status = ""
        self._drawn = False

    def show(self, status: str, completed: int, total: int) -> None:
        """Tell where the pull is, in bytes of the part under way."""
        if sys.stderr.isatty() and total:
            full = self.WIDTH * completed // total
            bar = "#" * full + "." * (self.WIDTH - full)
            typer.echo(f"\r{status} [{bar}] {in_gb(completed)} of {in_gb(total)}\033[K", err=True, nl=False)
            self._drawn = True
        elif status != self._status:
            self.end()
            say(f"{status} ({in_gb(total)})" if total else status)
        self._status = status

    def end(self) -> None:
        """Leave the line that was written over."""
        if self._drawn:
            typer.echo(err=True)
        self._drawn = False


def _url(loaded: Loaded) -> str | None:
    """The Ollama that the settings name; None is the one that is found here."""
    engine = loaded.config.engine
    return (engine.url or None) if engine.name == "ollama" else None


def _mark(model: OllamaModel, site: OllamaSite, wanted: list[str]) -> str:
    used = any(same_model(model.name, name) for name in wanted if name)
    newest = "" in wanted and model == next((each for each in site.models if each.completes), None)
    return "*" if used or newest else ""


def _object(model: OllamaModel) -> dict[str, object]:
    return {
        "name": model.name,
        "bytes": model.size,
        "family": model.family,
        "completes": model.completes,
        "modified": model.modified,
    }
