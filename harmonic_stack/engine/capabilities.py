"""What an engine can be asked for, as far as it is known and our dialect carries it: read before a request is sent on.

A parameter that an engine would ignore is refused by name. To teach a dialect something new, add its name here too.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, Protocol

from harmonic_stack.errors import UnsupportedParameter
from harmonic_stack.query import Sampling

Capability = Literal[
    "logit_bias",
    "logprobs",
    "n",
    "seed",
    "min_p",
    "json_schema",
    "tools",
    "penalties",
    "vision",
    "embeddings",
]

#: By the engine's name, as ``launcher.Engine.name`` has it. Whether a model can see, embed or call tools is another
#: question: here stands what a request for it may carry.
CAPABILITIES: Mapping[str, frozenset[Capability]] = {
    # llama.cpp's server. One model for text is loaded: no projector, and no embeddings.
    "embedded": frozenset({"logit_bias", "logprobs", "seed", "min_p", "json_schema", "tools", "penalties"}),
    # `/api/chat` has no logit_bias and no n. It has logprobs, tools and images, which our dialect does not carry yet.
    "ollama": frozenset({"seed", "min_p", "json_schema", "penalties", "embeddings"}),
    # Somebody's server: OpenAI's own parameters are handed on, and it refuses what it lacks. min_p is none of them.
    "openai": frozenset(
        {"logit_bias", "logprobs", "n", "seed", "json_schema", "tools", "penalties", "vision", "embeddings"}
    ),
}


class Named(Protocol):
    """An engine, as far as it matters here."""

    @property
    def name(self) -> str:
        """Its kind."""


def capabilities_of(engine: Named) -> frozenset[Capability]:
    """What requests to *engine* may carry; nothing of an engine that is not known."""
    return CAPABILITIES.get(engine.name, frozenset())


def refuse_uncarried(sampling: Sampling, can: frozenset[Capability], engine: str) -> None:
    """Check the caller's own parameters against what the engine that will see them can carry.

    Raises:
        UnsupportedParameter: the first that it cannot, by its OpenAI name.
    """
    for param, needed in _asked(sampling):
        if needed not in can:
            raise UnsupportedParameter(param, f"the engine that answers here ({engine}) has no such parameter")


def _asked(sampling: Sampling) -> Iterator[tuple[str, Capability]]:
    """The parameters of a request that not every engine has, with what each needs."""
    if sampling.logit_bias:
        yield "logit_bias", "logit_bias"
    if sampling.seed is not None:
        yield "seed", "seed"
    if sampling.frequency_penalty is not None:
        yield "frequency_penalty", "penalties"
    if sampling.presence_penalty is not None:
        yield "presence_penalty", "penalties"
    if sampling.response_format is not None and sampling.response_format.get("type") == "json_schema":
        yield "response_format", "json_schema"
