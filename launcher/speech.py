"""What a chat request and a streamed piece of text look like in each dialect, as far as the launcher's probes go."""

import json
from collections.abc import Mapping
from typing import Any

from launcher.engine import Engine

#: Where chats are asked for, below the engine's base URL.
CHAT_PATH = {"openai": "/chat/completions", "ollama": "/api/chat"}


def probe_body(engine: Engine, model: str, prompt: str, tokens: int) -> dict[str, Any]:
    """Return the body of a streamed, greedy request for at most *tokens* tokens."""
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": True}
    if engine.dialect == "ollama":
        return ollama_body(engine.request, body, {"num_predict": tokens, "temperature": 0})
    return {**engine.request, **body, "max_tokens": tokens, "temperature": 0}


def ollama_body(fields: Mapping[str, Any], body: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return *body* with the fields that every request to an Ollama carries, and *options* beside its load options.

    The load options win: one that differs makes Ollama unload the model and load it again.
    """
    return {**body, **fields, "options": {**options, **fields.get("options", {})}}


def has_token(dialect: str, line: str) -> bool:
    """Tell whether this line of a stream carries text, reasoning included."""
    try:
        if dialect == "ollama":
            message = json.loads(line)["message"]
            return bool(message.get("content") or message.get("thinking"))
        if not line.startswith("data: {"):
            return False
        delta = json.loads(line[len("data: ") :])["choices"][0]["delta"]
        return bool(delta.get("content") or delta.get("reasoning_content") or delta.get("reasoning"))
    except (ValueError, LookupError, TypeError, AttributeError):
        return False


def failure_in(dialect: str, line: str) -> str | None:
    """Return what went wrong, where this line of a stream says so under a good status, as Ollama does."""
    try:
        found = json.loads(line) if dialect == "ollama" else {}
        return str(found["error"]) if "error" in found else None
    except (ValueError, TypeError):
        return None
