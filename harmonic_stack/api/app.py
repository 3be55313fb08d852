"""The HTTP application: one door for all routes, the chat route as plain ASGI, FastAPI for the rest."""

import logging
import time
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from harmonic_stack import __version__
from harmonic_stack.api import admin, cors, metrics_route, models, responses, spine_routes
from harmonic_stack.api.answer_route import AnswerRoute
from harmonic_stack.api.asgi import (
    ClientGone,
    Message,
    Receive,
    Scope,
    Send,
    checked_body,
    has_body,
    send_json,
)
from harmonic_stack.api.door import Door, header
from harmonic_stack.api.lane import Lane
from harmonic_stack.api.openapi import with_plain_routes
from harmonic_stack.api.plain_routes import PlainRoute, plain_routes
from harmonic_stack.api.replays import Replays
from harmonic_stack.api.reply import id_headers, problem_content, problem_headers, request_id
from harmonic_stack.config import Server
from harmonic_stack.daemon import Daemon
from harmonic_stack.errors import BadRequest, HarmonicError, MethodNotAllowed, RouteNotFound
from harmonic_stack.metrics import Metrics
from harmonic_stack.problems import PROBLEMS, problem_of

log = logging.getLogger(__name__)
# Routes of FastAPI's that take a body: it is JSON, checked before FastAPI sees it, but for those that read their own.
JSON_BODIES = ADMIN = "/admin/"
OWN_BODIES = frozenset({"/admin/spine/import"})


class App(FastAPI):
    """FastAPI with a door in front of every route and a fast lane for those that answer at length."""

    door: Door
    plain: dict[str, PlainRoute]
    replays: Replays
    lane: Lane
    metrics: Metrics
    limits: Server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; every reply bears an ``x-request-id``, every failure has OpenAI's shape."""
        assert scope["type"] == "http", "the server speaks neither WebSocket nor lifespan"
        page = self.door.page(scope)
        reply = _Reply(send, header(scope["headers"], b"x-request-id"), scope["path"], cors.answer_headers(page))
        begun = time.monotonic()
        try:
            if page is not None and cors.is_preflight(scope):
                told = cors.preflight_headers(scope)
                await reply.send({"type": "http.response.start", "status": 204, "headers": told})
                await reply.send({"type": "http.response.body", "body": b""})
                return
            caller = self.door.admit(scope)
            route = self.plain.get(scope["path"])
            if route is None:
                if scope["method"] == "HEAD" and not scope["path"].startswith(ADMIN):
                    scope = {**scope, "method": "GET"}  # uvicorn leaves out the body of what was asked with HEAD
                scope.setdefault("state", {})["caller"] = caller
                if scope["path"].startswith(JSON_BODIES) and scope["path"] not in OWN_BODIES and has_body(scope):
                    receive = await checked_body(scope, receive, self.limits)
                await super().__call__(scope, receive, reply.send)
            elif scope["method"] != "POST":
                raise MethodNotAllowed(scope["method"], ["POST"])
            elif (key := header(scope["headers"], b"idempotency-key")) is not None:
                await self.replays.serve(route, key, scope, receive, reply.send, caller)
            else:
                await route(scope, receive, reply.send, caller)
        except (ClientGone, ClientDisconnect):
            return
        except Exception as error:
            if reply.started:
                raise
            if not isinstance(error, HarmonicError):
                log.exception("a request failed", extra={"request_id": reply.id})
            body = problem_content(error, scope["path"])
            await send_json(reply.send, problem_of(error).status, body, problem_headers(error))
        finally:
            self.metrics.request(self._route_of(scope), reply.status, time.monotonic() - begun)

    def _route_of(self, scope: Scope) -> str:
        """The path of the route that answered, as it is declared: a caller's own words are no label."""
        if scope["path"] in self.plain:
            return str(scope["path"])
        return str(getattr(scope.get("route"), "path", "other"))

    def openapi(self) -> dict[str, Any]:
        """The description of all routes."""
        if self.openapi_schema is None:
            self.openapi_schema = with_plain_routes(super().openapi(), self.state.daemon.names)
        return self.openapi_schema


class _Reply:
    """Adds the request's id and the time it took to begin to the reply, and knows whether it has begun."""

    def __init__(self, send: Send, asked: str | None, path: str, more: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self.id, self._path = request_id(asked), path
        self.started, self.status = False, 0
        self._send, self._more, self._since = send, more, time.monotonic()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            took = b"%d" % int((time.monotonic() - self._since) * 1000)
            own = [*id_headers(self.id, self._path), (b"openai-processing-ms", took)]
            message["headers"] = [*message.get("headers", ()), *own, *self._more]
        await self._send(message)


def create_app(daemon: Daemon) -> App:
    """The application that serves a running daemon."""
    app = App(title="Harmonic Stack", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.daemon = daemon
    app.metrics, app.limits = daemon.metrics, daemon.config.server
    app.door = Door(daemon.config.server, daemon.keys)
    app.plain = plain_routes(daemon)
    app.replays = Replays(daemon.config.server)
    short = {path: route for path, route in app.plain.items() if isinstance(route, AnswerRoute)}
    app.lane = Lane(app.door, short, app.metrics, app.limits)
    app.include_router(models.router)
    app.include_router(responses.router)
    app.include_router(admin.router)
    app.include_router(spine_routes.router)
    app.include_router(metrics_route.router)
    for kind in PROBLEMS:
        app.add_exception_handler(kind, _explain)
    app.add_exception_handler(RequestValidationError, _explain_validation)
    app.add_exception_handler(HTTPException, _explain_http)
    return app


async def _explain(request: Request, error: Exception) -> Response:
    headers = {name.decode(): value.decode() for name, value in problem_headers(error)}
    return JSONResponse(problem_content(error, request.url.path), status_code=problem_of(error).status, headers=headers)


async def _explain_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = dict(error.errors()[0])
    field = ".".join(str(part) for part in first["loc"][1:])
    return await _explain(request, BadRequest(str(first["msg"]), field or None))


async def _explain_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return await _explain(request, MethodNotAllowed(request.method, _methods_of(request)))
    if error.status_code == 404:
        return await _explain(request, RouteNotFound(request.method, request.url.path))
    return await _explain(request, BadRequest(str(error.detail)))


def _methods_of(request: Request) -> list[str]:
    """The methods of all routes at this path: one path may have a route for each."""

    def there(method: str) -> bool:
        asked = {**request.scope, "method": method}
        return any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)

    found = [method for method in ("DELETE", "GET", "PATCH", "POST") if there(method)]
    return [*found, "HEAD"] if "GET" in found and not request.url.path.startswith(ADMIN) else found
