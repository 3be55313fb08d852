"""`ask`: one question to the crew from the terminal."""

import json
import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import httpx
import typer

from harmonic_stack.cli.client import checked, daemon_client, lines_of
from harmonic_stack.cli.look import AsJson
from harmonic_stack.cli.output import say, show, show_json, whisper
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
    shown = Shown(quiet=quiet, apart=not sys.stdout.isatty())
    try:
        with client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
            if not answer.is_success:
                answer.read()
                checked(answer)
            for line in lines_of(answer):
                if line.startswith("data: {"):
                    shown.take(json.loads(line[6:]))
    except httpx.TransportError as error:
        shown.end_line()
        say(f"the daemon does not answer: {error}")
        raise NotRunning from error
    finally:
        shown.end_line()


class Drafts:
    """Pieces of drafts put together again: agents write at the same time, a person reads sentence after sentence."""

    def __init__(self) -> None:
        self._open: dict[str, str] = {}

    def take(self, agent: str, piece: str) -> list[str]:
        """What is whole with this piece of an agent's draft, after its name."""
        gap = "" if piece.startswith(_CLOSING) else " "
        said = self._open[agent] = f"{self._open.get(agent, '')}{gap}{piece}".strip()
        if _SENTENCE_END.search(said) or len(said) > MOST_HELD:
            return [f"{agent}: {self._open.pop(agent)}"]
        return []

    def rest(self) -> list[str]:
        """What was begun and not ended."""
        left = [f"{agent}: {text}" for agent, text in self._open.items() if text]
        self._open.clear()
        return left


class Shown:
    """One streamed answer on its way to a person: drafts and the report are talk, the answer is data.

    Drafts stand above the answer. What agents still write once it has begun is told below it, since it would break into
    its lines; at once where the answer goes elsewhere (*apart*).
    """

    def __init__(self, *, quiet: bool, apart: bool) -> None:
        self._quiet, self._apart = quiet, apart
        self._drafts = Drafts()
        self._later: list[str] = []
        self._begun = self._line_open = False

    def take(self, chunk: dict[str, Any]) -> None:
        """Show one chunk.

        Raises:
            DaemonRefused: it tells of a failure.
        """
        if "error" in chunk:
            self.end_line()
            raise DaemonRefused(200, str(chunk["error"]["message"]))
        choice = chunk["choices"][0]
        delta = choice["delta"]
        if delta.get("content"):
            self._answer(delta["content"])
        if delta.get("reasoning_content") and not self._quiet:
            agent = _seat(chunk["harmonic"]["agent"], chunk["harmonic"]["sample"])
            lines = self._drafts.take(agent, delta["reasoning_content"].removeprefix(f"{agent}:").strip())
            if self._begun and not self._apart:
                self._later += lines
            else:
                _tell(lines)
        if choice["finish_reason"]:
            self.end_line()
            if not self._quiet:
                _tell([*self._later, *self._drafts.rest(), *_told(chunk["harmonic"])])

    def end_line(self) -> None:
        """End a line of the answer that is open."""
        if self._line_open:
            show("")
        self._line_open = False

    def _answer(self, text: str) -> None:
        if not self._begun and not self._quiet:
            _tell(self._drafts.rest())
        self._begun = self._line_open = True
        show(text, end="")


def _tell(lines: Sequence[str]) -> None:
    for line in lines:
        whisper(line)


def _told(report: dict[str, Any]) -> list[str]:
    """The report: what few agents said and the answer does not hold, then who answered and how they agreed."""
    rivals = [
        f"[{point['agent']} said {point['text']!r}" + (f", {_counted(point['votes'])}]" if point["votes"] else "]")
        for point in report["minority"]
        if not point["kept"]
    ]
    return [*rivals, _summary(report)]


def _counted(votes: int) -> str:
    return "1 vote" if votes == 1 else f"{votes} votes"


def _summary(report: dict[str, Any]) -> str:
    agents = ", ".join(f"{_seat(agent['name'], agent['sample'])} {agent['status']}" for agent in report["agents"])
    agreement = report["agreement"]
    vote = ""
    if agreement:
        vote = f"; {agreement['votes']} of {agreement['asked']} agree (right in about {agreement['confidence']:.0%})"
    return f"[{report['mode']}: {agents}{vote}; {report['query']}]"


def _seat(name: str, sample: int) -> str:
    return f"{name}#{sample}" if sample else name
