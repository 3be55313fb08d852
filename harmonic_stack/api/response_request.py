"""The body of POST /v1/responses, and its translation into that of a chat completion."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from harmonic_stack.api.chat_body import (
    Call,
    ChatBody,
    ChatMessage,
    Choice,
    Function,
    FunctionName,
    Harmonic,
    ImageUrl,
    JsonSchema,
    Named,
    Part,
    ResponseFormat,
    Temperature,
    Tokens,
    Tool,
    Unit,
)
from harmonic_stack.errors import BadRequest, UnsupportedParameter

WITHOUT_EFFECT = frozenset(
    {
        "max_tool_calls",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "stream_options",
        "truncation",
        "user",
    }
)


LOGPROBS = "message.output_text.logprobs"


class FunctionTool(msgspec.Struct):
    name: FunctionName
    type: Literal["function"] = "function"
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class NamedChoice(msgspec.Struct):
    name: str
    type: Literal["function"] = "function"


class TextFormat(msgspec.Struct):
    type: str = "text"
    name: FunctionName | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None


class Text(msgspec.Struct):
    format: TextFormat | None = None
    verbosity: str | None = None


class ResponseBody(msgspec.Struct, kw_only=True):
    """The fields that are read; others are ignored and never forwarded."""

    model: str
    input: str | list[dict[str, Any]]
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: Tokens | None = None
    temperature: Temperature | None = None
    top_p: Unit | None = None
    tools: Annotated[list[dict[str, Any]], Meta(max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedChoice | None = None
    parallel_tool_calls: bool | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    text: Text | None = None
    background: bool | None = None
    conversation: Any = None
    prompt: Any = None
    include: list[str] | None = None
    top_logprobs: int | None = None
    harmonic: Harmonic | None = None


class _ContentPart(msgspec.Struct):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    detail: Literal["auto", "low", "high"] = "auto"


class _Item(msgspec.Struct):
    """Any item; which fields it needs hangs on its type."""

    type: str = "message"
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | list[_ContentPart] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[_ContentPart] | None = None


def items_of(given: str | Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The input as items."""
    return [{"type": "message", "role": "user", "content": given}] if isinstance(given, str) else list(given)


def chat_body(asked: ResponseBody, items: Sequence[Mapping[str, Any]]) -> ChatBody:
    """The chat request that a conversation of *items*, earlier ones included, stands for.

    Raises:
        BadRequest, UnsupportedParameter: what a response cannot be asked for here.
    """
    for param, wanted in (
        ("background", asked.background),
        ("conversation", asked.conversation),
        ("prompt", asked.prompt),
        ("top_logprobs", asked.top_logprobs),
        ("include", asked.include is not None and LOGPROBS in asked.include),
    ):
        if wanted:
            raise UnsupportedParameter(param, "responses here are answered at once, from what the request holds")
    choice = asked.tool_choice
    return ChatBody(
        model=asked.model,
        messages=[*([ChatMessage("system", asked.instructions)] if asked.instructions else []), *_messages(items)],
        stream=asked.stream,
        temperature=asked.temperature,
        top_p=asked.top_p,
        max_completion_tokens=asked.max_output_tokens,
        tools=[_tool(tool, place) for place, tool in enumerate(asked.tools)] if asked.tools else None,
        tool_choice=Choice(Named(choice.name)) if isinstance(choice, NamedChoice) else choice,
        parallel_tool_calls=asked.parallel_tool_calls if asked.tools else None,
        response_format=_format(asked.text.format if asked.text is not None else None),
        metadata=dict(asked.metadata) if asked.metadata is not None else None,
        harmonic=asked.harmonic,
    )


def _messages(items: Sequence[Mapping[str, Any]]) -> list[ChatMessage]:
    messages: list[ChatMessage] = []
    for place, given in enumerate(items):
        item = _converted(given, _Item, f"input[{place}]")
        if item.type == "message":
            if item.role is None:
                raise BadRequest("a message has a role", f"input[{place}].role")
            messages.append(ChatMessage(item.role, _content(item.content, f"input[{place}]")))
        elif item.type == "function_call":
            called = {"name": item.name, "arguments": item.arguments}
            call = _converted({"id": item.call_id, "function": called}, Call, f"input[{place}]")
            if messages and messages[-1].role == "assistant":  # what it said and all that it called is one message
                messages[-1].tool_calls = [*(messages[-1].tool_calls or ()), call]
            else:
                messages.append(ChatMessage("assistant", tool_calls=[call]))
        elif item.type == "function_call_output":
            if item.call_id is None:
                raise BadRequest("an output names the call that it answers", f"input[{place}].call_id")
            content = _content(item.output, f"input[{place}]")
            messages.append(ChatMessage("tool", content, tool_call_id=item.call_id))
        elif item.type != "reasoning":  # which is not shown to a model again
            raise UnsupportedParameter(f"input[{place}].type", "items are messages, function calls and their outputs")
    return messages


def _content(content: str | list[_ContentPart] | None, place: str) -> str | list[Part] | None:
    if not isinstance(content, list):
        return content
    parts: list[Part] = []
    for at, part in enumerate(content):
        if part.type in ("input_text", "output_text", "text"):
            parts.append(Part("text", part.text))
        elif part.type == "refusal":
            parts.append(Part("refusal", refusal=part.refusal))
        elif part.type == "input_image" and part.image_url is not None:
            parts.append(Part("image_url", image_url=ImageUrl(part.image_url, part.detail)))
        else:
            raise UnsupportedParameter(f"{place}.content[{at}]", "content is text, or images with an image_url")
    return parts


def _tool(given: dict[str, Any], place: int) -> Tool:
    if given.get("type") != "function":
        raise UnsupportedParameter(f"tools[{place}].type", "tools are functions that the caller runs")
    tool = _converted(given, FunctionTool, f"tools[{place}]")
    return Tool(Function(tool.name, tool.description, tool.parameters, tool.strict))


def _format(form: TextFormat | None) -> ResponseFormat | None:
    if form is None or form.type == "text":
        return None
    if form.type != "json_schema":
        return ResponseFormat(form.type)
    return ResponseFormat(form.type, JsonSchema(form.name or "answer", form.schema, form.strict, form.description))


def _converted(given: Any, kind: Any, place: str) -> Any:
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise BadRequest(message, place + path.rstrip("`")) from None
