"""Every route, asked with no key, a wrong one, one to ask with and one to administer with."""

import asyncio

import pytest

from tests.abuse.box import Box
from tests.test_house import served_routes

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN, INFERENCE, ADMIN = "open", "inference", "admin"
# A new route has to be added here by somebody who has decided who may use it.
ROUTES: dict[tuple[str, str], str] = {
    ("GET", "/health"): OPEN,
    ("GET", "/ready"): OPEN,
    ("GET", "/openapi.json"): INFERENCE,
    ("GET", "/metrics"): INFERENCE,
    ("GET", "/v1/models"): INFERENCE,
    ("GET", "/v1/models/{name}"): INFERENCE,
    ("GET", "/v1/models/{name:path}"): INFERENCE,
    ("POST", "/v1/chat/completions"): INFERENCE,
    ("POST", "/v1/completions"): INFERENCE,
    ("POST", "/v1/embeddings"): INFERENCE,
    ("POST", "/v1/messages"): INFERENCE,
    ("POST", "/v1/messages/count_tokens"): INFERENCE,
    ("POST", "/v1/responses"): INFERENCE,
    ("GET", "/v1/responses/{response}"): INFERENCE,
    ("GET", "/v1/responses/{response}/input_items"): INFERENCE,
    ("DELETE", "/v1/responses/{response}"): INFERENCE,
    ("GET", "/admin/status"): ADMIN,
    ("GET", "/admin/hardware"): ADMIN,
    ("GET", "/admin/plan"): ADMIN,
    ("GET", "/admin/agents"): ADMIN,
    ("PATCH", "/admin/agents/{name}"): ADMIN,
    ("GET", "/admin/engines"): ADMIN,
    ("GET", "/admin/queue"): ADMIN,
    ("GET", "/admin/queries/{query}"): ADMIN,
    ("POST", "/admin/queries/{query}/outcome"): ADMIN,
    ("GET", "/admin/spine/channels"): ADMIN,
    ("GET", "/admin/spine/channels/{channel}/signals"): ADMIN,
    ("POST", "/admin/spine/channels/2/signals"): ADMIN,
    ("GET", "/admin/spine/sessions"): ADMIN,
    ("GET", "/admin/spine/sessions/{session}"): ADMIN,
    ("GET", "/admin/spine/sessions/{session}/state"): ADMIN,
    ("DELETE", "/admin/spine/sessions/{session}"): ADMIN,
    ("DELETE", "/admin/spine/signals/{signal}"): ADMIN,
    ("GET", "/admin/spine/export"): ADMIN,
    ("POST", "/admin/spine/import"): ADMIN,
    ("GET", "/admin/spine/tail"): ADMIN,
}
# What each key gets: None is "let in".
ANSWERS: dict[str, dict[str, int | None]] = {
    OPEN: {"none": None, "wrong": None, "inference": None, "admin": None},
    INFERENCE: {"none": 401, "wrong": 401, "inference": None, "admin": None},
    ADMIN: {"none": 401, "wrong": 401, "inference": 403, "admin": None},
}


async def test_every_route_stands_in_the_table() -> None:
    told = {(method, path.replace(":path}", "}")) for method, path in ROUTES}
    served = {(method, path.replace(":path}", "}")) for method, path in served_routes()}
    assert told == served


@pytest.mark.parametrize("presented", ["none", "wrong", "inference", "admin"])
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route[0]} {route[1]}")
async def test_a_key_opens_what_it_is_for(box: Box, route: tuple[str, str], presented: str) -> None:
    method, path = route
    path = path.replace("{name:path}", "{name}").replace("{channel}", "0")
    for name in ("name", "query", "session", "response", "signal"):
        path = path.replace(f"{{{name}}}", "harmonic")
    keys = {"none": "", "wrong": f"{box.key}x", "inference": box.key, "admin": box.admin}
    status = await _status(box, method, path, keys[presented])
    wanted = ANSWERS[ROUTES[route]][presented]
    if wanted is None:
        assert status not in (0, 401, 403, 405)
        assert status < 500
    else:
        assert status == wanted


async def _status(box: Box, method: str, path: str, key: str) -> int:
    """The status alone: one of the routes never ends."""
    reader, writer = await box.open()
    with_key = f"Authorization: Bearer {key}\r\n" if key else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{with_key}"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    async with asyncio.timeout(10):
        line = await reader.readline()
    writer.transport.abort()
    return int(line.split()[1])
