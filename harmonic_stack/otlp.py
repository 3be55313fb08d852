"""Recordings become OpenTelemetry spans, in the names of its conventions for generative AI, and go out over OTLP.

The names are those of semantic-conventions-genai 0.1.0, whose status is "development": they may still change.

The only file that imports OpenTelemetry, and only where a collector is configured. No global provider is set: libraries
that find one make spans of their own, with paths and queries in them.
"""

import logging
import re
import threading
from collections.abc import Mapping, Sequence

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from harmonic_stack import __version__
from harmonic_stack.config import Telemetry
from harmonic_stack.query import Mode, Query, Report, Status
from harmonic_stack.tracing import MOST, Call, Count, Parent, Recording, finish_of

log = logging.getLogger(__name__)
PATH = "/v1/traces"
# Spans in one request. Encoding one takes some 70 us, in which no token moves: a thread shares the interpreter.
BATCH = 64
FLUSH_SECONDS = 3.0  # that a stop waits for the collector at most
PROVIDER = "harmonic_stack"
# What an engine is called in spans: those behind an OpenAI-compatible URL do not say what they are.
ENGINES: Mapping[str, str] = {"embedded": "llama_cpp", "ollama": "ollama", "openai": "openai_compatible"}
# A session that we named ourselves; other names are callers' words.
_OWN_SESSION = re.compile(r"s-[0-9a-f]{16}")

Value = str | bool | int | float | Sequence[str]


class Counted(SpanExporter):
    """An exporter that counts what became of its spans, and says once that a collector takes none."""

    def __init__(self, exporter: SpanExporter, address: str, count: Count) -> None:
        self._exporter, self._address, self._count = exporter, address, count
        self.done = 0  # spans that wait no more; written by the exporting thread alone
        self._ended = False
        self.fine = True  # whether the newest batch was taken

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; one that is not taken is lost."""
        try:
            result = self._exporter.export(spans)
        except Exception:
            log.exception("a batch of spans could not be sent")
            result = SpanExportResult.FAILURE
        self.done += len(spans)
        fine = result is SpanExportResult.SUCCESS
        self._count("sent" if fine else "lost", len(spans))
        if fine is not self.fine:
            self.fine = fine
            told = "the collector takes traces again" if fine else "the collector takes no traces; they are dropped"
            log.log(logging.INFO if fine else logging.WARNING, told, extra={"address": self._address})
        return result

    def shutdown(self) -> None:
        """Break off what is tried again, and send nothing more."""
        if not self._ended:
            self._ended = True
            self._exporter.shutdown()


class Bounded(BatchSpanProcessor):
    """A batch processor that drops the newest spans, counted, where as many wait as may."""

    def __init__(self, exporter: Counted, count: Count, *, queue: int, seconds: float) -> None:
        super().__init__(
            exporter,
            max_queue_size=queue,
            schedule_delay_millis=seconds * 1e3,
            max_export_batch_size=min(BATCH, queue),
        )
        self._exporter, self._count, self._queue = exporter, count, queue
        self._taken = 0

    def on_end(self, span: ReadableSpan) -> None:
        """Queue *span*; never waits."""
        if self._taken - self._exporter.done >= self._queue:
            self._count("dropped", 1)
            return
        self._taken += 1
        super().on_end(span)


class Collector:
    """Where recordings go: a collector that takes OTLP over HTTP."""

    def __init__(self, settings: Telemetry, count: Count) -> None:
        """*count* is told what became of spans: "sent", "lost" on the way, or "dropped" from a full queue."""
        session = requests.Session()
        session.trust_env = False  # no proxy and no .netrc of the environment
        session.hooks["response"].append(_refuse_redirect)
        # The exporter tells each batch that fails; Counted tells the change.
        logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter").setLevel(logging.CRITICAL)
        exporter = OTLPSpanExporter(endpoint_of(settings.otlp), session=session)
        self._exporter = Counted(exporter, settings.otlp, count)
        own = Resource.create({"service.name": "harmonic-stack", "service.version": __version__})
        self._provider = TracerProvider(resource=own.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
        self._provider.add_span_processor(
            Bounded(self._exporter, count, queue=settings.queue, seconds=settings.seconds)
        )
        self._tracer = self._provider.get_tracer("harmonic_stack", __version__)

    def tell(self, recording: Recording) -> None:
        """Make the spans of a recording, and leave them to be sent; never waits and never raises."""
        try:
            self._tell(recording)
        except Exception:
            log.exception("a trace could not be told")

    def close(self) -> None:
        """Send what waits, for ``FLUSH_SECONDS`` at most. Blocks: call it in a thread."""
        if not self._exporter.fine:
            self._exporter.shutdown()  # it would be tried again and again
        # In a thread that may be left behind: the processor's own limit is 30 s.
        flushing = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        flushing.start()
        flushing.join(FLUSH_SECONDS)
        if flushing.is_alive():
            log.warning("traces were left unsent", extra={"seconds": FLUSH_SECONDS})
            self._exporter.shutdown()  # ends its waiting

    def _tell(self, recording: Recording) -> None:
        query = recording.query
        root = self._tracer.start_span(
            name_of(query),
            set_span_in_context(_remote(recording.parent)),
            SpanKind.SERVER,
            root_attributes(recording),
            start_time=recording.begun,
        )
        if not root.is_recording():  # the client, or the sampler, wants none of it
            return
        inside = set_span_in_context(root)
        phases = [
            self._tracer.start_span(phase.name, inside, SpanKind.INTERNAL, start_time=phase.begun)
            for phase in recording.phases
        ]
        for call in recording.calls:
            at = next((place for place, phase in enumerate(recording.phases) if phase is call.phase), None)
            span = self._tracer.start_span(
                f"{call.operation} {call.model}",
                inside if at is None else set_span_in_context(phases[at]),
                SpanKind.CLIENT,
                call_attributes(call),
                start_time=call.begun,
            )
            _end(span, call.fault if call.status in ("failed", "late") else "", call.ended)
        for span, phase in zip(phases, recording.phases, strict=True):
            span.end(phase.ended)
        _end(root, recording.fault, recording.ended)


def endpoint_of(base: str) -> str:
    """Where spans are posted to.

    >>> endpoint_of("http://127.0.0.1:4318/")
    'http://127.0.0.1:4318/v1/traces'
    """
    return base.rstrip("/").removesuffix(PATH) + PATH


def name_of(query: Query) -> str:
    """A query's span's name: the crew is a workflow, an agent is invoked, a model is asked."""
    return f"{operation_of(query)} {_agent(query) or query.model}"


def operation_of(query: Query) -> str:
    """What the conventions call a query."""
    if query.mode.merges:
        return "invoke_workflow"
    if query.mode is not Mode.MODEL:
        return "invoke_agent"
    return "text_completion" if query.prompts else "chat"


def root_attributes(recording: Recording) -> dict[str, Value]:
    """What is told of a whole query."""
    query, report = recording.query, recording.report
    agent = _agent(query)
    found: dict[str, Value | None] = {
        "gen_ai.operation.name": operation_of(query),
        "gen_ai.provider.name": PROVIDER if agent is None else None,
        "gen_ai.request.model": query.model,
        "gen_ai.agent.name": agent,
        "gen_ai.conversation.id": query.session if _OWN_SESSION.fullmatch(query.session) else None,
        "gen_ai.request.choice.count": query.choices if query.choices != 1 else None,
        "error.type": recording.fault or None,
        "harmonic.query": query.id,
        "harmonic.status": recording.status,
        "harmonic.tools": query.tools is not None,
    }
    if recording.admitted is not None:
        found["harmonic.queue_wait"] = (recording.admitted - recording.begun) / 1e9
    return _known(found | (report_attributes(report) if report is not None else {}))


def report_attributes(report: Report) -> dict[str, Value | None]:
    """What the report adds, in figures. Tokens have names of ours here, since each call's span has them already."""
    calls = [*report.outcomes, *([report.aggregator] if report.aggregator is not None else [])]
    agreement, checked = report.agreement, report.checked
    return {
        "gen_ai.response.finish_reasons": [finish_of(word) for word in report.finishes or (report.finish,)],
        "harmonic.mode": report.mode,
        "harmonic.drafts": len(report.outcomes),
        "harmonic.drafts_ok": sum(outcome.status is Status.OK for outcome in report.outcomes),
        "harmonic.input_tokens": _figure(sum(call.completion.prompt_tokens or 0 for call in calls)),
        "harmonic.output_tokens": _figure(sum(call.completion.completion_tokens for call in calls)),
        "harmonic.votes": agreement.votes if agreement is not None else None,
        "harmonic.asked": agreement.asked if agreement is not None else None,
        "harmonic.confidence": agreement.confidence if agreement is not None else None,
        "harmonic.minority": len(report.minority),
        "harmonic.minority_kept": sum(point.kept for point in report.minority),
        "harmonic.coverage": report.coverage,
        "harmonic.puzzle_settled": checked.settled if checked is not None else None,
        "harmonic.joules": report.joules,
    }


def call_attributes(call: Call) -> dict[str, Value]:
    """What is told of an engine call."""
    seat = call.seat
    return _known(
        {
            "gen_ai.operation.name": call.operation,
            "gen_ai.provider.name": ENGINES.get(call.engine, call.engine),
            "gen_ai.request.model": call.model,
            "gen_ai.request.stream": True,
            "gen_ai.agent.name": call.agent,
            **{f"gen_ai.request.{name}": value for name, value in call.figures.items()},
            "gen_ai.response.finish_reasons": None if call.finish is None else [call.finish],
            "gen_ai.response.time_to_first_chunk": call.first_token,
            "gen_ai.usage.input_tokens": _figure(call.prompt_tokens),
            "gen_ai.usage.output_tokens": _figure(call.completion_tokens),
            "http.response.status_code": call.http_status,
            "error.type": call.fault or None,
            "harmonic.role": call.role,
            "harmonic.status": call.status,
            "harmonic.place": seat.place,
            "harmonic.sample": seat.sample,
            "harmonic.slot_wait": call.slot_wait,
        }
    )


def _agent(query: Query) -> str | None:
    """Who answers: the crew by the model's name, one agent, or nobody but the model."""
    if query.mode.merges:
        return query.model
    return None if query.mode is Mode.MODEL else query.agent


def _refuse_redirect(response: requests.Response, *_: object, **__: object) -> None:
    """Fail where the exporter would not: it follows no redirect, and takes one for a success."""
    if 300 <= response.status_code < 400:
        response.close()
        raise requests.HTTPError(f"redirected with {response.status_code}")


def _known(found: Mapping[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in found.items() if value is not None}


def _figure(number: int | None) -> int | None:
    """A number as a collector takes it, whatever an engine said."""
    return None if number is None else min(max(number, 0), MOST)


def _remote(parent: Parent | None) -> Span:
    if parent is None:
        return INVALID_SPAN
    flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
    return NonRecordingSpan(SpanContext(parent.trace, parent.span, is_remote=True, trace_flags=flags))


def _end(span: Span, fault: str, ended: int) -> None:
    if fault:
        span.set_status(StatusCode.ERROR)  # without words: a message may hold what an engine or a caller said
    span.end(ended)
