"""The command `harmonic-stack`: one file per group of commands, one table for all errors."""

import sys
from typing import Annotated

import typer

from harmonic_stack import __version__
from harmonic_stack.cli import ask, chat, core, doctor, look, models, remember, settings, spine, tune, up
from harmonic_stack.cli.output import explain
from harmonic_stack.errors import HarmonicError
from launcher import LauncherError
from ommatidia import OmmatidiaError
from spine import SpineError

app = typer.Typer(
    name="harmonic-stack",
    help="A home AI box that thinks as a crew: one OpenAI-compatible address, every thought visible.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    up.up,
    up.down,
    look.status,
    up.logs,
    ask.ask,
    chat.chat,
    look.agents,
    look.hardware,
    look.plan,
    models.models,
    models.pull,
    doctor.doctor,
    remember.remember,
    tune.tune,
):
    app.command()(command)
app.add_typer(core.app, name="core")
app.add_typer(spine.app, name="spine")
app.add_typer(settings.key_app, name="key")
app.add_typer(settings.config_app, name="config")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"harmonic-stack {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """A home AI box that thinks as a crew."""


def run() -> None:
    """Run a command; a known failure is one explanation and its exit code."""
    try:
        app()
    except (HarmonicError, LauncherError, SpineError, OmmatidiaError) as error:
        sys.exit(explain(error))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone
        sys.exit(1)


if __name__ == "__main__":
    run()
