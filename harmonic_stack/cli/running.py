"""`down` and `logs`: what is done to a stack that runs, from outside."""

from typing import Annotated

import typer

from harmonic_stack.cli.output import say, show
from harmonic_stack.host.lock import stop_daemon
from harmonic_stack.host.logs import follow, log_files
from harmonic_stack.host.paths import Paths


def down(
    timeout: Annotated[float, typer.Option(help="Seconds to wait for requests under way.")] = 60.0,
) -> None:
    """Stop the daemon and all that it started."""
    if not stop_daemon(Paths.find(), timeout):
        say(f"it has not stopped within {timeout:g} s; harmonic-stack logs tells what it does")
        raise typer.Exit(1)
    say("stopped")


def logs(
    which: Annotated[str, typer.Argument(help="daemon, engine or store; engine.SERVER of a further engine")] = "daemon",
    follow_on: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines of what there is.")] = 100,
) -> None:
    """Show a log."""
    files = log_files(Paths.find())
    if which not in files:
        raise typer.BadParameter(f"{which!r} is none of {', '.join(files)}", param_hint="which")
    if not files[which].exists():
        say(f"there is no {files[which]} yet: nothing has written to it")
    for line in follow(files[which], lines, go_on=follow_on):
        show(line)
