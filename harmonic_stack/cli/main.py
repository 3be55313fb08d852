"""The command `harmonic-stack`: one file per group of commands, one table for all errors."""

import importlib
import sys
from collections.abc import Iterable
from typing import Annotated

import typer

from harmonic_stack import __version__
from harmonic_stack.cli.output import explain
from harmonic_stack.errors import HarmonicError
from launcher.errors import LauncherError
from ommatidia.errors import OmmatidiaError
from spine.errors import SpineError

#: Commands in the order of the help, and the module of `harmonic_stack.cli` with a function of that name.
COMMANDS = {
    "up": "up",
    "down": "running",
    "status": "look",
    "logs": "running",
    "ask": "ask",
    "chat": "chat",
    "agents": "look",
    "hardware": "look",
    "plan": "look",
    "models": "models",
    "pull": "models",
    "doctor": "doctor",
    "remember": "remember",
    "tune": "tune",
}
#: Groups of commands: the module, and the name of the group in it.
GROUPS = {
    "core": ("core", "app"),
    "spine": ("spine", "app"),
    "key": ("settings", "key_app"),
    "config": ("settings", "config_app"),
}

ALL = (*COMMANDS, *GROUPS)


def command_line(names: Iterable[str] = ALL) -> typer.Typer:
    """Return the command line with these commands and groups; the modules of the others are not loaded.

    `key show` needs no daemon's code, and loading all of it takes longer than most commands.
    """
    app = typer.Typer(
        name="harmonic-stack",
        help="A home AI box that thinks as a crew: one OpenAI-compatible address, every thought visible.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        callback=main,
    )
    for name in names:
        module, found = GROUPS.get(name) or (COMMANDS[name], name)
        part = getattr(importlib.import_module(f"harmonic_stack.cli.{module}"), found)
        if name in GROUPS:
            app.add_typer(part, name=name)
        else:
            app.command(name)(part)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"harmonic-stack {__version__}")
        raise typer.Exit


def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """A home AI box that thinks as a crew."""


def run() -> None:
    """Run a command; a known failure is one explanation and its exit code."""
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        app = command_line([word] if word in COMMANDS or word in GROUPS else ALL)
        app()
    except (HarmonicError, LauncherError, SpineError, OmmatidiaError) as error:
        sys.exit(explain(error))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone
        sys.exit(1)


if __name__ == "__main__":
    run()
