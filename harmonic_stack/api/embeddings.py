"""POST /v1/embeddings: by an engine's own model where the engine can, or by the encoder that the spine uses."""

import base64
import secrets
import struct
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from harmonic_stack.api.asgi import ClientGone, Receive, Scope, Send, read_json_body, send_json
from harmonic_stack.api.decoding import decode
from harmonic_stack.config import Config
from harmonic_stack.encoder_off_loop import Encoders
from harmonic_stack.engine.whole import post_json
from harmonic_stack.errors import (
    BadRequest,
    EngineRefused,
    EngineStreamFailed,
    ModelNotFound,
    StreamFault,
    UnsupportedParameter,
)
from harmonic_stack.model_names import Names
from harmonic_stack.orchestrator import Orchestrator
from harmonic_stack.prompts import estimate_tokens

MOST_INPUTS = 2_048
PATH = "/embeddings"


class EmbeddingBody(msgspec.Struct, kw_only=True):
    """The fields that are read; others are ignored and never forwarded."""

    model: str
    input: str | list[Any]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Meta(ge=1)] | None = None


class _Item(msgspec.Struct):
    embedding: list[float]
    index: int = 0


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0


class _Found(msgspec.Struct):
    data: list[_Item]
    usage: _Usage = msgspec.field(default_factory=_Usage)


_decoder = msgspec.json.Decoder(EmbeddingBody)
_decode_found = msgspec.json.Decoder(_Found).decode


class EmbeddingsRoute:
    """Answers requests for embeddings."""

    def __init__(self, names: Names, config: Config, orchestrator: Orchestrator, encoders: Encoders) -> None:
        self._names, self._config, self._orchestrator, self._encoders = names, config, orchestrator, encoders

    async def __call__(self, scope: Scope, receive: Receive, send: Send, caller: str) -> None:
        """Answer one request of the key *caller*. Errors are raised."""
        try:
            body = await read_json_body(scope, receive, self._config.server)
        except ClientGone:
            return
        asked = decode(_decoder, body, ignored={"user"})
        async with self._orchestrator.conductor.admitted(f"e-{secrets.token_hex(8)}", caller):
            if asked.model in self._names.encoders:
                vectors, tokens = await self._own(asked)
            elif asked.model not in self._names.models:
                raise ModelNotFound(asked.model, [*self._names.encoders, *self._names.models])
            elif "embeddings" not in self._orchestrator.seats.pool_of(asked.model).can:
                raise UnsupportedParameter("model", f"it makes no embeddings; {', '.join(self._names.encoders)} does")
            else:
                vectors, tokens = await self._engines(asked)
        await send_json(send, 200, _reply(asked, vectors, tokens))

    async def _own(self, asked: EmbeddingBody) -> tuple[list[bytes], int]:
        texts = _texts(asked.input)
        if any(not isinstance(text, str) for text in texts):
            raise UnsupportedParameter("input", "this model takes texts, not tokens")
        rows = await self._encoders.encode(asked.model, texts)
        _check_dimensions(asked.dimensions, rows.shape[1])
        return [row.astype("<f4").tobytes() for row in rows], sum(map(estimate_tokens, texts))

    async def _engines(self, asked: EmbeddingBody) -> tuple[list[bytes], int]:
        """An engine's vectors; what it does with ``dimensions`` is checked by their length."""
        inputs = asked.input if isinstance(asked.input, str) else _texts(asked.input)
        wanted: dict[str, Any] = {"model": asked.model, "input": inputs, "encoding_format": "float"}
        if asked.dimensions is not None:
            wanted["dimensions"] = asked.dimensions
        seats = self._orchestrator.seats
        pool = seats.pool_of(asked.model)
        wanted["model"] = pool.model
        async with pool.slots.slot(1):
            seconds = self._config.engine.first_token_seconds
            try:
                answer = await post_json(pool.upstream, PATH, msgspec.json.encode(wanted), seconds=seconds)
            except EngineStreamFailed as error:
                if error.blames_the_request:
                    raise EngineRefused(error.detail) from None
                raise
        try:
            found = _decode_found(answer)
        except msgspec.DecodeError as error:
            raise EngineStreamFailed(StreamFault.MALFORMED, f"{error} in {answer[:80]!r}") from None
        ordered = [item.embedding for item in sorted(found.data, key=lambda item: item.index)]
        for vector in ordered:
            _check_dimensions(asked.dimensions, len(vector))
        return [struct.pack(f"<{len(vector)}f", *vector) for vector in ordered], found.usage.prompt_tokens


def _texts(given: str | list[Any]) -> list[Any]:
    texts = [given] if isinstance(given, str) else given
    if not 1 <= len(texts) <= MOST_INPUTS:
        raise BadRequest(f"1 to {MOST_INPUTS} texts are taken at a time, not {len(texts)}", "input")
    if any(text in ("", []) for text in texts):
        raise BadRequest("a text has one character at least", "input")
    return texts


def _check_dimensions(wanted: int | None, there: int) -> None:
    if wanted is not None and wanted != there:
        raise UnsupportedParameter("dimensions", f"this model's vectors have {there} numbers")


def _reply(asked: EmbeddingBody, vectors: Sequence[bytes], tokens: int) -> dict[str, Any]:
    """The reply; each vector comes as float32 in little-endian order, and so it leaves in base64."""
    data = [
        {"object": "embedding", "index": index, "embedding": _written(vector, asked.encoding_format)}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": asked.model, "usage": usage}


def _written(vector: bytes, form: str) -> str | list[float]:
    if form == "base64":
        return base64.b64encode(vector).decode()
    return list(struct.unpack(f"<{len(vector) // 4}f", vector))
