"""What one query is made of: plain frozen values that travel from the request to the answer.

They are structs of msgspec, which are made several times faster than dataclasses: there is one for every token.

Nothing here does any work. Read ``orchestrator.py`` for the story that these values tell.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

import msgspec

JSON = Any
StreamDrafts = Literal["sentences", "tokens", "off"]


class ToolCall(msgspec.Struct, frozen=True):
    """One call of a caller's tool; ``arguments`` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str


class Message(msgspec.Struct, frozen=True):
    """One chat message, its content flattened to text.

    ``parts`` are the content's parts in OpenAI's form where images stand among them, else empty. ``tool_calls`` are
    those that an assistant made, ``tool_call_id`` the one that a message of the role tool answers.
    """

    role: str
    content: str
    name: str | None = None
    parts: tuple[Mapping[str, JSON], ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


class Mode(StrEnum):
    """Which of the crew's ways of answering the model name asked for (DESIGN 6)."""

    AUTO = "harmonic"
    FULL = "harmonic-full"
    DEEP = "harmonic-deep"
    FAST = "harmonic-fast"
    AGENT = "agent"
    MODEL = "model"

    @property
    def merges(self) -> bool:
        """True where several drafts become one answer."""
        return self in (Mode.AUTO, Mode.FULL, Mode.DEEP)


class Sampling(msgspec.Struct, frozen=True):
    """The caller's sampling parameters; None is "not given", and then nothing is sent."""

    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: Mapping[str, float] | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    max_tokens: int | None = None
    response_format: Mapping[str, JSON] | None = None
    logprobs: bool = False
    top_logprobs: int | None = None

    @property
    def has_format(self) -> bool:
        """True where the answer must be JSON rather than text."""
        return self.response_format is not None and self.response_format.get("type", "text") != "text"


class Tools(msgspec.Struct, frozen=True):
    """The caller's tools, in OpenAI's form. The caller runs them; a model only says which, with what."""

    definitions: tuple[Mapping[str, JSON], ...]
    choice: str | Mapping[str, JSON] | None = None
    parallel: bool | None = None


class Options(msgspec.Struct, frozen=True):
    """What a request may set for itself in its ``harmonic`` object; None is "as configured"."""

    agents: tuple[str, ...] | None = None
    most: int | None = None
    draft_tokens: int | None = None
    deadline: float | None = None
    stream: StreamDrafts | None = None
    trace: bool = False


class Query(msgspec.Struct, frozen=True):
    """One request to the crew, checked and complete.

    ``choices`` is how many answers are wanted (``n``). ``prompts``, where there are any, are gone on with as they
    stand, each in ``choices`` ways. ``record`` False leaves no trace of it on the spine. ``begins``: its session is
    new, so that the spine holds nothing of it.
    """

    id: str
    session: str
    model: str
    mode: Mode
    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    options: Options = Options()
    agent: str | None = None
    caller: str = ""
    started: float = 0.0
    tools: Tools | None = None
    choices: int = 1
    prompts: tuple[str, ...] = ()
    record: bool = True
    begins: bool = False

    @property
    def question(self) -> str:
        """The newest user message: what the crew is asked."""
        for message in reversed(self.messages):
            if message.role == "user":
                return message.content
        return ""


class Seat(msgspec.Struct, frozen=True):
    """One draft that is asked for: which agent, which of its samples, in which place of the order, in which wave.

    Only harmonic-deep has a wave 2: its wave 1 lists facts.
    """

    place: int
    agent: str
    sample: int = 0
    wave: int = 1

    def __str__(self) -> str:
        return self.agent if not self.sample else f"{self.agent}#{self.sample}"


class Status(StrEnum):
    """How a seat ended."""

    OK = "ok"
    FAILED = "failed"
    LATE = "late"
    SKIPPED = "skipped"  # the vote was decided without it


class Completion(msgspec.Struct, frozen=True):
    """What one engine call gave: its text and what it cost.

    ``prompt_tokens`` is None where the engine does not say. ``reasoning`` is what the model thought before its answer,
    no part of ``text``. ``seconds`` and ``slot_wait`` are in seconds.
    ``candidates`` are the likeliest first tokens with their natural log probabilities, where these were asked for.
    """

    text: str = ""
    finish: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int = 0
    seconds: float = 0.0
    first_token: float | None = None
    reasoning: str = ""
    slot_wait: float = 0.0
    tool_calls: tuple[ToolCall, ...] = ()
    candidates: Mapping[str, float] | None = None


class Outcome(msgspec.Struct, frozen=True):
    """How one seat ended: its completion (partial unless ok) and why it is not ok.

    ``refused``: the engine found the request itself at fault, so asking another agent or again would not help.
    """

    seat: Seat
    status: Status
    completion: Completion
    reason: str = ""
    refused: bool = False

    @property
    def text(self) -> str:
        """The draft's text, as far as it came."""
        return self.completion.text


class DraftDelta(msgspec.Struct, frozen=True):
    """A piece of one agent's draft, seen live while the merge is pending."""

    seat: Seat
    text: str


class AnswerDelta(msgspec.Struct, frozen=True):
    """A piece of the answer itself, or of one of several; with its tokens' probabilities where they were asked for."""

    text: str
    choice: int = 0
    logprobs: tuple[Mapping[str, JSON], ...] = ()


class ToolCallDelta(msgspec.Struct, frozen=True):
    """A piece of a tool call: the first one of each ``index`` gives its id and name, the others go on with its JSON."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    choice: int = 0


class MinorityPoint(msgspec.Struct, frozen=True):
    """A point that few agents made: appended to the answer, or only reported.

    ``holders`` are all agents that made it, ``agent`` the first. ``against`` is what it contradicts, ``evidence`` how.
    """

    agent: str
    text: str
    relevance: float | None = None
    votes: int | None = None
    kept: bool = False
    holders: tuple[str, ...] = ()
    against: str | None = None
    evidence: str | None = None


class Agreement(msgspec.Struct, frozen=True):
    """The vote on a closed question; ``confidence`` is the calibrated share of such votes that are right.

    ``answer`` is the one that won, in canonical form.
    """

    votes: int
    asked: int
    confidence: float
    answer: str | None = None


class PooledFact(msgspec.Struct, frozen=True):
    """A fact of harmonic-deep's pool: who listed it, to whom it was handed, and why to nobody, if so."""

    text: str
    holders: tuple[str, ...]
    handed_to: tuple[str, ...] = ()
    held_back: str = ""


class Checked(msgspec.Struct, frozen=True):
    """What the grid core found for a puzzle in the question: no ``program`` is none found.

    ``answers``: a grid for each test. ``rivals``: other answers from programs as short. ``settled``: it is the answer.
    """

    examples: int
    program: tuple[str, ...] = ()
    colour_map: Mapping[int, int] | None = None
    answers: tuple[tuple[tuple[int, ...], ...], ...] = ()
    rivals: int = 0
    settled: bool = False


class Report(msgspec.Struct, frozen=True):
    """How an answer came about: the ``harmonic`` object of the reply, and its usage.

    ``winner``: of a vote. ``queued``: the place in the queue at which the query came, 0 where it did not wait.
    ``joules``: its share of the energy that the box used (energy.py), None where the box does not tell.
    """

    query: str
    session: str
    mode: Literal["closed", "open", "tool", "single"]
    outcomes: tuple[Outcome, ...]
    answers: Mapping[int, str | None] = {}
    winner: str | None = None
    aggregator: Outcome | None = None
    agreement: Agreement | None = None
    minority: tuple[MinorityPoint, ...] = ()
    facts: tuple[PooledFact, ...] | None = None
    coverage: float | None = None
    warnings: tuple[str, ...] = ()
    delivered_tokens: int = 0
    finish: str = "stop"
    queued: int = 0
    checked: Checked | None = None
    joules: float | None = None
    finishes: tuple[str, ...] = ()  # of each choice, where there are several


Event = DraftDelta | AnswerDelta | ToolCallDelta
