"""The body of a chat completion request, field by field, as msgspec checks it; what the fields mean together stands in
chat_request.py."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Unit = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Tokens = Annotated[int, Meta(ge=1, le=1_000_000)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
Bias = Annotated[float, Meta(ge=-100, le=100)]
FunctionName = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_.-]{1,64}$")]


class ImageUrl(msgspec.Struct):
    url: str
    detail: Literal["auto", "low", "high"] = "auto"


class Part(msgspec.Struct):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: ImageUrl | None = None


class CalledFunction(msgspec.Struct):
    name: FunctionName
    arguments: str


class Call(msgspec.Struct):
    id: Annotated[str, Meta(min_length=1, max_length=256)]
    function: CalledFunction
    type: Literal["function"] = "function"


class ChatMessage(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    name: Annotated[str, Meta(pattern=r"^[^\s<|\\/>]{1,64}$")] | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: Annotated[str, Meta(min_length=1, max_length=256)] | None = None


class Function(msgspec.Struct, omit_defaults=True):
    """A tool as it goes to the engine: of the fields given, only these."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(msgspec.Struct):
    function: Function
    type: Literal["function"] = "function"


class Named(msgspec.Struct):
    name: str


class Choice(msgspec.Struct):
    function: Named
    type: Literal["function"] = "function"


class StreamOptions(msgspec.Struct):
    include_usage: bool = False


class JsonSchema(msgspec.Struct, omit_defaults=True):
    name: FunctionName
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None


class ResponseFormat(msgspec.Struct, omit_defaults=True):
    type: str
    json_schema: JsonSchema | None = None


class Harmonic(msgspec.Struct, forbid_unknown_fields=True):
    agents: Annotated[list[str], Meta(min_length=1, max_length=64)] | None = None
    most: Annotated[int, Meta(ge=1)] | None = None
    draft_tokens: Annotated[int, Meta(ge=1)] | None = None
    deadline: Annotated[float, Meta(gt=0)] | None = None
    stream: Literal["sentences", "tokens", "off"] | None = None
    trace: bool = False


class ChatBody(msgspec.Struct, kw_only=True):
    """The fields that are read; others are ignored and never forwarded."""

    model: str
    messages: list[ChatMessage]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Temperature | None = None
    top_p: Unit | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: dict[str, Bias] | None = None
    stop: str | list[str] | None = None
    seed: Seed | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    n: Annotated[int, Meta(ge=1, le=8)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    tools: Annotated[list[Tool], Meta(max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | Choice | None = None
    parallel_tool_calls: bool | None = None
    functions: list[Any] | None = None
    function_call: Any = None
    modalities: list[str] | None = None
    audio: Any = None
    web_search_options: Any = None
    response_format: ResponseFormat | None = None
    metadata: dict[str, Any] | None = None
    harmonic: Harmonic | None = None


# Known to OpenAI's clients, taken, and of no effect here.
WITHOUT_EFFECT = frozenset(
    {
        "prediction",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning_effort",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
        "verbosity",
    }
)
