"""`spine channels|read|tail`: looking into the six channels."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from harmonic_stack.cli.client import checked, daemon_client, fetch
from harmonic_stack.cli.look import AsJson
from harmonic_stack.cli.output import say, show_json, show_table

app = typer.Typer(help="Look into the six channels.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(min=0, max=5, help="The channel, 0 to 5.")]
Session = Annotated[str | None, typer.Option(help="Only this session's.")]


@app.command()
def channels(as_json: AsJson = False) -> None:
    """Show the channels: what each holds and how full it is."""
    found = fetch("/admin/spine/channels")
    if as_json:
        show_json(found)
        return
    show_table(
        ("channel", "name", "scope", "entries", "dropped", "acknowledged means", "holds"),
        [
            (c["channel"], c["name"], c["scope"], c["entries"], c["dropped"], c["acknowledged"], c["holds"])
            for c in found["channels"]
        ],
    )
    since = f" since {time.strftime('%H:%M:%S', time.localtime(found['since']))}" if found["since"] else ""
    typer.echo(f"{found['backend']}: {found['state']}{since} {found['reason']}".rstrip())


@app.command()
def read(
    channel: Number,
    session: Session = None,
    query: Annotated[str | None, typer.Option(help="Only this query's.")] = None,
    writer: Annotated[str | None, typer.Option(help="Only this writer's.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    after: Annotated[str, typer.Option(help="Only after this id.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show the signals of one channel, oldest first."""
    found = fetch(
        f"/admin/spine/channels/{channel}/signals",
        session=session,
        query=query,
        writer=writer,
        kind=kind,
        after=after,
        limit=limit,
    )
    if as_json:
        show_json(found)
        return
    for signal in found["signals"]:
        typer.echo(_line(signal))
    if found["next"]:
        say(f"more: --after {found['next']}")


@app.command()
def sessions(as_json: AsJson = False) -> None:
    """Show the sessions known, the one that spoke last first."""
    found = fetch("/admin/spine/sessions")
    if as_json:
        show_json(found)
        return
    rows = [(s["id"], _day(s["started"]), _day(s["last"]), sum(s["entries"].values())) for s in found["sessions"]]
    show_table(("session", "started", "last", "entries"), rows)


@app.command()
def forget(session: Annotated[str, typer.Argument(help="The session.")]) -> None:
    """Remove all that a session left, on every channel and in the record."""
    with daemon_client() as client:
        removed = checked(client.delete(f"/admin/spine/sessions/{session}"))["removed"]
    say(f"{removed} entries removed")


@app.command()
def export(
    target: Annotated[Path, typer.Argument(help='The file to write; "-" is stdout.')],
    session: Session = None,
) -> None:
    """Write every signal, or one session's, as JSON lines."""
    params = {"session": session} if session is not None else {}
    with daemon_client(timeout=None) as client, client.stream("GET", "/admin/spine/export", params=params) as answer:
        if not answer.is_success:
            answer.read()
            checked(answer)
        with sys.stdout if str(target) == "-" else target.open("w", encoding="utf-8") as file:
            for line in answer.iter_lines():
                file.write(line + "\n")


@app.command()
def tail(
    channel: Annotated[int | None, typer.Option(min=0, max=5, help="Only this channel.")] = None,
    session: Session = None,
    as_json: AsJson = False,
) -> None:
    """Show signals as they are written, until Ctrl-C."""
    chosen = {name: value for name, value in (("channel", channel), ("session", session)) if value is not None}
    with daemon_client(timeout=None) as client, client.stream("GET", "/admin/spine/tail", params=chosen) as answer:
        if not answer.is_success:
            answer.read()
            checked(answer)
        for line in answer.iter_lines():
            if line.startswith("data: "):
                typer.echo(line[6:] if as_json else _line(json.loads(line[6:])))


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _line(signal: dict[str, Any]) -> str:
    stamp = time.strftime("%H:%M:%S", time.localtime(signal["time"]))
    payload = f" {_short(json.dumps(signal['payload'], ensure_ascii=False), 400)}" if signal["payload"] else ""
    head = " ".join(str(signal[name]) for name in ("channel", "session", "writer", "kind"))
    return f"{signal['id']} {stamp} {head}: {_short(signal['text'], 160)}{payload}"


def _short(text: str, limit: int) -> str:
    """*text* on one line, cut at *limit* characters; --json shows all of it."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
