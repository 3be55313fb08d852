"""Vectors from an engine, in two dialects: OpenAI's ``/v1/embeddings`` and Ollama's ``/api/embed``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from harmonic_stack.engine.connection import Upstream
from harmonic_stack.engine.whole import post_json
from harmonic_stack.errors import EngineStreamFailed, StreamFault
from launcher import Dialect

OPENAI, OLLAMA = "/embeddings", "/api/embed"


class _Item(msgspec.Struct):
    embedding: list[float]
    index: int = 0


class _OpenAI(msgspec.Struct):
    data: list[_Item]


class _Ollama(msgspec.Struct):
    embeddings: list[list[float]]


_read_openai = msgspec.json.Decoder(_OpenAI).decode
_read_ollama = msgspec.json.Decoder(_Ollama).decode


@dataclass(frozen=True)
class Embedder:
    """One model of one engine, to be asked for vectors; *digest* is the engine's own name for its weights, if any."""

    upstream: Upstream
    dialect: Dialect
    model: str
    seconds: float
    digest: str = ""
    keep_alive: int | str = "30m"  # how long Ollama holds the model after a call

    async def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of *texts*, in their order, as the engine gives them.

        Raises:
            EngineStreamFailed: no answer in time, a refusal, or what is no list of vectors.
        """
        wanted: dict[str, Any] = {"model": self.model, "input": list(texts)}
        wanted |= {"keep_alive": self.keep_alive} if self.dialect == "ollama" else {"encoding_format": "float"}
        path = OLLAMA if self.dialect == "ollama" else OPENAI
        answer = await post_json(self.upstream, path, msgspec.json.encode(wanted), seconds=self.seconds)
        try:
            if self.dialect == "ollama":
                return _read_ollama(answer).embeddings
            items = sorted(_read_openai(answer).data, key=lambda item: item.index)
        except msgspec.DecodeError as error:
            raise EngineStreamFailed(StreamFault.MALFORMED, f"{error} in {answer[:80]!r}") from None
        return [item.embedding for item in items]
