"""The body of Anthropic's POST /v1/messages, and its translation into that of a chat completion."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from harmonic_stack.api.chat_body import (
    Call,
    CalledFunction,
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

WITHOUT_EFFECT = frozenset({"service_tier", "context_management", "container", "inference_geo"})


class Source(msgspec.Struct):
    type: str
    media_type: str | None = None
    data: str | None = None


class Block(msgspec.Struct):
    """Any block; which fields it needs hangs on its type."""

    type: str
    text: str | None = None
    source: Source | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None
    tool_use_id: str | None = None
    content: "str | list[Block] | None" = None
    is_error: bool | None = None


class AnthropicMessage(msgspec.Struct):
    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class AnthropicTool(msgspec.Struct):
    name: FunctionName
    input_schema: dict[str, Any] | None = None
    description: str | None = None
    type: str | None = None


class ToolChoice(msgspec.Struct):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool = False


class Thinking(msgspec.Struct):
    type: str


class Format(msgspec.Struct):
    """What the answer's text must be."""

    type: Literal["json_schema"]
    schema: dict[str, Any]


class OutputConfig(msgspec.Struct):
    format: Format | None = None
    effort: str | None = None


class Metadata(msgspec.Struct):
    user_id: str | None = None


class MessageBody(msgspec.Struct, kw_only=True):
    """The fields that are read; others are ignored and never forwarded."""

    model: str
    messages: list[AnthropicMessage]
    max_tokens: Tokens
    system: str | list[Block] | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    temperature: Temperature | None = None
    top_p: Unit | None = None
    top_k: int | None = None
    tools: Annotated[list[AnthropicTool], Meta(max_length=128)] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    metadata: Metadata | None = None
    mcp_servers: list[Any] | None = None
    output_config: OutputConfig | None = None
    output_format: Format | None = None
    harmonic: Harmonic | None = None

    @property
    def shows_drafts(self) -> bool:
        """True where the caller wants thinking blocks: then the drafts are these."""
        return self.thinking is not None and self.thinking.type != "disabled"


class CountBody(MessageBody, kw_only=True):
    """The same for a count of tokens, where nothing will be written."""

    max_tokens: Tokens = 1


def chat_body(asked: MessageBody) -> ChatBody:
    """The chat request that a message request stands for.

    Raises:
        BadRequest, UnsupportedParameter: what a message cannot be asked for here.
    """
    for param, wanted in (("top_k", asked.top_k is not None), ("mcp_servers", asked.mcp_servers)):
        if wanted:
            raise UnsupportedParameter(param, "no engine here is asked for it")
    system = _text(asked.system, "system")
    messages = [ChatMessage("system", system)] if system else []
    for place, message in enumerate(asked.messages):
        messages += _messages(message, f"messages[{place}]")
    choice = asked.tool_choice if asked.tools else None
    form = asked.output_config.format if asked.output_config is not None else None
    return ChatBody(
        model=asked.model,
        messages=messages,
        stream=asked.stream,
        max_completion_tokens=asked.max_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        stop=asked.stop_sequences,
        tools=[_tool(tool, place) for place, tool in enumerate(asked.tools)] if asked.tools else None,
        tool_choice=_choice(choice),
        parallel_tool_calls=False if choice is not None and choice.disable_parallel_tool_use else None,
        response_format=_format(form or asked.output_format),
        harmonic=asked.harmonic,
    )


def _format(form: Format | None) -> ResponseFormat | None:
    if form is None:
        return None
    return ResponseFormat(form.type, JsonSchema("answer", form.schema, strict=True))


def _messages(message: AnthropicMessage, place: str) -> list[ChatMessage]:
    """One of theirs is up to several of ours: results of tools are messages of their own."""
    if isinstance(message.content, str):
        return [ChatMessage(message.role, message.content)]
    results: list[ChatMessage] = []
    parts: list[Part] = []
    calls: list[Call] = []
    for at, block in enumerate(message.content):
        here = f"{place}.content[{at}]"
        if block.type == "tool_use":
            if not block.id or not block.name:
                raise BadRequest("a tool_use has an id and a name", here)
            arguments = msgspec.json.encode(block.input or {}).decode()
            calls.append(Call(block.id, CalledFunction(block.name, arguments)))
        elif block.type == "tool_result":
            if not block.tool_use_id:
                raise BadRequest("a tool_result names the tool_use that it answers", here)
            said = _text(block.content, f"{here}.content")
            text = f"Error: {said}" if block.is_error else said
            results.append(ChatMessage("tool", text, tool_call_id=block.tool_use_id))
        elif block.type not in ("thinking", "redacted_thinking"):  # these are not shown to a model again
            parts.append(_part(block, here))
    own = [ChatMessage(message.role, parts or None, tool_calls=calls or None)] if parts or calls else []
    return [*results, *own]


def _part(block: Block, place: str) -> Part:
    if block.type == "text":
        return Part("text", block.text or "")
    if block.type != "image" or block.source is None:
        raise UnsupportedParameter(f"{place}.type", "blocks are text, image, tool_use and tool_result")
    if block.source.type != "base64":
        raise BadRequest("an image comes in base64 with the request; no address is fetched", f"{place}.source")
    return Part("image_url", image_url=ImageUrl(f"data:{block.source.media_type};base64,{block.source.data}"))


def _text(content: str | list[Block] | None, place: str) -> str:
    if not isinstance(content, list):
        return content or ""
    if any(block.type != "text" for block in content):
        raise UnsupportedParameter(place, "only text is taken here")
    return "\n".join(block.text or "" for block in content)


def _tool(tool: AnthropicTool, place: int) -> Tool:
    if tool.type not in (None, "custom"):
        raise UnsupportedParameter(f"tools[{place}].type", "tools are functions that the caller runs")
    return Tool(Function(tool.name, tool.description, tool.input_schema))


def _choice(choice: ToolChoice | None) -> Literal["none", "auto", "required"] | Choice | None:
    if choice is None:
        return None
    if choice.type == "tool":
        return Choice(Named(choice.name or ""))
    if choice.type == "none":
        return "none"
    return "required" if choice.type == "any" else "auto"
