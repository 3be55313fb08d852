"""What each kind of engine can do beyond plain text: what it cannot is refused by name, never ignored in silence."""

from collections.abc import Mapping

# The features that a request may need of an engine.
ALL = frozenset(
    {
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
    }
)

# By the engine's name. A stranger's server behind a URL is believed to know OpenAI's API; it refuses what it does not.
BY_ENGINE: Mapping[str, frozenset[str]] = {
    # llama.cpp without a projector for images and without its mode for embeddings.
    "embedded": ALL - {"vision", "embeddings"},
    # It knows no logit_bias, and no way to demand a tool call. A model without tools or images it refuses itself.
    "ollama": ALL - {"logit_bias", "tool_choice", "embeddings"},
    "openai": ALL - {"min_p"},
}


def capabilities_of(engine: str) -> frozenset[str]:
    """What the engine of that name can do; of one that nobody knows, nothing."""
    return BY_ENGINE.get(engine, frozenset())
