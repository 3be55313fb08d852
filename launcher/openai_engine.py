"""A server that runs already and speaks OpenAI's API: vLLM, LM Studio, llama-server, a second box."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from launcher.engine import Dialect, EngineSettings, Report
from launcher.errors import EngineUnreachable, UnknownModel
from launcher.http_client import control_client, model_ids
from launcher.plan_types import Plan

DEFAULT_SLOTS = 4  # of a server that does not tell how many it has; `prove_slots` tells whether it has them
MOST_SLOTS = 512  # as for `engine.slots`


@dataclass
class OpenAIEngine:
    """Somebody's server; see Engine for what each name means. Only its state changes."""

    base_url: str
    key: str | None = field(repr=False)
    slots: int
    models: tuple[str, ...]
    state: str = "ready"
    name: str = "openai"
    dialect: Dialect = "openai"
    note: str | None = None
    log: Path | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    told: bool = False  # the slots are what the server says, and neither set nor the default

    def shortfall(self, _model: str, /) -> str | None:
        return None

    def pids(self) -> list[int]:
        return []

    async def health(self) -> bool:
        async with control_client(self.key, timeout=5.0) as client:
            try:
                served = model_ids(await client.get(f"{self.base_url}/models"))
            except httpx.HTTPError:
                served = None
        self.state = "failed" if served is None else "ready"
        return served is not None


@asynccontextmanager
async def openai_engine(settings: EngineSettings, plan: Plan, *, report: Report) -> AsyncIterator[OpenAIEngine]:
    """Reach the server at `settings.url` and check that it has the plan's models.

    Raises EngineUnreachable and UnknownModel.
    """
    engine = await find_engine(settings)
    for pool in plan.pools:
        if pool.model not in engine.models:
            raise UnknownModel(pool.model, engine.models)
    report(f"using the engine at {engine.base_url}: {len(engine.models)} models, {engine.slots} slots each")
    yield engine
    engine.state = "stopped"


async def find_engine(settings: EngineSettings) -> OpenAIEngine:
    """Return the server at `settings.url`, with or without `/v1` at its end, and its models.

    Its slots are the settings', else those that it tells (llama.cpp's do), else DEFAULT_SLOTS. Call it before the plan
    to learn which models there are. Raises EngineUnreachable.
    """
    url = (settings.url or "").rstrip("/")
    reasons = []
    async with control_client(settings.api_key, timeout=min(10.0, settings.start_timeout)) as client:
        for base in (url,) if url.endswith("/v1") else (f"{url}/v1", url):
            try:
                answer = await client.get(f"{base}/models")
            except (httpx.HTTPError, httpx.InvalidURL) as exc:
                raise EngineUnreachable(url, str(exc) or type(exc).__name__) from exc
            models = model_ids(answer) if answer.status_code == httpx.codes.OK else None
            if models is not None:
                told = None if settings.slots else await _told_slots(client, base)
                slots = told or settings.slots or DEFAULT_SLOTS
                return OpenAIEngine(base, settings.api_key, slots, models, told=told is not None)
            reasons.append(f"{base}/models answered {_words(answer)}")
    raise EngineUnreachable(url, "; ".join(reasons))


async def _told_slots(client: httpx.AsyncClient, base: str) -> int | None:
    """Return how many slots llama.cpp's server says it has; None of others, which have no such route."""
    try:
        answer = await client.get(f"{base.removesuffix('/v1')}/props")
        told = answer.json().get("total_slots") if answer.status_code == httpx.codes.OK else None
    except (httpx.HTTPError, ValueError, AttributeError):
        return None
    return min(told, MOST_SLOTS) if type(told) is int and told > 0 else None


def _words(answer: httpx.Response) -> str:
    if answer.has_redirect_location:
        return f"{answer.status_code}, a redirect to {answer.headers['location']}, which is not followed"
    if answer.status_code == httpx.codes.OK:
        return "200, but no list of models"
    return f"{answer.status_code} {answer.reason_phrase}"
