"""What Prometheus sees: counters and histograms as things happen, gauges read when it asks.

No label is a caller's word. Names are in the style of its ecosystem: base units, counters end in ``_total``
(docs/metrics.md lists them).
"""

from collections import Counter as Counts
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from harmonic_stack import __version__
from harmonic_stack.conductor import Conductor
from harmonic_stack.energy import Energy
from harmonic_stack.query import Outcome, Report, Status
from harmonic_stack.run import Seats
from harmonic_stack.tallies import Spread, Tally
from launcher import AgentPlan, Engine
from spine import Bus, SpineError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TIERS = {1: "executive", 2: "director", 3: "specialist", 4: "heavy"}
# Seconds: from a cached first token on a fast GPU to a long answer on a CPU.
_LONG = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_FIRST = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_BETWEEN = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
# How a call ends that gave no whole draft.
_FAILED = (Status.FAILED, Status.LATE)


class Metrics:
    """All metrics of one daemon, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._labels: dict[str, Sequence[str]] = {}

        def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
            self._labels[f"harmonic_{name}"] = labels
            return Counter(f"harmonic_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
            self._labels[f"harmonic_{name}"] = labels
            return Gauge(f"harmonic_{name}", text, labels, registry=registry)

        def tally(name: str, text: str, labels: Sequence[str] = ()) -> Tally:
            self._labels[f"harmonic_{name}"] = labels
            registry.register(found := Tally(f"harmonic_{name}", text, labels))
            return found

        def spread(name: str, text: str, bounds: Sequence[float], labels: Sequence[str] = ()) -> Spread:
            self._labels[f"harmonic_{name}"] = labels
            registry.register(found := Spread(f"harmonic_{name}", text, bounds, labels))
            return found

        self._requests = tally("requests", "HTTP requests answered.", ("route", "code"))
        self._duration = spread("request_duration_seconds", "From a request to its reply's end.", _LONG, ("route",))
        self._answers = tally("answers", "Queries answered, by how.", ("mode",))
        self._first = spread("time_to_first_token_seconds", "Of an engine call, after it got its slot.", _FIRST)
        self._between = spread("inter_token_latency_seconds", "Mean of an engine call.", _BETWEEN)
        self._slot_wait = spread("slot_wait_seconds", "For which an engine call waited for its slot.", _LONG)
        self._prompt = tally("prompt_tokens", "Tokens read by the engines.")
        self._generated = tally("generation_tokens", "Tokens written by the engines.")
        self._failures = counter("agent_failures", "Engine calls that gave no whole draft.", ("agent", "reason"))
        self._points = tally("minority_points", "Points that few agents made, by what became of them.", ("fate",))
        self._spans = counter("trace_spans", "Spans for the collector: sent, lost on the way, dropped.", ("fate",))
        self._running = gauge("requests_running", "Queries under way, by the tier of the agent asked.", ("tier",))
        self._waiting = gauge("requests_waiting", "Queries in the queue, by the tier of the agent asked.", ("tier",))
        self._refused = counter("requests_refused", "Queries refused, by the limit reached.", ("limit",))
        self._slots = gauge("slots", "Slots of a tier's agents together.", ("tier", "state"))
        self._pools = gauge("pool_slots", "Slots of an engine's pool.", ("pool", "state"))
        self._healthy = gauge("engine_up", "Whether the engine's process runs.", ("engine",))
        self._restarts = counter("engine_restarts", "Restarts of the engine's process by its supervisor.", ("engine",))
        self._entries = gauge("spine_entries", "Signals on a channel.", ("channel",))
        self._dropped = counter("spine_dropped", "Signals that left a channel by a bound.", ("channel",))
        self._memory = gauge("spine_memory_bytes", "Used in the spine's store, and where it makes room.", ("of",))
        self._degraded = gauge("spine_degraded", "Whether the bus goes on without its store.")
        self._joules = counter("energy_joules", "Used while queries ran; absent if the box tells none.", ("device",))
        self._per_joule = gauge("tokens_per_joule", "Tokens written for each joule, since the start.", ("device",))
        self._busy = gauge("utilisation", "Mean of the cards while queries ran, 0 to 1, since the start.", ("device",))
        self._totals: dict[tuple[Counter, str], float] = {}  # of what others count, as last told
        gauge("build_info", "The program's version.", ("version",)).labels(__version__).set(1)

    def request(self, route: str, code: int, seconds: float) -> None:
        """One HTTP request ended; *route* is one of ours."""
        self._requests.add(1, route, str(code))
        self._duration.observe(seconds, route)

    def answered(self, report: Report) -> None:
        """One query was answered."""
        self._answers.add(1, report.mode)
        for point in report.minority:
            self._points.add(1, "kept" if point.kept else "reported")
        calls = (*report.outcomes, *([report.aggregator] if report.aggregator else []))
        self._prompt.add(sum([call.completion.prompt_tokens or 0 for call in calls]))
        self._generated.add(sum([call.completion.completion_tokens for call in calls]))
        for call in calls:
            self._call(call)

    def spans(self, fate: str, number: int) -> None:
        """What became of *number* spans; any thread may tell."""
        self._spans.labels(fate).inc(number)

    def table(self) -> str:
        """Every metric with its kind, labels and meaning, as the documents' table."""
        rows = []
        for collector in self.registry.collect():
            ending = "_total" if collector.type == "counter" else ""
            kept = self._labels.get(collector.name, ())
            labels = ", ".join(f"`{label}`" for label in kept) or "-"
            rows.append(f"| `{collector.name}{ending}` | {collector.type} | {labels} | {collector.documentation} |")
        return "\n".join(["| metric | kind | labels | meaning |", "|---|---|---|---|", *rows])

    async def exposition(
        self,
        *,
        conductor: Conductor,
        seats: Seats,
        agents: Sequence[AgentPlan],
        engines: Sequence[Engine],
        bus: Bus,
        energy: Energy,
    ) -> bytes:
        """All of it in Prometheus' text format, the gauges as they are now."""
        for limit in ("key", "depth", "age"):
            self._grown(self._refused, limit, conductor.refused[limit])
        running, waiting = conductor.running_by_tier(), conductor.waiting_by_tier()
        for tier, name in TIERS.items():
            self._running.labels(name).set(running[tier])
            self._waiting.labels(name).set(waiting[tier])
            shares = [seats.shares[agent.name] for agent in agents if agent.tier == tier]
            self._slots.labels(name, "planned").set(sum(share.slots for share in shares))
            self._slots.labels(name, "busy").set(sum(share.busy for share in shares))
        for agent in agents:
            for status in _FAILED:
                self._failures.labels(agent.name, status.value)  # 0 until one fails: a rate needs a figure before
        for pool, served in seats.pools.items():
            slots = served.slots
            for state, count in (("planned", slots.slots), ("busy", slots.busy), ("waiting", slots.waiting)):
                self._pools.labels(pool, state).set(count)
        for name in {engine.name for engine in engines}:
            self._healthy.labels(name).set(all(each.state == "ready" for each in engines if each.name == name))
        self._restarted(engines)
        self._energy(energy)
        await self._spine(bus)
        return generate_latest(self.registry)

    def _restarted(self, engines: Sequence[Engine]) -> None:
        found: Counts[str] = Counts()
        for engine in engines:
            child = getattr(engine, "child", None)  # none where the engine is another's program
            found[engine.name] += child.restarts if child is not None else 0
        for name, restarts in found.items():
            self._grown(self._restarts, name, restarts)

    def _grown(self, counter: Counter, label: str, total: float) -> None:
        """Add what *total*, counted by others, has grown by; where it began anew, nothing."""
        counter.labels(label).inc(max(total - self._totals.get((counter, label), 0.0), 0.0))
        self._totals[counter, label] = total

    def _energy(self, energy: Energy) -> None:
        """What is unknown has no sample at all: 0 would be a figure."""
        if (joules := energy.joules) is not None:
            self._grown(self._joules, energy.device, joules)
        for gauge, found in ((self._per_joule, energy.tokens_per_joule), (self._busy, energy.utilisation)):
            if found is not None:
                gauge.labels(energy.device).set(found)

    async def _spine(self, bus: Bus) -> None:
        health = bus.health()
        self._degraded.set(health.state != "ok")
        if (memory := health.memory) is not None:
            for of, size in (("used", memory.used), ("bound", memory.bound)):
                if size is not None:
                    self._memory.labels(of).set(size)
        try:
            for channel in await bus.stats():
                self._entries.labels(str(channel.channel.value)).set(channel.entries)
                self._grown(self._dropped, str(channel.channel.value), channel.dropped)
        except SpineError:  # then the gauge above says what is wrong, and these keep their last value
            return

    def _call(self, call: Outcome) -> None:
        spent = call.completion
        if call.status in _FAILED:
            self._failures.labels(call.seat.agent, call.status.value).inc()
        if call.status is not Status.OK:
            return
        self._slot_wait.observe(spent.slot_wait)
        if spent.first_token is not None:
            self._first.observe(spent.first_token)
            if spent.completion_tokens > 1:
                self._between.observe(max(spent.seconds - spent.first_token, 0.0) / (spent.completion_tokens - 1))
