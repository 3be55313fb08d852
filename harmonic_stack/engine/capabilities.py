"""What each kind of engine can do beyond plain text, as far as our dialect carries it; read before a request is sent.

What an engine cannot is refused by name, never ignored in silence. To teach a dialect something new, add it here too.
"""

from collections.abc import Mapping
from typing import Literal, Protocol, get_args

Capability = Literal[
    "logit_bias",
    "logprobs",
    "n",
    "seed",
    "min_p",
    "json_schema",
    "tools",
    "tool_choice",
    "penalties",
    "vision",
    "embeddings",
]

#: The features that a request may need of an engine.
ALL: frozenset[Capability] = frozenset(get_args(Capability))

#: By the engine's name, as ``launcher.Engine.name`` has it. Whether its model has a template for tools, or eyes, is
#: another question: probe.py asks llama.cpp, Ollama refuses such a request itself.
CAPABILITIES: Mapping[str, frozenset[Capability]] = {
    # llama.cpp's server. One model for text is loaded: no projector, and no embeddings.
    "embedded": ALL - {"vision", "embeddings"},
    # `/api/chat` has no logit_bias, and no way to demand a tool call.
    "ollama": ALL - {"logit_bias", "tool_choice", "embeddings"},
    # Somebody's server: it is believed to know OpenAI's parameters, and refuses what it lacks. min_p is none of them.
    "openai": ALL - {"min_p"},
}


class Named(Protocol):
    """An engine, as far as it matters here."""

    @property
    def name(self) -> str:
        """Its kind."""


def capabilities_of(engine: Named) -> frozenset[Capability]:
    """What requests to *engine* may carry; nothing of an engine that is not known."""
    return CAPABILITIES.get(engine.name, frozenset())
