"""One agent or one engine model alone, live; in several choices where the caller wants them."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass

from harmonic_stack.answer.live_answer import LiveAnswer
from harmonic_stack.answer.report import refuse_if_empty, report_of
from harmonic_stack.fanout import attempt
from harmonic_stack.prompts import chat
from harmonic_stack.query import Completion, Message, Mode, Outcome, Report, Seat, Status
from harmonic_stack.run import Put, Run


@dataclass(frozen=True, slots=True)
class _Choice:
    """What one choice is made from: a conversation, or a raw prompt."""

    messages: Sequence[Message]
    prompt: str | None = None


async def answer_single(run: Run, put: Put, answer: LiveAnswer) -> Report:
    """Answer with one agent or model; choice i is sampled with seed + i, choice 0 is *answer*.

    Raises:
        AllAgentsFailed, EngineRefused: a choice did not come.
    """
    asked = _choices(run)
    answers = [answer, *(LiveAnswer(put, place) for place in range(1, len(asked)))]
    calls = [_one(run, choice, place, answers[place]) for place, choice in enumerate(asked)]
    outcomes = [await calls[0]] if len(calls) == 1 else await _all(calls)
    refuse_if_empty(run.query, [outcome for outcome in outcomes if outcome.status is not Status.OK] or outcomes)
    called = any(outcome.completion.tool_calls for outcome in outcomes)
    return report_of(run, "tool" if called else "single", outcomes, delivered=outcomes)


async def _all(calls: Sequence[Coroutine[None, None, Outcome]]) -> list[Outcome]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(call) for call in calls]
    return [task.result() for task in tasks]


async def _one(run: Run, choice: _Choice, place: int, answer: LiveAnswer) -> Outcome:
    query = run.query
    agent = run.crew.get(query.agent) if query.agent else None
    parameters = run.callers_parameters() | run.tools_parameters()
    if query.sampling.seed is not None:
        parameters["seed"] = query.sampling.seed + place
    extra = answer.take_extra if query.tools is not None or query.sampling.logprobs else None

    async def propose(seat: Seat) -> Completion:
        return await run.ask(
            seat,
            choice.messages,
            parameters,
            answer.write,
            model=query.model if query.mode is Mode.MODEL else None,
            on_extra=extra,
            prompt=choice.prompt,
        )

    return await attempt(Seat(place, agent.name if agent else query.model, place), propose, answer.partial)


def _choices(run: Run) -> list[_Choice]:
    """The choices wanted: every prompt in as many ways as asked, or the conversation."""
    query = run.query
    agent = run.crew.get(query.agent) if query.agent else None
    role = agent.role if agent is not None and query.mode is Mode.AGENT else ""
    tools = query.tools is not None or query.mode is Mode.MODEL
    context = run.context.told_to(query.agent or "", peer=False)
    if not query.prompts:
        messages = chat(query.messages, context, role=role, tools=tools)
        return [_Choice(messages)] * query.choices
    if query.mode is Mode.MODEL:
        return [_Choice((), prompt) for prompt in query.prompts for _ in range(query.choices)]
    return [
        _Choice(chat([Message("user", prompt)], context, role=role))
        for prompt in query.prompts
        for _ in range(query.choices)
    ]
