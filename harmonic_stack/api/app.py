"""The HTTP application: one door for all routes, the chat route as plain ASGI, FastAPI for the rest."""

import logging
import re
import secrets
import time
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from harmonic_stack import __version__
from harmonic_stack.api import admin, metrics_route, models, spine_routes
from harmonic_stack.api.asgi import ClientGone, Message, Receive, Scope, Send, checked_body, has_body, send_problem
from harmonic_stack.api.chat import ChatRoute
from harmonic_stack.api.door import Door, header
from harmonic_stack.config import Server
from harmonic_stack.daemon import Daemon
from harmonic_stack.errors import BadRequest, HarmonicError, MethodNotAllowed, RouteNotFound
from harmonic_stack.metrics import Metrics
from harmonic_stack.problems import PROBLEMS, error_body, problem_of, retry_after

log = logging.getLogger(__name__)
CHAT = "/v1/chat/completions"
# Routes of FastAPI's that take a body: it is JSON, checked before FastAPI sees it, but for those that read their own.
JSON_BODIES = "/admin/"
OWN_BODIES = frozenset({"/admin/spine/import"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class App(FastAPI):
    """FastAPI with a door in front of every route and a fast lane for chat completions."""

    door: Door
    chat: ChatRoute
    metrics: Metrics
    limits: Server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; every reply bears an ``x-request-id``, every failure has OpenAI's shape."""
        assert scope["type"] == "http", "the server speaks neither WebSocket nor lifespan"
        reply = _Reply(send, header(scope["headers"], b"x-request-id"))
        begun = time.monotonic()
        try:
            caller = self.door.admit(scope)
            if scope["path"] != CHAT:
                if scope["path"].startswith(JSON_BODIES) and scope["path"] not in OWN_BODIES and has_body(scope):
                    receive = await checked_body(scope, receive, self.limits)
                await super().__call__(scope, receive, reply.send)
            elif scope["method"] != "POST":
                raise MethodNotAllowed(scope["method"], ["POST"])
            else:
                await self.chat(scope, receive, reply.send, caller)
        except (ClientGone, ClientDisconnect):
            return
        except Exception as error:
            if reply.started:
                raise
            if not isinstance(error, HarmonicError):
                log.exception("a request failed", extra={"request_id": reply.id})
            await send_problem(reply.send, error)
        finally:
            self.metrics.request(_route_of(scope), reply.status, time.monotonic() - begun)


def _route_of(scope: Scope) -> str:
    """The path of the route that answered, as it is declared: a caller's own words are no label."""
    if scope["path"] == CHAT:
        return CHAT
    return str(getattr(scope.get("route"), "path", "other"))


class _Reply:
    """Adds the request's id to the reply, and knows whether it has begun."""

    def __init__(self, send: Send, asked: str | None) -> None:
        self.id = asked if asked and _REQUEST_ID.fullmatch(asked) else f"req-{secrets.token_hex(8)}"
        self.started, self.status = False, 0
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self.id.encode())]
        await self._send(message)


def create_app(daemon: Daemon) -> App:
    """The application that serves a running daemon."""
    app = App(title="Harmonic Stack", version=__version__, docs_url=None, redoc_url=None)
    app.state.daemon = daemon
    app.metrics, app.limits = daemon.metrics, daemon.config.server
    app.door = Door(daemon.config.server, daemon.keys)
    app.chat = ChatRoute(daemon.orchestrator, daemon.names, daemon.config)
    app.include_router(models.router)
    app.include_router(admin.router)
    app.include_router(spine_routes.router)
    app.include_router(metrics_route.router)
    for kind in PROBLEMS:
        app.add_exception_handler(kind, _explain)
    app.add_exception_handler(RequestValidationError, _explain_validation)
    app.add_exception_handler(HTTPException, _explain_http)
    return app


async def _explain(_: Request, error: Exception) -> Response:
    after = retry_after(error)
    headers = {"retry-after": str(after)} if after is not None else None
    return JSONResponse(error_body(error), status_code=problem_of(error).status, headers=headers)


async def _explain_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = dict(error.errors()[0])
    field = ".".join(str(part) for part in first["loc"][1:])
    return await _explain(request, BadRequest(str(first["msg"]), field or None))


async def _explain_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = Headers(error.headers).get("allow", "")
        return await _explain(request, MethodNotAllowed(request.method, allowed.split(", ")))
    if error.status_code == 404:
        return await _explain(request, RouteNotFound(request.method, request.url.path))
    return await _explain(request, BadRequest(str(error.detail)))
