"""A chat completion request: bytes in, a checked ``Query`` out, or an error that names the field.

Other routes translate their requests into the same body, so that every check stands here once.
"""

import math
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from harmonic_stack.api.chat_body import WITHOUT_EFFECT, ChatBody, Choice, Harmonic, ResponseFormat
from harmonic_stack.api.chat_messages import read_messages
from harmonic_stack.api.decoding import decode
from harmonic_stack.config import Config
from harmonic_stack.engine.capabilities import ALL, Capability
from harmonic_stack.errors import BadRequest, ModelNotFound, SessionNameInvalid, UnsupportedParameter
from harmonic_stack.model_names import Names
from harmonic_stack.names import is_name
from harmonic_stack.query import Mode, Options, Query, Sampling, Tools

MAX_STOPS = 4
_decoder = msgspec.json.Decoder(ChatBody)


class Ask(msgspec.Struct, frozen=True):
    """A checked request: the query, and how its answer goes over the wire."""

    query: Query
    stream: bool
    include_usage: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """What a request is checked against: the names that there are, the settings, and what an engine can do.

    ``features`` tells it of the engine that a request reaches, by its way of answering and its model's name.
    """

    names: Names
    config: Config
    features: Callable[[Mode, str], frozenset[Capability]] = lambda _mode, _model: ALL


def parse_chat_request(body: bytes, reader: Reader, *, session: str | None, caller: str) -> Ask:
    """Read and check a request.

    Args:
        body: the raw JSON.
        session: the ``X-Session-Id`` header; ``metadata.session_id`` is used where it is None. A query whose session
            is "" continues the chain of its history, or starts a new one.
        caller: id of the key that asks.

    Raises:
        BadRequest, UnsupportedParameter, ModelNotFound, SessionNameInvalid: what is wrong, and with which field.
    """
    return read_chat(decode(_decoder, body, ignored=WITHOUT_EFFECT), reader, session=session, caller=caller)


def read_chat(asked: ChatBody, reader: Reader, *, session: str | None, caller: str) -> Ask:
    """Check a request that was decoded, or translated from another route's; see ``parse_chat_request``."""
    mode, agent = mode_of(asked.model, reader.names)
    features = reader.features(mode, asked.model)
    _refuse_unsupported(asked, mode, features)
    query = Query(
        id=f"q-{secrets.token_hex(8)}",
        session=_session(session, asked.metadata),
        model=asked.model,
        mode=mode,
        agent=agent,
        messages=read_messages(asked.messages, most=reader.config.server.max_messages, vision="vision" in features),
        sampling=_sampling(asked),
        options=_options(asked.harmonic, reader.names, reader.config),
        caller=caller,
        started=time.time(),
        tools=_tools(asked),
        choices=asked.n or 1,
    )
    usage = asked.stream_options is not None and asked.stream_options.include_usage
    return Ask(query, stream=bool(asked.stream), include_usage=usage)


def _refuse_unsupported(asked: ChatBody, mode: Mode, features: frozenset[Capability]) -> None:
    """What this model or engine cannot do is refused by name, never ignored in silence."""
    if mode.merges:
        if asked.n is not None and asked.n > 1:
            raise UnsupportedParameter("n", "one answer is made from many drafts; ask one agent or model for several")
        if asked.logprobs or asked.top_logprobs:
            raise UnsupportedParameter("logprobs", "a merged answer has no token probabilities of its own")
    for param, there, instead in (
        ("functions", asked.functions, "tools have taken their place"),
        ("function_call", asked.function_call not in (None, "none", "auto"), "tool_choice has taken its place"),
        ("modalities", asked.modalities and asked.modalities != ["text"], "answers are text"),
        ("audio", asked.audio is not None, "answers are text"),
        ("web_search_options", asked.web_search_options is not None, "nothing is searched for a caller"),
    ):
        if there:
            raise UnsupportedParameter(param, instead)
    if asked.top_logprobs is not None and not asked.logprobs:
        raise BadRequest("needs logprobs to be true", "top_logprobs")
    must_call = asked.tool_choice == "required" or isinstance(asked.tool_choice, Choice)
    penalised = asked.frequency_penalty or asked.presence_penalty
    form = asked.response_format
    needs: tuple[tuple[str, Capability, object], ...] = (
        ("logprobs", "logprobs", asked.logprobs),
        ("logit_bias", "logit_bias", asked.logit_bias),
        ("tools", "tools", asked.tools and asked.tool_choice != "none"),
        ("tool_choice", "tool_choice", asked.tools and must_call),
        ("frequency_penalty" if asked.frequency_penalty else "presence_penalty", "penalties", penalised),
        ("response_format", "json_schema", form is not None and form.type != "text"),
        ("seed", "seed", asked.seed is not None),
    )
    for param, feature, wanted in needs:
        if wanted and feature not in features:
            raise UnsupportedParameter(param, "the engine, or its model, cannot do it")


def mode_of(model: str, names: Names) -> tuple[Mode, str | None]:
    """The way of answering that a model's name stands for, and the agent that it names.

    Raises:
        ModelNotFound: there is no such name.
    """
    if model in (Mode.AUTO.value, Mode.FULL.value, Mode.DEEP.value):
        return Mode(model), None
    if model == Mode.FAST.value:
        return Mode.FAST, names.executive
    if model in names.agents:
        return Mode.AGENT, model
    if model in names.models:
        return Mode.MODEL, None
    raise ModelNotFound(model, names.all)


def _session(header: str | None, metadata: Mapping[str, Any] | None) -> str:
    name = header if header is not None else (metadata or {}).get("session_id")
    if name is None:
        return ""
    if not isinstance(name, str) or not is_name(name):
        raise SessionNameInvalid(str(name))
    return name


def _tools(asked: ChatBody) -> Tools | None:
    if not asked.tools:
        if asked.tool_choice is not None and asked.tool_choice not in ("none", "auto"):
            raise BadRequest("there are no tools to choose from", "tool_choice")
        return None
    definitions = tuple({"type": "function", "function": msgspec.to_builtins(tool.function)} for tool in asked.tools)
    if asked.tool_choice == "none":
        return None
    choice: str | dict[str, Any] | None
    if isinstance(asked.tool_choice, Choice):
        name = asked.tool_choice.function.name
        if name not in {tool.function.name for tool in asked.tools}:
            raise BadRequest("names a function that is not among the tools", "tool_choice")
        choice = {"type": "function", "function": {"name": name}}
    else:
        choice = asked.tool_choice
    return Tools(definitions, choice, asked.parallel_tool_calls)


def _sampling(asked: ChatBody) -> Sampling:
    stop = (asked.stop,) if isinstance(asked.stop, str) else tuple(asked.stop or ())
    if len(stop) > MAX_STOPS:
        raise BadRequest(f"at most {MAX_STOPS} stop sequences are taken, not {len(stop)}", "stop")
    return Sampling(
        temperature=asked.temperature,
        top_p=asked.top_p,
        frequency_penalty=asked.frequency_penalty,
        presence_penalty=asked.presence_penalty,
        logit_bias=asked.logit_bias,
        stop=tuple(word for word in stop if word),
        seed=asked.seed,
        max_tokens=asked.max_completion_tokens or asked.max_tokens,
        response_format=_format(asked.response_format),
        logprobs=bool(asked.logprobs),
        top_logprobs=asked.top_logprobs,
    )


def _format(asked: ResponseFormat | None) -> dict[str, Any] | None:
    if asked is None:
        return None
    if asked.type not in ("text", "json_object", "json_schema"):
        raise BadRequest("must be text, json_object or json_schema", "response_format.type")
    if asked.type != "json_schema":
        return {"type": asked.type}
    if asked.json_schema is None or asked.json_schema.schema is None:
        raise BadRequest("a json_schema has a name and a schema", "response_format.json_schema")
    form: dict[str, Any] = msgspec.to_builtins(asked)
    return form


def _options(asked: Harmonic | None, names: Names, config: Config) -> Options:
    if asked is None:
        return Options()
    for name in asked.agents or ():
        if name not in names.agents:
            raise BadRequest(f'there is no agent "{name[:64]}"', "harmonic.agents")
    options = Options(
        agents=None if asked.agents is None else tuple(dict.fromkeys(asked.agents)),
        most=asked.most,
        draft_tokens=asked.draft_tokens,
        deadline=asked.deadline,
        stream=asked.stream,
        trace=asked.trace,
    )
    limits = config.limits
    for param, value, limit in (
        ("most", asked.most, limits.most),
        ("draft_tokens", asked.draft_tokens, limits.draft_tokens),
        ("deadline", asked.deadline, limits.deadline_seconds),
    ):
        if value is not None and (value > limit or not math.isfinite(value)):
            raise BadRequest(f"at most {limit:g} is allowed here, not {value:g}", f"harmonic.{param}")
    return options


def with_session(ask: Ask, session: str, *, begins: bool = False) -> Ask:
    """The same request in another session, which it *begins* or goes on with."""
    return replace(ask, query=replace(ask.query, session=session, begins=begins))
