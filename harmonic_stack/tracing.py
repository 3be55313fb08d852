"""What one query did and when, written down for a collector of traces: names and figures, never a caller's words.

Nothing here knows OpenTelemetry. A query that is recorded keeps a few values for each engine call; once it has ended
they are told all at once (``otlp.py``), so that tracing adds nothing to a token's way. Not recorded is the default.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

from harmonic_stack.config import Telemetry
from harmonic_stack.errors import EngineStreamFailed, TracesMissing
from harmonic_stack.problems import problem_of
from harmonic_stack.query import Completion, Mode, Outcome, Query, Report, Seat, Status

Role = Literal["answer", "facts", "draft", "aggregator", "judge"]
CallStatus = Literal["ok", "failed", "late", "skipped", "cancelled"]
# What became of spans: a number of them, and the word for it.
Count = Callable[[str, int], None]
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]{1,64})?")
# Engines may say anything here, so what is not known is told as "other".
FINISHES = frozenset({"stop", "length", "tool_calls", "content_filter"})
# Of a request's parameters the figures alone: "stop" and a schema are a caller's words.
FIGURES = ("temperature", "top_p", "max_tokens", "frequency_penalty", "presence_penalty", "seed")
MOST = 2**53  # an engine may report any number of tokens; collectors take 64 bits


@dataclass(frozen=True, slots=True)
class Parent:
    """A client's own span, which a query's becomes a child of."""

    trace: int
    span: int
    sampled: bool


def parent_of(headers: Iterable[tuple[bytes, bytes]]) -> Parent | None:
    """The span that the header ``traceparent`` names (W3C Trace Context, level 1); None without one good header.

    >>> parent_of([(b"traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")]).sampled
    True
    """
    found = [value for name, value in headers if name == b"traceparent"]
    match = _TRACEPARENT.fullmatch(found[0].decode("latin-1")) if len(found) == 1 else None
    if match is None or match[1] == "ff" or (match[1] == "00" and match[5]):
        return None
    trace, span = int(match[2], 16), int(match[3], 16)
    return Parent(trace, span, sampled=bool(int(match[4], 16) & 1)) if trace and span else None


@dataclass(slots=True)
class Phase:
    """A part of a query's life; times in nanoseconds since the epoch."""

    name: str
    begun: int
    ended: int = 0


@dataclass(slots=True)
class Call:
    """One engine call: whose, of which model, and what it cost. It holds no text.

    ``slot_wait`` and ``first_token`` are in seconds; ``fault`` is the kind of an error, never its message.
    """

    seat: Seat
    role: Role
    agent: str | None
    operation: Literal["chat", "text_completion"]
    model: str
    engine: str
    figures: Mapping[str, float]
    phase: Phase | None
    begun: int
    ended: int = 0
    status: CallStatus = "ok"
    fault: str = ""
    http_status: int | None = None
    slot_wait: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    first_token: float | None = None
    finish: str | None = None

    def spent(self, completion: Completion) -> None:
        """Take the figures of *completion*, and leave its text."""
        self.prompt_tokens = completion.prompt_tokens
        self.completion_tokens = completion.completion_tokens
        self.first_token = completion.first_token
        self.finish = finish_of(completion.finish)


class Recording:
    """One query as it is told to a collector."""

    def __init__(self, query: Query, parent: Parent | None) -> None:
        self.query, self.parent = query, parent
        self.phases: list[Phase] = []
        self.calls: list[Call] = []
        self.report: Report | None = None
        self.status: Literal["ok", "failed", "cancelled"] = "ok"
        self.fault = ""
        self.admitted: int | None = None  # when it was let in, after the queue
        # The wall's clock may be set while a query runs: it is read once.
        self._offset = time.time_ns() - time.perf_counter_ns()
        self._phase: Phase | None = None
        self.begun, self.ended = self.now(), 0

    def now(self) -> int:
        """Nanoseconds since the epoch, by a clock that nobody sets."""
        return time.perf_counter_ns() + self._offset

    def phase(self, name: str) -> None:
        """End the phase that is under way and begin *name*; "" begins none."""
        now = self.now()
        if self._phase is not None:
            self._phase.ended = now
        self._phase = Phase(name, now) if name else None
        if self._phase is not None:
            self.phases.append(self._phase)

    @contextmanager
    def call(self, seat: Seat, *, model: str, engine: str, parameters: Mapping[str, Any], raw: bool) -> Iterator[Call]:
        """Record one engine call, from the wait for a slot to its end, however that comes."""
        figures = {name: parameters[name] for name in FIGURES if name in parameters}
        operation: Literal["chat", "text_completion"] = "text_completion" if raw else "chat"
        role = self._role(seat)
        nobody = role in ("aggregator", "judge") or self.query.mode is Mode.MODEL
        call = Call(
            seat, role, None if nobody else seat.agent, operation, model, engine, figures, self._phase, self.now()
        )
        self.calls.append(call)
        try:
            yield call
        except asyncio.CancelledError:
            call.status = "cancelled"
            raise
        except EngineStreamFailed as error:
            call.status, call.fault, call.http_status = "failed", error.reason.name.lower(), error.status
            raise
        except Exception:
            call.status, call.fault = "failed", "_OTHER"
            raise
        finally:
            call.ended = self.now()

    def end(self, error: BaseException | None) -> None:
        """Write down how it all ended; nothing changes after that."""
        self.phase("")
        self.ended = self.now()
        if isinstance(error, asyncio.CancelledError):
            self.status = "cancelled"
        elif error is not None:
            self.status, self.fault = "failed", problem_of(error).code
        outcomes = {outcome.seat: outcome for outcome in self.report.outcomes} if self.report is not None else {}
        for call in self.calls:
            if not call.ended:  # its task was let go and has not run since
                call.ended, call.status = self.ended, "cancelled"
            if call.slot_wait is None:  # it never got one
                call.slot_wait = (call.ended - call.begun) / 1e9
            _settle(call, outcomes.get(call.seat))

    def _role(self, seat: Seat) -> Role:
        if not self.query.mode.merges:
            return "answer"
        phase = "" if self._phase is None else self._phase.name
        if phase == "merge":  # a crew may have agents of these names, but they do not draft any more
            return "judge" if seat.agent == "judge" else "aggregator"
        return "facts" if phase == "facts" else "draft"


Tell = Callable[[Recording], None]


def begins(recording: Recording | None, phase: str) -> None:
    """Begin a phase of the query, where it is recorded; "" ends the one under way."""
    if recording is not None:
        recording.phase(phase)


def finish_of(word: str) -> str:
    """Why a model stopped, in words of ours alone."""
    return word if word in FINISHES else "other"


@contextmanager
def recorded(query: Query, parent: Parent | None, tell: Tell) -> Iterator[Recording]:
    """Record *query* until the block ends, then *tell* it: in the loop's next turn, once its end is on its way out."""
    recording = Recording(query, parent)
    failure: BaseException | None = None
    try:
        yield recording
    except BaseException as error:
        failure = error
        raise
    finally:
        recording.end(failure)
        asyncio.get_running_loop().call_soon(tell, recording)


def open_traces(settings: Telemetry, count: Count) -> AbstractAsyncContextManager[Tell | None]:
    """What recordings are told to while the context is entered; None where no collector is configured.

    Raises:
        TracesMissing: one is configured, and what speaks to it is not installed.
    """
    if not settings.otlp:
        return nullcontext()
    try:
        from harmonic_stack.otlp import Collector
    except ImportError as error:
        raise TracesMissing(settings.otlp, error.name or "opentelemetry") from error

    @asynccontextmanager
    async def collecting() -> AsyncIterator[Tell]:
        collector = Collector(settings, count)
        try:
            yield collector.tell
        finally:
            await asyncio.to_thread(collector.close)

    return collecting()


def _settle(call: Call, outcome: Outcome | None) -> None:
    """What the fan-out made of a call: only it knows late from skipped, and an empty draft from a good one."""
    if outcome is None or outcome.status is Status.OK:
        return
    if call.status == "ok":
        if outcome.status is Status.FAILED:
            call.status, call.fault = "failed", "empty"
        return
    if call.status == "cancelled":
        call.status = "late" if outcome.status is Status.LATE else "skipped"
        call.fault = "late" if outcome.status is Status.LATE else ""
    call.completion_tokens = outcome.completion.completion_tokens
