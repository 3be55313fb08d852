"""`spine channels|read|tail|export|import|forget`: the six channels from the command line."""

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from harmonic_stack.cli.client import checked, daemon_client, fetch, lines_of
from harmonic_stack.cli.look import AsJson, memory_lines
from harmonic_stack.cli.output import say, show, show_json, show_table

app = typer.Typer(help="Look into the six channels.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(min=0, max=5, help="The channel, 0 to 5.")]
Session = Annotated[str | None, typer.Option(help="Only this session's.")]
Query = Annotated[str | None, typer.Option(help="Only this query's.")]
Writer = Annotated[str | None, typer.Option(help="Only this writer's.")]
Kind = Annotated[str | None, typer.Option(help="Only of this kind.")]

PART = 16_000_000  # bytes of a file that are sent at a time


@app.command()
def channels(as_json: AsJson = False) -> None:
    """Show the channels: what each holds and how full it is."""
    found = fetch("/admin/spine/channels")
    if as_json:
        show_json(found)
        return
    show_table(
        ("channel", "name", "state", "scope", "entries", "dropped", "keeps", "acknowledged means", "holds"),
        [
            (
                *(c[name] for name in ("channel", "name", "state", "scope", "entries", "dropped")),
                _keeps(**c["keeps"]),
                *(c[name] for name in ("acknowledged", "holds")),
            )
            for c in found["channels"]
        ],
    )
    since = f" since {time.strftime('%H:%M:%S', time.localtime(found['since']))}" if found["since"] else ""
    typer.echo(f"{found['backend']}: {found['state']}{since} {found['reason']}".rstrip())
    for line in memory_lines(found["memory"]):
        typer.echo(line)


@app.command()
def read(
    channel: Number,
    session: Session = None,
    query: Query = None,
    writer: Writer = None,
    kind: Kind = None,
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
        show(_line(signal))
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
def forget(
    session: Annotated[str | None, typer.Argument(help="The session.")] = None,
    signal: Annotated[str | None, typer.Option(help="Remove this one signal instead, by its id.")] = None,
    channel: Annotated[int | None, typer.Option(min=0, max=5, help="Its channel, where several share the id.")] = None,
) -> None:
    """Remove all that a session left, or one signal, on every channel and in the record."""
    if signal is None and (session is None or channel is not None):
        raise typer.BadParameter("name a session, or a signal with --signal")
    with daemon_client() as client:
        if signal is None:
            removed = checked(client.delete(f"/admin/spine/sessions/{session}"))["removed"]
            say(f"{removed} entries removed")
            return
        given = {"channel": channel, "session": session}
        chosen = {name: value for name, value in given.items() if value is not None}
        found = checked(client.delete(f"/admin/spine/signals/{signal}", params=chosen))
    say(f"{found['id']} removed from channel {found['channel']}")


@app.command("import")
def import_(source: Annotated[Path, typer.Argument(help='The file to read; "-" is stdin.')]) -> None:
    """Put signals back as export wrote them, under their own ids; a second time changes nothing."""
    counts: Counter[str] = Counter()
    lines = 0
    with sys.stdin.buffer if str(source) == "-" else source.open("rb") as file, daemon_client(timeout=None) as client:
        while part := file.readlines(PART):
            headers = {"content-type": "application/x-ndjson"}
            done = checked(client.post("/admin/spine/import", content=b"".join(part), headers=headers))
            for refusal in done["refusals"]:
                say(f"line {lines + refusal['line']} refused: {refusal['message']}")
            lines += len(part)
            counts.update({name: done[name] for name in ("imported", "duplicates", "beyond_bound", "refused")})
    say(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()))
    if counts["refused"]:
        raise typer.Exit(1)


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
            for line in lines_of(answer):
                file.write(line + "\n")


@app.command()
def tail(
    channel: Annotated[int | None, typer.Option(min=0, max=5, help="Only this channel.")] = None,
    session: Session = None,
    query: Query = None,
    writer: Writer = None,
    kind: Kind = None,
    after: Annotated[str, typer.Option(help="First what came after this id, or after an earlier tail's end.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show signals as they are written, until Ctrl-C; says then where it ended."""
    given = {"channel": channel, "session": session, "query": query, "writer": writer, "kind": kind, "after": after}
    chosen = {name: value for name, value in given.items() if value not in (None, "")}
    end = ""
    try:
        with daemon_client(timeout=None) as client, client.stream("GET", "/admin/spine/tail", params=chosen) as answer:
            if not answer.is_success:
                answer.read()
                checked(answer)
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    end = line[4:]
                elif line.startswith("data: "):
                    show(line[6:] if as_json else _line(json.loads(line[6:])))
    finally:
        if end:
            say(f"to go on: --after {end}")


def _keeps(entries: int | None, seconds: float | None) -> str:
    """What a channel keeps, in a few words."""
    bounds = [f"{entries:,} entries"] if entries is not None else []
    if seconds is not None:
        bounds.append(f"{seconds / 86_400:g} d" if seconds >= 86_400 else f"{seconds / 60:g} min")
    return ", ".join(bounds) or "all"


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
