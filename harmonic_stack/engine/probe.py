"""What an engine's model can really do, asked of the engine itself."""

import msgspec

from harmonic_stack.engine.capabilities import Capability
from harmonic_stack.engine.connection import Upstream
from harmonic_stack.engine.whole import post_json
from harmonic_stack.errors import EngineStreamFailed

PROBE_SECONDS = 10.0
_NAME = "a_tool_by_this_name"


class _Prompt(msgspec.Struct):
    prompt: str


async def without_what_is_ignored(features: frozenset[Capability], url: str, key: str | None) -> frozenset[Capability]:
    """*features* without "tools" where llama.cpp would leave them out: its chat template decides, and says nothing.

    Args:
        url: the engine's base URL; ``/apply-template`` stands beside its ``/v1``.
    """
    upstream = Upstream(url.removesuffix("/v1"), key=key)
    tool = {"type": "function", "function": {"name": _NAME, "parameters": {"type": "object"}}}
    body = msgspec.json.encode({"messages": [{"role": "user", "content": "hi"}], "tools": [tool]})
    try:
        found = msgspec.json.decode(
            await post_json(upstream, "/apply-template", body, seconds=PROBE_SECONDS), type=_Prompt
        )
        told = _NAME in found.prompt
    except (EngineStreamFailed, msgspec.DecodeError):
        told = False
    finally:
        upstream.close()
    return features if told else features - {"tools", "tool_choice"}
