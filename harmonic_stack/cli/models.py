"""`models` and `pull`: the models that are here, and fetching more."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from harmonic_stack.cli.look import AsJson, ConfigFile
from harmonic_stack.cli.output import say, show_json, show_table
from harmonic_stack.config import Config, Loaded
from harmonic_stack.crew import Crew, load_crew
from harmonic_stack.host.engines import models_folder, on_main
from harmonic_stack.host.ollama_choice import encoder_on_ollama, missing_models, wanted_models
from harmonic_stack.host.paths import Paths
from harmonic_stack.host.planning import engine_settings
from harmonic_stack.host.roles import has_any, models_for_roles, sizes_of
from launcher import (
    LauncherError,
    ModelNotFetched,
    NoModel,
    OllamaMissing,
    OllamaModel,
    OllamaSite,
    demo_model,
    detect_hardware,
    in_gb,
    look_at_ollama,
    reached_ollama,
    remote_size,
    same_model,
)
from launcher.hub import HubFile, HubName, fetch, fetched, look_up, read_name


def models(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show the models of Ollama here, the newest first, then our own files; "*" marks those that the crew uses."""
    loaded = Config.load(config)
    wanted = wanted_models(loaded.config.engine.model, load_crew(loaded.path_of("crew", "file")))
    site, told = _ollama_here(loaded)
    encoder = encoder_on_ollama(loaded)
    used = [*wanted, encoder] if encoder else wanted
    lacking = bool(encoder) and (site is None or bool(missing_models(site, [encoder])))
    listed = site.models if site is not None else ()
    files = _own_files()
    if as_json:
        about = {"ollama": site and site.version, "url": site and site.url}
        rows = [{"path": str(path), "bytes": size} for path, size in files.items()]
        needed = {"model": encoder, "here": not lacking} if encoder else None
        show_json({**about, "models": [_object(model) for model in listed], "files": rows, "encoder": needed})
        return
    own = _served_file(loaded, site)
    show_table(
        ("", "model", "size", "family"),
        [
            *((_mark(model, site, used), model.name, in_gb(model.size), model.family) for model in listed if site),
            *(("*" if path == own else "", str(path), in_gb(size), "a file") for path, size in files.items()),
        ],
    )
    say(told)
    if lacking:
        say(f"the encoder's model {encoder} is not here: harmonic-stack pull {encoder}")


def _own_files() -> dict[Path, int]:
    """The sizes of the models of the hub that were pulled, and of the demonstration model where that is installed."""
    files = sorted(models_folder(Paths.find()).rglob("*.gguf"))
    with suppress(NoModel):
        files.append(demo_model())
    return {path: path.stat().st_size for path in files}


def _served_file(loaded: Loaded, site: OllamaSite | None) -> Path | None:
    """The file that a start would serve: the configured one, else the demonstration model where Ollama has none."""
    try:
        model = engine_settings(loaded).model or (None if site and has_any(site) else demo_model())
    except (ModelNotFetched, NoModel):
        return None
    return model if isinstance(model, Path) else None


def _ollama_here(loaded: Loaded) -> tuple[OllamaSite | None, str]:
    """The Ollama of this box and where it is; where none is and the settings do not ask for it, None and that."""
    try:
        site = asyncio.run(look_at_ollama(_url(loaded), []))
    except OllamaMissing as missing:
        if loaded.config.engine.name == "ollama":
            raise
        return None, str(missing)
    return site, f"Ollama {site.version}, {f'running at {site.url}' if site.url else f'not running, {site.program}'}"


def pull(
    name: Annotated[
        str,
        typer.Argument(help="A model of Ollama's, such as qwen3:4b, or hf:ORG/REPO/FILE.gguf or hf.co/ORG/REPO:Q4."),
    ],
    config: ConfigFile = None,
) -> None:
    """Fetch a model, into Ollama or as a file of ours; an interrupted pull goes on where it ended."""
    loaded = Config.load(config)
    of_hub = read_name(name)
    if of_hub is not None and (name.startswith("hf:") or loaded.config.engine.name != "ollama"):
        _fetch(of_hub)
    else:
        asyncio.run(_pull(_url(loaded), [name]))


def pull_missing(loaded: Loaded) -> None:
    """Before a start: fetch the models that are missing, where the settings or the person at the terminal say so.

    Nothing is fetched and nothing asked otherwise: the start then tells which model is missing.
    """
    engine, crew = loaded.config.engine, load_crew(loaded.path_of("crew", "file"))
    if engine.pull == "never" or (engine.pull == "ask" and not sys.stdin.isatty()):
        return
    for name in _missing_of_hub(loaded, crew):
        files = look_up(name)
        if engine.pull == "always" or _agreed(name.text, sum(file.size for file in files), "It is not here:"):
            _fetch(name, files)
    if engine.name == "ollama":
        _pull_missing_of_ollama(loaded, on_main(crew))
    if encoder := encoder_on_ollama(loaded):
        _pull_missing_encoder(loaded, encoder)


def _pull_missing_encoder(loaded: Loaded, name: str) -> None:
    """Ask for the encoder's model where Ollama lacks it; without it the installed encoder serves, so nothing fails."""
    engine = loaded.config.engine
    try:
        site = asyncio.run(look_at_ollama(_url(loaded), []))
        served = site.url is not None or engine.name in ("ollama", "auto")  # else nobody starts it
        if not served or not missing_models(site, [name]):
            return
        why = "Ollama does not have the encoder's model"
        if engine.pull == "always" or _agreed(name, asyncio.run(remote_size(name)), why):
            asyncio.run(_pull(_url(loaded), [name]))
    except LauncherError as error:
        say(f"the encoder's model {name} was not fetched: {error}")


def _pull_missing_of_ollama(loaded: Loaded, crew: Crew) -> None:
    """Ask for each model that is named and missing; where there is none at all, once for those of the box's profile."""
    engine = loaded.config.engine
    wanted = wanted_models(engine.model, crew)
    site = asyncio.run(look_at_ollama(_url(loaded), []))
    missing = missing_models(site, wanted)
    offered: dict[str, int] = {}
    if wanted == [""] and not has_any(site):
        offered = sizes_of(models_for_roles(detect_hardware(), crew, engine_settings(loaded)))
    if engine.pull == "ask":
        missing = [name for name in missing if _agreed(name, asyncio.run(remote_size(name)), "Ollama does not have")]
        if offered and not _agreed(", ".join(offered), sum(offered.values()), "Ollama has no model yet; for this box:"):
            offered = {}
    if names := [*missing, *offered]:
        asyncio.run(_pull(_url(loaded), names))


def _missing_of_hub(loaded: Loaded, crew: Crew) -> list[HubName]:
    """The models that the settings and the crew want of the hub and that are not on this disk."""
    engine = loaded.config.engine
    texts = [agent.model for agent in crew.enabled if agent.engine == "embedded"]
    if engine.name in ("embedded", "auto") and not engine.url:
        texts.append(engine.model)
    missing = []
    for name in filter(None, map(read_name, dict.fromkeys(texts))):
        try:
            fetched(name, models_folder(Paths.find()))
        except ModelNotFetched:
            missing.append(name)
    return missing


def _fetch(name: HubName, files: Sequence[HubFile] | None = None) -> None:
    bar = ProgressBar()
    paths = Paths.find()
    paths.make()
    path = fetch(
        name,
        files or look_up(name),
        models_folder(paths),
        lambda progress: bar.show(progress.status, progress.completed, progress.total),
    )
    bar.end()
    say(f"fetched {path}")


def _agreed(name: str, size: int | None, why: str) -> bool:
    told = "of unknown size" if size is None else in_gb(size)
    return typer.confirm(f"{why} {name}. Fetch it ({told})?", default=True, err=True)


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
