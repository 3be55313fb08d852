"""GET /v1/models, and the two routes that anybody may ask: /health and /ready."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from harmonic_stack.daemon import Daemon
from harmonic_stack.errors import ModelNotFound

router = APIRouter()


def daemon_of(request: Request) -> Daemon:
    """The daemon that this application serves."""
    daemon: Daemon = request.app.state.daemon
    return daemon


TheDaemon = Annotated[Daemon, Depends(daemon_of)]


@router.get("/v1/models")
async def list_models(daemon: TheDaemon) -> dict[str, Any]:
    """The names that ``model`` may have: the crew's ways of answering, each agent, each engine model."""
    return {"object": "list", "data": [_model(daemon, name) for name in daemon.names.all]}


@router.get("/v1/models/{name:path}")
async def get_model(name: str, daemon: TheDaemon) -> dict[str, Any]:
    """One of them."""
    if name not in daemon.names.all:
        raise ModelNotFound(name, daemon.names.all)
    return _model(daemon, name)


@router.get("/health")
async def health() -> dict[str, str]:
    """The process serves requests; says nothing else."""
    return {"status": "ok"}


@router.get("/ready")
async def ready(daemon: TheDaemon, response: Response) -> dict[str, str]:
    """The engine answers and new queries are taken; 503 otherwise."""
    if daemon.orchestrator.conductor.closed or not await daemon.engine.health():
        response.status_code = 503
        return {"status": "not ready"}
    return {"status": "ready"}


def _model(daemon: Daemon, name: str) -> dict[str, Any]:
    owner = "engine" if name in daemon.names.models and name not in daemon.names.agents else "harmonic-stack"
    return {"id": name, "object": "model", "created": int(daemon.started), "owned_by": owner}
