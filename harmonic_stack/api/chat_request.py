"""The body of a chat completion request: bytes in, a checked ``Query`` out, or an error that names the field."""

import math
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from harmonic_stack.api.json_depth import MAX_DEPTH, too_deep
from harmonic_stack.config import Config
from harmonic_stack.errors import BadRequest, ModelNotFound, SessionNameInvalid, UnsupportedParameter
from harmonic_stack.model_names import Names
from harmonic_stack.names import is_name
from harmonic_stack.query import Message, Mode, Options, Query, Sampling

Unit = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Tokens = Annotated[int, Meta(ge=1, le=1_000_000)]


class _Part(msgspec.Struct):
    type: str
    text: str | None = None


class _Message(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[_Part] | None = None
    name: str | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool = False


class _Harmonic(msgspec.Struct, forbid_unknown_fields=True):
    agents: Annotated[list[str], Meta(min_length=1, max_length=64)] | None = None
    most: Annotated[int, Meta(ge=1)] | None = None
    draft_tokens: Annotated[int, Meta(ge=1)] | None = None
    deadline: Annotated[float, Meta(gt=0)] | None = None
    stream: Literal["sentences", "tokens", "off"] | None = None
    trace: bool = False


class _Body(msgspec.Struct):
    """The fields that are read; others are ignored and never forwarded."""

    model: str
    messages: list[_Message]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Unit | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: dict[str, Annotated[float, Meta(ge=-100, le=100)]] | None = None
    stop: str | list[str] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    n: Annotated[int, Meta(ge=1, le=8)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    response_format: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    harmonic: _Harmonic | None = None


_decoder = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True)
class Ask:
    """A checked request: the query, and how its answer goes over the wire."""

    query: Query
    stream: bool
    include_usage: bool


def parse_chat_request(body: bytes, *, names: Names, config: Config, session: str | None, caller: str) -> Ask:
    """Read and check a request.

    Args:
        body: the raw JSON.
        session: the ``X-Session-Id`` header; ``metadata.session_id`` is used where it is None. A query whose session
            is "" continues the chain of its history, or starts a new one.
        caller: id of the key that asks.

    Raises:
        BadRequest, UnsupportedParameter, ModelNotFound, SessionNameInvalid: what is wrong, and with which field.
    """
    asked = _decode(body)
    _refuse_unsupported(asked)
    if len(asked.messages) > config.server.max_messages:
        raise BadRequest(f"at most {config.server.max_messages} messages are taken", "messages")
    mode, agent = _mode(asked.model, names)
    query = Query(
        id=f"q-{secrets.token_hex(8)}",
        session=_session(session, asked.metadata),
        model=asked.model,
        mode=mode,
        agent=agent,
        messages=_messages(asked.messages),
        sampling=_sampling(asked),
        options=_options(asked.harmonic, names, config),
        caller=caller,
        started=time.time(),
    )
    usage = asked.stream_options is not None and asked.stream_options.include_usage
    return Ask(query, stream=bool(asked.stream), include_usage=usage)


def _decode(body: bytes) -> _Body:
    try:
        asked = _decoder.decode(body)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise BadRequest(message, path.rstrip("`").lstrip(".") or _missing(message)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"the body is no JSON: {error}") from None
    if too_deep(body):
        raise BadRequest(f"the body is nested more than {MAX_DEPTH} deep")
    return asked


def _missing(message: str) -> str | None:
    found = re.search(r"required field `(\w+)`", message)
    return found[1] if found else None


def _refuse_unsupported(asked: _Body) -> None:
    """What is not there yet is refused by name, never ignored in silence."""
    if asked.n is not None and asked.n > 1:
        raise UnsupportedParameter("n", "one answer is made from many drafts; ask again for another")
    if asked.logprobs or asked.top_logprobs:
        raise UnsupportedParameter("logprobs", "a merged answer has no token probabilities of its own")
    if asked.tools or asked.functions:
        raise UnsupportedParameter("tools", "tool calls are not served yet")


def _mode(model: str, names: Names) -> tuple[Mode, str | None]:
    if model in (Mode.AUTO.value, Mode.FULL.value):
        return Mode(model), None
    if model == Mode.FAST.value:
        return Mode.FAST, names.executive
    if model in names.agents:
        return Mode.AGENT, model
    if model in names.models:
        return Mode.MODEL, None
    raise ModelNotFound(model, names.all)


def _messages(messages: list[_Message]) -> tuple[Message, ...]:
    if not any(message.role == "user" for message in messages):
        raise BadRequest("there is no message with the role user", "messages")
    return tuple(Message(m.role, _text(m.content, place)) for place, m in enumerate(messages))


def _text(content: str | list[_Part] | None, place: int) -> str:
    if isinstance(content, list):
        for part in content:
            if part.type != "text":
                raise UnsupportedParameter(f"messages[{place}].content", f"parts of type {part.type!r} are not served")
        content = "".join(part.text or "" for part in content)
    return content or ""  # msgspec has refused lone surrogates already


def _session(header: str | None, metadata: Mapping[str, Any] | None) -> str:
    name = header if header is not None else (metadata or {}).get("session_id")
    if name is None:
        return ""
    if not isinstance(name, str) or not is_name(name):
        raise SessionNameInvalid(str(name))
    return name


def _sampling(asked: _Body) -> Sampling:
    stop = (asked.stop,) if isinstance(asked.stop, str) else tuple(asked.stop or ())
    if len(stop) > 4:
        raise BadRequest(f"at most 4 stop sequences are taken, not {len(stop)}", "stop")
    form = asked.response_format
    if form is not None and form.get("type") not in ("text", "json_object", "json_schema"):
        raise BadRequest("must be text, json_object or json_schema", "response_format.type")
    return Sampling(
        temperature=asked.temperature,
        top_p=asked.top_p,
        frequency_penalty=asked.frequency_penalty,
        presence_penalty=asked.presence_penalty,
        logit_bias=asked.logit_bias,
        stop=stop,
        seed=asked.seed,
        max_tokens=asked.max_completion_tokens or asked.max_tokens,
        response_format=form,
    )


def _options(asked: _Harmonic | None, names: Names, config: Config) -> Options:
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


def with_session(ask: Ask, session: str) -> Ask:
    """The same request in another session."""
    return replace(ask, query=replace(ask.query, session=session))
