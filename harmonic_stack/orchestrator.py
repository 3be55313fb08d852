"""The life of one query: route, recall, propose, share, harmonize, stream. Read this first."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from harmonic_stack.answer.closed import deliver, hold_vote, rivals, stopping_of
from harmonic_stack.answer.deep import holders_of, pool_facts, second_wave
from harmonic_stack.answer.grid_puzzle import PuzzleSolver, told
from harmonic_stack.answer.judge import settle_tie
from harmonic_stack.answer.live_answer import LiveAnswer
from harmonic_stack.answer.minority_report import append_minority
from harmonic_stack.answer.open_question import aggregate, base_live, stand_in
from harmonic_stack.answer.report import refuse_if_empty, report_of
from harmonic_stack.answer.single import answer_single
from harmonic_stack.answer.tools import answer_with_tools
from harmonic_stack.bridge import Bridge
from harmonic_stack.chat_client import ChatCall
from harmonic_stack.conductor import Conductor
from harmonic_stack.config import Config
from harmonic_stack.crew import Crew
from harmonic_stack.energy import Energy, Share
from harmonic_stack.errors import ModelNotFound
from harmonic_stack.examining import Examining
from harmonic_stack.fanout import propose_all
from harmonic_stack.knowledge.index import Knowledge
from harmonic_stack.live import LiveDrafts
from harmonic_stack.outcomes import Outcomes
from harmonic_stack.prompts import Context, calls_told
from harmonic_stack.query import DraftDelta, Mode, Outcome, Query, Report, Seat, Status
from harmonic_stack.routing import Route, Router, seats_beside, seats_for
from harmonic_stack.run import Put, Run, Seats
from harmonic_stack.signals.facts import facts_signal, knowledge_signal
from harmonic_stack.tracing import Parent, Recording, Tell, begins, recorded


class Orchestrator:
    """Answers queries with the crew; one for the whole daemon."""

    def __init__(
        self,
        *,
        config: Config,
        crew: Crew,
        seats: Seats,
        router: Router,
        bridge: Bridge,
        knowledge: Knowledge,
        outcomes: Outcomes,
        conductor: Conductor,
        energy: Energy,
        examining: Examining,
        observe: Callable[[Report], None] = lambda _: None,
        traces: Tell | None = None,
    ) -> None:
        """*observe* is told every report, *traces* a recording of every query; None where nobody collects them."""
        self.config, self.crew, self.seats, self.router, self.bridge = config, crew, seats, router, bridge
        self.knowledge, self.outcomes = knowledge, outcomes
        self.conductor, self.energy, self._observe, self._traces = conductor, energy, observe, traces
        self.examining = examining
        self.puzzles = PuzzleSolver(config.grid.seconds)

    @property
    def traced(self) -> bool:
        """Whether anybody collects traces."""
        return self._traces is not None

    async def answer(self, query: Query, put: Put, *, parent: Parent | None = None) -> Report:
        """Answer *query* as soon as there is room; the events go to *put* as they happen.

        Cancelling frees every slot at once, or the place in the queue. *parent* is the client's own span.

        Raises:
            AllAgentsFailed: not one draft came.
            EngineRefused: ... since the engine found the request at fault.
            ModelNotFound: the agent that it names is rested.
            TooBusy: there is no room now.
        """
        if self._traces is None:
            return await self._admitted(query, put, None)
        with recorded(query, parent, self._traces) as recording:
            return await self._admitted(query, put, recording)

    async def _admitted(self, query: Query, put: Put, recording: Recording | None) -> Report:
        place = self.conductor.admitted(query.id, query.caller, tier=self._tier(query))
        with self.bridge.using(query):
            async with place:
                queued = self.conductor.position_of(query.id)
                if recording is not None:
                    recording.admitted = recording.now()
                with self.energy.query() as share:
                    report = await self._answer(query, put, share, recording)
                    report = replace(report, queued=queued, joules=await share.joules())
        self._observe(report)
        if recording is not None:
            recording.report = report
        return report

    def _tier(self, query: Query) -> int:
        """The tier of the agent that is asked by name; else, as its slots are given, the first."""
        agent = self.crew.get(query.agent) if query.agent is not None else None
        return agent.tier if agent is not None else 1

    async def _answer(self, query: Query, put: Put, share: Share, recording: Recording | None) -> Report:
        if query.agent is not None and self.crew.get(query.agent) is None:  # rested while the query waited
            raise ModelNotFound(query.agent)
        begins(recording, "route")
        route = await self._route(query)
        begins(recording, "recall")
        context = await self.knowledge.recall(query.question, await self.bridge.recall(query, route))
        self.bridge.begin(query, route, context)
        if context.private:
            self.bridge.write(query, knowledge_signal(query, context))
        run = self._run(query, context, put, share, recording)
        answer = LiveAnswer(put, stop=query.sampling.stop)
        begins(recording, "" if route.mode == "single" else "draft")
        puzzled = query.mode.merges and not query.sampling.has_format and query.tools is None
        puzzle = await self.puzzles.look(query.question) if puzzled else None
        try:
            if puzzle is not None:
                self.bridge.checked(query, puzzle.checked, told(puzzle))
                answer.write(told(puzzle) + ("" if puzzle.settled else "\n\n"))
            if puzzle is not None and puzzle.settled:
                report = report_of(run, "closed", [], delivered=[])
            elif route.mode == "single":
                report = await answer_single(run, put, answer)
            elif query.tools is not None:
                report = await answer_with_tools(run, answer, lambda: self._merged(run, route, answer))
            else:
                report = await self._merged(run, route, answer)
            if puzzle is not None:
                report = replace(report, checked=puzzle.checked)
            calls = calls_told(report.outcomes[0].completion.tool_calls) if report.outcomes else ""
            begins(recording, "keep")
            await self.bridge.keep(query, route, context, report, answer.text or calls)
            begins(recording, "")
        finally:
            run.live.close()
            self.bridge.end(query)
        return report

    async def _route(self, query: Query) -> Route:
        """Whom to ask; where nothing has to be encoded, without a hop to the thread that does."""
        failing, meaning = self.bridge.failing(), self.bridge.encoders.meaning
        if not query.mode.merges or query.options.agents is not None or meaning.knows(query.question):
            return self.router.route(query, meaning.encoder, failing=failing)
        return await meaning.run(lambda encoder: self.router.route(query, encoder, failing=failing))

    def _run(self, query: Query, context: Context, put: Put, share: Share, recording: Recording | None) -> Run:
        mode = query.options.stream or self.config.draft.stream

        def show(batch: Sequence[DraftDelta]) -> None:
            self.bridge.drafts(query, batch)
            if mode != "off":
                for delta in batch:
                    put(delta)

        def trace(seat: Seat, call: ChatCall) -> None:
            if query.options.trace:
                self.bridge.prompt(query, seat, call.messages)

        live = LiveDrafts(show, mode=mode, flush_seconds=self.config.draft.flush_seconds)
        return Run(
            query,
            context,
            crew=self.crew,
            seats=self.seats,
            config=self.config,
            live=live,
            trace=trace,
            spend=share.count,
            recording=recording,
        )

    async def _merged(self, run: Run, route: Route, answer: LiveAnswer) -> Report:
        """The crew's answer: a vote, or the executive's words and what only its peers saw."""
        if run.query.mode is Mode.DEEP and holders_of(run):
            return await self._deep(run, route, answer)
        return await (self._closed if route.mode == "closed" else self._open)(run, route, answer)

    async def _closed(self, run: Run, route: Route, answer: LiveAnswer) -> Report:
        """Votes decide. Where no draft ends in an answer the question was open after all."""
        stopping = stopping_of(run)
        weights = self._weights(run, route)
        seats = seats_for(route.agents, run.executive, stopping.most, samples=True, weights=weights)
        other_models = [agent for agent in route.agents if run.model_of(agent) != run.model_of(run.executive)]
        beside = seats_beside([a for a in other_models if a.name not in weights], seats, stopping.most)
        if run.wave == 2:
            seats, beside = second_wave(seats), second_wave(beside)
        vote = await hold_vote(run, seats, stopping, weights=weights, beside=beside)
        begins(run.recording, "merge")
        run.live.flush()
        outcomes, answers = (*vote.outcomes, *vote.beside), (*vote.answers, *vote.answers_beside)
        refuse_if_empty(run.query, outcomes)
        vote, judge = await settle_tie(run, vote, self.examining.fitness)
        await self.bridge.share(run.query, run.context, outcomes, answers)
        if vote.verdict is None:
            if run.query.sampling.has_format:
                base = next(o for o in outcomes if o.status is Status.OK)
                answer.write_whole(base.text)
                return report_of(run, "open", outcomes, delivered=[base])
            return await self._merge_after(run, list(outcomes), answer)
        winner = deliver(run, vote, answer)
        return replace(
            report_of(run, "closed", outcomes, delivered=[winner], aggregator=judge),
            answers=dict(enumerate(answers)),
            winner=vote.verdict.answer,
            agreement=vote.agreement(self.outcomes.calibration),
            minority=rivals(vote),
        )

    def _weights(self, run: Run, route: Route) -> dict[str, float]:
        """What the votes of agents on other models than the executive's weigh, where outcomes have told."""
        best = run.model_of(run.executive)
        others = [agent for agent in route.agents if run.model_of(agent) != best]
        found = {agent.name: self.outcomes.calibration.weight(run.model_of(agent), best) for agent in others}
        return {name: weight for name, weight in found.items() if weight is not None}

    async def _deep(self, run: Run, route: Route, answer: LiveAnswer) -> Report:
        """Split knowledge: facts are pooled first, then ordinary agents answer from them."""
        holders = holders_of(run)
        agents = tuple(dict.fromkeys((*holders, *route.agents)))
        answering = [self.crew.executive, *(agent.name for agent in agents)]
        begins(run.recording, "facts")
        meaning = self.bridge.encoders.meaning
        pooled = await pool_facts(run, [agent.name for agent in holders], answering, meaning)
        begins(run.recording, "draft")
        self.bridge.write(run.query, facts_signal(run.query, pooled.facts, pooled.panels))
        # The agents of the wave that answers: those who know something first, as many as a crew has.
        chosen = replace(route, agents=agents[: max(self.config.route.crew, len(holders))])
        way = self._closed if route.mode == "closed" else self._open
        report = await way(run, chosen, answer)
        return replace(
            report,
            outcomes=(*report.outcomes, *pooled.outcomes),
            facts=pooled.told,
            warnings=(*report.warnings, *pooled.warnings),
        )

    async def _open(self, run: Run, route: Route, answer: LiveAnswer) -> Report:
        """The executive's words live, or one merge over whole drafts; then what only one agent saw."""
        seats = seats_for(route.agents, run.executive, len(route.agents) + 1)
        if run.wave == 2:
            seats = second_wave(seats)
        elif run.query.mode is not Mode.AUTO and self.config.merge.open == "aggregate":
            outcomes = await propose_all(seats, run.peer_draft, run.partial, until=run.until)
            begins(run.recording, "merge")
            run.live.flush()
            refuse_if_empty(run.query, outcomes)
            await self.bridge.share(run.query, run.context, outcomes)
            return await self._aggregate(run, outcomes, answer)
        outcomes = await base_live(run, seats, answer)
        begins(run.recording, "merge")
        run.live.flush()
        refuse_if_empty(run.query, outcomes)
        await self.bridge.share(run.query, run.context, outcomes)
        return await self._with_minority(run, outcomes, answer, None)

    async def _merge_after(self, run: Run, outcomes: list[Outcome], answer: LiveAnswer) -> Report:
        """Drafts are there already: merge them as an open question's."""
        if run.query.mode is Mode.FULL and self.config.merge.open == "aggregate":
            return await self._aggregate(run, outcomes, answer)
        stand_in(answer, outcomes)
        return await self._with_minority(run, outcomes, answer, None)

    async def _aggregate(self, run: Run, outcomes: list[Outcome], answer: LiveAnswer) -> Report:
        drafts = [outcome for outcome in outcomes if outcome.status is Status.OK]
        if len(drafts) == 1:  # nothing to merge
            answer.write_whole(drafts[0].text)
            return await self._with_minority(run, outcomes, answer, None)
        return await self._with_minority(run, outcomes, answer, await aggregate(run, outcomes, answer))

    async def _with_minority(
        self, run: Run, outcomes: list[Outcome], answer: LiveAnswer, aggregator: Outcome | None
    ) -> Report:
        base = aggregator or outcomes[0]
        found = await append_minority(run, outcomes, base, answer, self.bridge.encoders.meaning)
        delivered = [base] if base.status is Status.OK else [o for o in outcomes if o.status is Status.OK][:1]
        report = report_of(run, "open", outcomes, delivered=delivered, aggregator=aggregator)
        return replace(report, minority=found.points, coverage=found.coverage, finish=base.completion.finish)
