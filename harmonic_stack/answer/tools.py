"""A request with tools: the executive is asked first, alone with them. A tool call is the answer; text is draft 0."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from harmonic_stack.answer.live_answer import LiveAnswer
from harmonic_stack.answer.report import blamed_field, refuse_if_empty, report_of
from harmonic_stack.chat_client import Logprobs, OnText
from harmonic_stack.errors import EngineRefused, EngineStreamFailed
from harmonic_stack.fanout import attempt
from harmonic_stack.prompts import chat
from harmonic_stack.query import Completion, Outcome, Report, Seat, Status, ToolCallDelta
from harmonic_stack.run import Run


class FirstCall:
    """The executive's call with the caller's tools, under the caller's own parameters.

    Text waits until somebody follows it; a tool call that comes first goes to the client at once, one that comes after
    text waits for ``hand_over``.
    """

    def __init__(self, run: Run, answer: LiveAnswer) -> None:
        self._run, self._answer = run, answer
        self._sink: OnText | None = None
        self._waiting: list[tuple[str, int]] = []
        self._calls: list[ToolCallDelta] = []
        loop = asyncio.get_running_loop()
        self._begun: asyncio.Future[None] = loop.create_future()
        self.called: asyncio.Future[None] = loop.create_future()
        self.seat = Seat(0, run.executive.name)
        self.task = asyncio.create_task(self._ask(), name=f"tools:{run.query.id}")
        self.task.add_done_callback(lambda _: _settle(self._begun))

    async def begins(self) -> None:
        """Wait for the first word, the first tool call, or the end of a call that brought neither.

        Raises:
            EngineRefused: the engine found the request at fault, as where the model knows no tools.
        """
        await self._begun
        error = self.task.exception() if self.task.done() and not self.task.cancelled() else None
        if isinstance(error, EngineStreamFailed) and error.blames_the_request:
            raise EngineRefused(error.detail, blamed_field(self._run.query))

    async def follow(self, on_text: OnText) -> Completion:
        """The call as draft 0: its text so far, and what comes. Never returns from one that ends in a tool call."""
        self._sink = on_text
        for text, pieces in self._waiting:
            on_text(text, pieces)
        completion = await asyncio.shield(self.task)  # who follows may be let go, the call may still be the answer
        if completion.tool_calls:
            await asyncio.Event().wait()  # the tool call is the answer: whoever follows is about to be cancelled
        return completion

    async def hand_over(self) -> Outcome:
        """Give the client the text before the tool call, where it has not seen it, then the call itself."""
        outcome = await attempt(self.seat, lambda _: self.task, self._answer.partial)
        if outcome.text and not self._answer.text:
            self._answer.write(outcome.text, 0)
        for delta in self._calls:
            self._answer.take_extra(delta)
        return outcome

    async def _ask(self) -> Completion:
        run = self._run
        context = run.context.told_to(run.executive.name, peer=False)
        messages = chat(run.query.messages, context, tools=True)
        parameters = run.callers_parameters() | run.tools_parameters()
        async with asyncio.timeout_at(run.until) as limit:

            def text(text: str, pieces: int) -> None:
                if self._sink is not None:
                    self._sink(text, pieces)
                else:
                    self._waiting.append((text, pieces))
                if text.strip():
                    limit.reschedule(None)
                    _settle(self._begun)

            def extra(extra: ToolCallDelta | Logprobs) -> None:
                if isinstance(extra, ToolCallDelta):
                    limit.reschedule(None)
                    if self._waiting or self._sink is not None:
                        self._calls.append(extra)
                    else:
                        self._answer.take_extra(extra)
                    _settle(self.called)
                    _settle(self._begun)

            return await run.ask(self.seat, messages, parameters, text, on_extra=extra)


async def answer_with_tools(run: Run, answer: LiveAnswer, merge: Callable[[], Awaitable[Report]]) -> Report:
    """Ask the executive with the tools; *merge* is the crew's way of answering, with its text as draft 0.

    1. A tool call first: it is the answer.
    2. Text first: it is draft 0, and the crew answers; a tool call after it ends that, and is the answer.
    3. Neither, because the call failed: the crew answers without draft 0.
    """
    first = FirstCall(run, answer)
    merging: asyncio.Future[Report] | None = None
    try:
        await first.begins()
        if not first.called.done():
            run.first = first.follow
            merging = asyncio.ensure_future(merge())
            waits: set[asyncio.Future[Any]] = {merging, first.called}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if not first.called.done():
            assert merging is not None
            return await merging
        await _stopped(merging)
        outcome = await first.hand_over()
        refuse_if_empty(run.query, [outcome])
        others = [
            Outcome(seat, Status.SKIPPED, run.partial(seat), "a tool call is the answer")
            for seat in run.asked
            if seat.place
        ]
        return report_of(run, "tool", [outcome, *others], delivered=[outcome])
    finally:
        first.task.cancel()
        await _stopped(merging)


async def _stopped(merging: "asyncio.Future[Report] | None") -> None:
    if merging is not None and not merging.done():
        merging.cancel()
        with suppress(asyncio.CancelledError):
            await merging


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
