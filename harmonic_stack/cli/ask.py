"""`ask`: one question to the crew from the terminal."""

import json
import re
import sys
from typing import Annotated, Any

import httpx
import typer

from harmonic_stack.cli.client import checked, daemon_client
from harmonic_stack.cli.look import AsJson
from harmonic_stack.cli.output import dim, say, show_json
from harmonic_stack.errors import DaemonRefused, NotRunning

# The end of a sentence, and the longest piece that waits for one.
_SENTENCE_END = re.compile(r"[.!?\u2026:]['\")\]*_`]*$")
MOST_HELD = 240
_CLOSING = tuple(".,;:!?'\u2019)]")  # they follow the word before without a gap


def ask(
    question: Annotated[str, typer.Argument(help='The question; "-" reads it from standard input.')],
    model: Annotated[
        str, typer.Option(help="harmonic, harmonic-full, harmonic-deep, harmonic-fast, an agent, or a model.")
    ] = "harmonic",
    session: Annotated[str | None, typer.Option(help="Go on with this session.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Longest answer.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="The answer alone, without the drafts.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask the crew; the answer goes to stdout as it comes, the drafts dimmed to stderr."""
    text = sys.stdin.read() if question == "-" else question
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": text}], "stream": not as_json}
    if max_tokens is not None:
        body["max_tokens"] = max_tokens
    headers = {"x-session-id": session} if session is not None else {}
    with daemon_client(timeout=None) as client:
        if as_json:
            show_json(checked(client.post("/v1/chat/completions", json=body, headers=headers)))
            return
        stream_answer(client, body, headers, quiet=quiet)


def stream_answer(client: httpx.Client, body: dict[str, Any], headers: dict[str, str], *, quiet: bool) -> None:
    """Ask, and show the answer on stdout as it comes; unless *quiet*, the drafts and the report on stderr.

    Raises:
        DaemonRefused: the daemon answered with an error, at once or in the middle.
        NotRunning: it went away.
    """
    try:
        with client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
            if not answer.is_success:
                answer.read()
                checked(answer)
            drafts = Drafts()
            for line in answer.iter_lines():
                if line.startswith("data: {"):
                    _show(json.loads(line[6:]), drafts, quiet=quiet)
    except httpx.TransportError as error:
        say(f"the daemon does not answer: {error}")
        raise NotRunning from error


class Drafts:
    """Pieces of drafts put together again: agents write at the same time, a person reads sentence after sentence."""

    def __init__(self) -> None:
        self._open: dict[str, str] = {}

    def take(self, text: str) -> list[str]:
        """The sentences that are whole with these pieces (lines of "agent: piece"), each after its agent's name."""
        whole = []
        for line in text.splitlines():
            agent, _, piece = line.partition(": ")
            gap = "" if piece.startswith(_CLOSING) else " "
            said = self._open[agent] = f"{self._open.get(agent, '')}{gap}{piece}".strip()
            if _SENTENCE_END.search(said) or len(said) > MOST_HELD:
                whole.append(f"{agent}: {self._open.pop(agent)}")
        return whole

    def rest(self) -> list[str]:
        """What was begun and not ended."""
        left = [f"{agent}: {text}" for agent, text in self._open.items() if text]
        self._open.clear()
        return left


def _show(chunk: dict[str, Any], drafts: Drafts, *, quiet: bool) -> None:
    """One chunk: drafts and the report are talk, the answer is data."""
    if "error" in chunk:
        typer.echo()
        raise DaemonRefused(200, str(chunk["error"]["message"]))
    choice = chunk["choices"][0]
    delta = choice["delta"]
    if delta.get("content"):
        typer.echo(delta["content"], nl=False)
        sys.stdout.flush()
    if delta.get("reasoning_content") and not quiet:
        for line in drafts.take(delta["reasoning_content"]):
            say(dim(line))
    if choice["finish_reason"]:
        typer.echo()
        if not quiet:
            for line in [*drafts.rest(), *_told(chunk["harmonic"])]:
                say(dim(line))


def _told(report: dict[str, Any]) -> list[str]:
    """The report: what few agents said and the answer does not hold, then who answered and how they agreed."""
    rivals = [
        f"[{point['agent']} said {point['text']!r}" + (f", {point['votes']} votes]" if point["votes"] else "]")
        for point in report["minority"]
        if not point["kept"]
    ]
    return [*rivals, _summary(report)]


def _summary(report: dict[str, Any]) -> str:
    agents = ", ".join(f"{_seat(agent)} {agent['status']}" for agent in report["agents"])
    agreement = report["agreement"]
    vote = ""
    if agreement:
        vote = f"; {agreement['votes']} of {agreement['asked']} agree (right in about {agreement['confidence']:.0%})"
    return f"[{report['mode']}: {agents}{vote}; {report['query']}]"


def _seat(agent: dict[str, Any]) -> str:
    return f"{agent['name']}#{agent['sample']}" if agent["sample"] else str(agent["name"])
