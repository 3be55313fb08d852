"""`config show|path|check|init` and `key show|list|add|rotate|revoke`."""

from pathlib import Path
from typing import Annotated

import typer

from harmonic_stack.cli.look import AsJson, ConfigFile
from harmonic_stack.cli.output import say, show_json, show_table
from harmonic_stack.config import Config, example_toml
from harmonic_stack.crew import load_crew
from harmonic_stack.errors import FileExists
from harmonic_stack.host.keys import Keys, Scope
from harmonic_stack.host.paths import Paths, config_file

config_app = typer.Typer(help="Look at the settings, check them, or write a file to edit.", no_args_is_help=True)
key_app = typer.Typer(help="The API keys.", no_args_is_help=True)


@config_app.command()
def show(
    config: ConfigFile = None,
    origin: Annotated[bool, typer.Option("--origin", help="Tell where each value comes from.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show every setting as it is in force."""
    loaded = Config.load(config)
    values = loaded.config.model_dump(mode="json")
    if as_json:
        show_json({"config": values, "origin": dict(loaded.origins)} if origin else values)
        return
    for key, source in loaded.origins.items():
        section, _, name = key.rpartition(".")
        value = values[section][name] if section else values[name]
        typer.echo(f"{key} = {value!r}" + (f"   # {source}" if origin else ""))


@config_app.command()
def path() -> None:
    """Show where your settings file is, or would be."""
    typer.echo(config_file())


@config_app.command()
def check(config: ConfigFile = None) -> None:
    """Check the settings and the crew file; each mistake is one line."""
    loaded = Config.load(config)
    load_crew(loaded.path_of("crew", "file"))
    say("no mistakes found")


@config_app.command()
def init(
    target: Annotated[Path | None, typer.Argument(help="Where to write; your own settings file if left out.")] = None,
) -> None:
    """Write a settings file with every key at its default."""
    file = target or config_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("x", encoding="utf-8") as fresh:
            fresh.write(example_toml())
    except FileExistsError:
        raise FileExists(file) from None
    say(f"written: {file}")


Admin = Annotated[bool, typer.Option("--admin", help="The key that may also administer.")]


@key_app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """Show every key's id, scope and name, and no key."""
    rows = [{"id": key.id, "scope": key.scope.value, "name": key.name} for key in _open_keys()]
    if as_json:
        show_json({"keys": rows})
        return
    show_table(("id", "scope", "name"), [(row["id"], row["scope"], row["name"] or None) for row in rows])


@key_app.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="What it is for, to tell it from the others.")] = "",
    admin: Admin = False,
) -> None:
    """Make a further key and print it alone on stdout; a running stack knows it at once."""
    typer.echo(_open_keys().add(Scope.ADMIN if admin else Scope.INFERENCE, name).text)


@key_app.command("rotate")
def rotate_key(admin: Admin = False) -> None:
    """Replace the first key of a scope and print the new one; the old one ends."""
    typer.echo(_open_keys().rotate(Scope.ADMIN if admin else Scope.INFERENCE).text)


@key_app.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(metavar="ID", help="As `key list` shows it.")]) -> None:
    """End a key; the last one of a scope stays."""
    ended = _open_keys().revoke(key_id)
    say(f"ended: {ended.id} ({ended.scope.value})")


@key_app.command("show")
def show_key(admin: Admin = False) -> None:
    """Print a key alone on stdout."""
    typer.echo(_open_keys().text(Scope.ADMIN if admin else Scope.INFERENCE))


def _open_keys() -> Keys:
    """The keys of this user's box, made at first use."""
    paths = Paths.find()
    paths.make()
    return Keys.open(paths)
