"""`remember`: a text that every later session may be reminded of."""

import sys
from typing import Annotated

import typer

from harmonic_stack.cli.client import checked, daemon_client
from harmonic_stack.cli.output import say


def remember(
    text: Annotated[str, typer.Argument(help='What to remember; "-" reads it from standard input.')],
    session: Annotated[str, typer.Option(help="In whose name.")] = "owner",
) -> None:
    """Keep a text on channel 2, across sessions; returns once it is committed on disk."""
    said = sys.stdin.read() if text == "-" else text
    with daemon_client() as client:
        kept = checked(client.post("/admin/spine/channels/2/signals", json={"text": said, "session": session}))
    say(f"remembered as {kept['id']}")
