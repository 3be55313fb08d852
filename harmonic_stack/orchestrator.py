"""The life of one query: route, recall, propose, share, harmonize, stream. Read this first."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from harmonic_stack.answer.closed import Stopping, deliver, hold_vote, rivals
from harmonic_stack.answer.grid_puzzle import PuzzleSolver, told
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
from harmonic_stack.fanout import propose_all
from harmonic_stack.live import LiveDrafts
from harmonic_stack.prompts import Context, calls_told
from harmonic_stack.query import DraftDelta, Mode, Outcome, Query, Report, Seat, Status
from harmonic_stack.routing import Route, Router, seats_for
from harmonic_stack.run import Put, Run, Seats


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
        conductor: Conductor,
        observe: Callable[[Report], None] = lambda _: None,
    ) -> None:
        """*observe* is told every report."""
        self.config, self.crew, self.seats, self.router, self.bridge = config, crew, seats, router, bridge
        self.conductor, self._observe = conductor, observe
        self.puzzles = PuzzleSolver(config.grid.seconds)

    async def answer(self, query: Query, put: Put) -> Report:
        """Answer *query* as soon as there is room; the events go to *put* as they happen, the report last.

        Cancelling frees every slot at once, or the place in the queue.

        Raises:
            AllAgentsFailed: not one draft came.
            EngineRefused: ... since the engine found the request at fault.
            TooBusy: there is no room now.
        """
        async with self.conductor.admitted(query.id, query.caller):
            queued = self.conductor.position_of(query.id)
            report = replace(await self._answer(query, put), queued=queued)
        self._observe(report)
        put(report)
        return report

    async def _answer(self, query: Query, put: Put) -> Report:
        meaning = self.bridge.encoders.meaning
        route = await meaning.run(self.router.route, query, failing=self.bridge.failing())
        context = await self.bridge.recall(query, route)
        self.bridge.begin(query, route, context)
        run = self._run(query, context, put)
        answer = LiveAnswer(put)
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
            await self.bridge.keep(query, route, context, report, answer.text or calls)
        finally:
            run.live.close()
            self.bridge.end(query)
        return report

    def _run(self, query: Query, context: Context, put: Put) -> Run:
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
        return Run(query, context, crew=self.crew, seats=self.seats, config=self.config, live=live, trace=trace)

    async def _merged(self, run: Run, route: Route, answer: LiveAnswer) -> Report:
        """The crew's answer: a vote, or the executive's words and what only its peers saw."""
        return await (self._closed if route.mode == "closed" else self._open)(run, route, answer)

    async def _closed(self, run: Run, route: Route, answer: LiveAnswer) -> Report:
        """Votes decide. Where no draft ends in an answer the question was open after all."""
        merge, full = self.config.merge, run.query.mode is Mode.FULL
        most = run.query.options.most or (merge.full_most if full else merge.most)
        stopping = Stopping(merge.full_lead if full else merge.lead, most, greedy_waves=full)
        vote = await hold_vote(run, seats_for(route.agents, run.executive, most, samples=True), stopping)
        run.live.flush()
        refuse_if_empty(run.query, vote.outcomes)
        await self.bridge.share(run.query, run.context, vote.outcomes, vote.answers)
        if vote.verdict is None:
            if run.query.sampling.has_format:
                base = next(o for o in vote.outcomes if o.status is Status.OK)
                answer.write(base.text)
                return report_of(run, "open", vote.outcomes, delivered=[base])
            return await self._merge_after(run, list(vote.outcomes), answer)
        winner = deliver(run, vote, answer)
        return replace(
            report_of(run, "closed", vote.outcomes, delivered=[winner]),
            answers=dict(enumerate(vote.answers)),
            winner=vote.verdict.answer,
            agreement=vote.agreement,
            minority=rivals(vote),
        )

    async def _open(self, run: Run, route: Route, answer: LiveAnswer) -> Report:
        """The executive's words live, or one merge over whole drafts; then what only one agent saw."""
        seats = seats_for(route.agents, run.executive, len(route.agents) + 1)
        if run.query.mode is Mode.FULL and self.config.merge.open == "aggregate":
            outcomes = await propose_all(seats, run.peer_draft, run.partial, until=run.until)
            run.live.flush()
            refuse_if_empty(run.query, outcomes)
            await self.bridge.share(run.query, run.context, outcomes)
            return await self._aggregate(run, outcomes, answer)
        outcomes = await base_live(run, seats, answer)
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
            answer.write(drafts[0].text)
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
