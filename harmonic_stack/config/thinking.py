"""The settings of how the crew thinks: who is asked, how drafts become an answer, what is remembered and told."""

from typing import Literal

from pydantic import Field

from harmonic_stack.config.base import Section
from harmonic_stack.config.forms import (
    Seconds,
    SecondsOrZero,
)


class CrewSource(Section):
    """Who drafts."""

    file: str = Field(
        default="", description='The crew file; a relative path starts at this file\'s folder; "" is the crew shipped.'
    )


class Route(Section):
    """Which agents are asked, and how a question is taken."""

    crew: int = Field(default=3, ge=1, le=64, description="Routed agents that join the executive, in harmonic-full.")
    closed: Literal["auto", "always", "never"] = Field(
        default="auto", description="Whether a question is taken to have one short, checkable answer."
    )


class Draft(Section):
    """What each agent is asked for."""

    max_tokens: int = Field(default=400, ge=1, le=1_048_576, description="Longest draft, in tokens.")
    temperature: float = Field(default=0.7, ge=0, le=2, description="Sampling temperature of all drafts but the first.")
    min_p: float = Field(
        default=0.05, ge=0, le=1, description="Least probability of a token, as a share of the likeliest."
    )
    deadline_seconds: SecondsOrZero = Field(
        default=0.0, description="When the merge goes on with what is there; 0 is 60 on a GPU and 120 on a CPU."
    )
    quorum: int = Field(default=2, ge=1, le=64, description='Drafts below which an answer says "1 of m".')
    stream: Literal["sentences", "tokens", "off"] = Field(
        default="sentences", description="How drafts are shown while the merge is pending."
    )
    flush_seconds: Seconds = Field(default=0.4, description="Longest time for which a piece of a draft is held back.")


class Merge(Section):
    """How drafts become one answer."""

    lead: int = Field(default=2, ge=1, le=64, description="Votes by which an answer must lead, in harmonic.")
    most: int = Field(default=5, ge=1, le=64, description="Most drafts, in harmonic.")
    full_lead: int = Field(default=3, ge=1, le=64, description="Votes by which an answer must lead, in harmonic-full.")
    full_most: int = Field(default=9, ge=1, le=64, description="Most drafts, in harmonic-full.")
    open: Literal["aggregate", "append"] = Field(
        default="aggregate",
        description="Open questions to harmonic-full: a model writes the merge, or the executive's draft stands.",
    )
    minority: Literal["append", "report", "off"] = Field(
        default="append", description="Points that few agents made: appended to the answer, only reported, or neither."
    )
    points: int = Field(default=5, ge=0, le=64, description="Most points appended.")
    judge: bool = Field(
        default=True,
        description="Whether a tie is settled by one yes or no on each tied answer, where the engine tells how likely "
        "its words are and the model was measured fit for it.",
    )
    outcomes: int = Field(
        default=20,
        ge=1,
        le=1_000_000,
        description="Outcomes posted of like votes, or of a model's drafts, before this box's own figures count.",
    )
    guard: bool = Field(default=False, description="Whether the first draft stands unless a rival leads by two votes.")


class Grid(Section):
    """Grid puzzles in a question."""

    seconds: SecondsOrZero = Field(default=2.0, description="Longest search for a program; 0 looks for none.")


class Limits(Section):
    """The most that a request may ask for itself."""

    most: int = Field(default=9, ge=1, le=64, description="Most drafts.")
    draft_tokens: int = Field(default=4_096, ge=1, le=1_048_576, description="Longest draft, in tokens.")
    deadline_seconds: Seconds = Field(default=600.0, description="Longest deadline.")


class Recall(Section):
    """What an agent is reminded of."""

    turns: int = Field(default=6, ge=0, le=1_000, description="Most turns of this session.")
    tokens: int = Field(default=512, ge=0, le=1_048_576, description="Most tokens of recalled text, for each agent.")
    memories: int = Field(default=4, ge=0, le=1_000, description="Most lasting memories (channel 2) that bear on it.")
    points: int = Field(default=4, ge=0, le=64, description="Most points that peers made earlier in the session.")
    briefing: bool = Field(
        default=True,
        description="Whether peers are told, as a suggestion, what went wrong before.",
    )
    keep: Literal["asked", "off"] = Field(
        default="asked",
        description="What is kept in lasting memory by itself: what a message asks to be remembered, or nothing.",
    )


class Gate(Section):
    """Which sentences of drafts all agents are told in the next turn."""

    budget: float = Field(
        default=0.25, ge=0, le=1, description="Share of sentences that is broadcast, the most salient; 0 is none."
    )


class Knowledge(Section):
    """What agents know for themselves: files named by `knowledge` in the crew file."""

    tokens: int = Field(default=512, ge=0, le=1_048_576, description="Most tokens of it in one agent's prompt.")
    chunks: int = Field(default=6, ge=1, le=1_000, description="Most passages in one agent's prompt.")
    file_bytes: int = Field(default=1_048_576, ge=1, le=1_073_741_824, description="Largest file, in bytes.")
    total_bytes: int = Field(
        default=8_388_608, ge=1, le=1_073_741_824, description="Most bytes in all files of one agent."
    )
    files: int = Field(default=256, ge=1, le=65_536, description="Most files of one agent.")


class Deep(Section):
    """The two waves of harmonic-deep."""

    facts: int = Field(default=12, ge=1, le=256, description="Most facts taken from one agent's list.")
    tokens: int = Field(default=400, ge=16, le=1_048_576, description="Most tokens of peers' facts in one prompt.")
    list_tokens: int = Field(default=256, ge=16, le=1_048_576, description="Longest list of facts, in tokens.")
    most: int = Field(
        default=9,
        ge=1,
        le=64,
        description="Drafts of a vote in harmonic-deep, all of which count; at most limits.most.",
    )
