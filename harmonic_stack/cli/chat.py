"""`chat`: a conversation with the crew in the terminal, kept by the stack under the session's name."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

import typer

from harmonic_stack.cli.ask import stream_answer
from harmonic_stack.cli.client import daemon_client, fetch
from harmonic_stack.cli.output import explain, say, show, whisper
from harmonic_stack.errors import HarmonicError

HELP = """\
/new            begin a new session
/session NAME   go on with a session; without a name, tell this one's
/history        show this session's turns
/model NAME     ask another model or agent; without a name, tell which
/drafts         show or hide the drafts
/quit           leave (Ctrl-D does too); the session is kept"""
PAGE = 1000


@dataclass
class Talk:
    """One conversation: with whom, under which name, whether drafts are shown, and how the last question ended."""

    model: str
    session: str
    quiet: bool
    code: int = 0  # the exit code of the last question


def chat(
    model: Annotated[str, typer.Option(help="harmonic, harmonic-full, an agent, or a model.")] = "harmonic",
    session: Annotated[str | None, typer.Option(help="Go on with this session.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="The answers alone, without the drafts.")] = False,
) -> None:
    """Talk with the crew: answers as they come, drafts dimmed above them. The stack remembers the session."""
    talk = Talk(model, session or _fresh_name(), quiet)
    fetch("/admin/status")  # a stack that does not run is told now, not after the first question
    whisper(f"session {talk.session}, {talk.model}; /help tells the commands")
    for line in _lines():
        if line.startswith("/"):
            if not _command(talk, line):
                break
        elif line:
            _ask(talk, line)
    if talk.code and not sys.stdin.isatty():  # a person has seen it
        raise typer.Exit(talk.code)


def _ask(talk: Talk, text: str) -> None:
    """One turn. A failure is told and the conversation goes on; Ctrl-C ends the answer, not the conversation."""
    body = {"model": talk.model, "messages": [{"role": "user", "content": text}], "stream": True}
    try:
        with daemon_client(timeout=None) as client:
            stream_answer(client, body, {"x-session-id": talk.session}, quiet=talk.quiet)
        talk.code = 0
    except HarmonicError as error:
        talk.code = explain(error)
    except KeyboardInterrupt:
        whisper("[stopped]")


def _command(talk: Talk, line: str) -> bool:
    """Carry out a command; False ends the conversation."""
    word, _, rest = line[1:].partition(" ")
    rest = rest.strip()
    if word in ("quit", "exit"):
        return False
    if word == "new":
        talk.session = _fresh_name()
        whisper(f"session {talk.session}")
    elif word == "session":
        talk.session = rest or talk.session
        whisper(f"session {talk.session}")
    elif word == "model":
        talk.model = rest or talk.model
        whisper(f"model {talk.model}")
    elif word == "drafts":
        talk.quiet = not talk.quiet
        whisper(f"drafts {'hidden' if talk.quiet else 'shown'}")
    elif word == "history":
        _history(talk.session)
    else:
        say(HELP)
    return True


def _history(session: str) -> None:
    try:
        found = fetch("/admin/spine/channels/1/signals", session=session, kind="turn", limit=PAGE)["signals"]
    except HarmonicError as error:
        explain(error)
        return
    for turn in found:
        show(f"> {(turn['payload'] or {}).get('question', '')}\n{turn['text']}\n")
    if not found:
        whisper("nothing has been said yet")


def _lines() -> Iterator[str]:
    """What the person types, line by line, until the end of input."""
    on_terminal = sys.stdin.isatty()
    prompt = "> " if on_terminal and sys.stdout.isatty() else ""
    if on_terminal:
        with suppress(ImportError):  # line editing and the arrow keys, where Python has them
            import readline  # noqa: F401
    while True:
        try:
            yield input(prompt).strip()
        except EOFError:
            return
        except KeyboardInterrupt:
            say("")


def _fresh_name() -> str:
    return f"chat-{secrets.token_hex(4)}"
