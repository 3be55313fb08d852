"""The three stores that every bus test runs on."""

import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from spine import Bus, Retention, open_bus
from tests.conformance.servers import Server, embedded_program, system_program

SERVERS = ["embedded valkey", pytest.param("redis", marks=pytest.mark.redis_server)]


@dataclass(frozen=True)
class Store:
    """Where a test's bus stands; ``server`` is None for ``memory://``."""

    url: str
    prefix: str
    server: Server | None

    def open(
        self, *, record: Path | None = None, retention: Retention | None = None
    ) -> AbstractAsyncContextManager[Bus]:
        """Open one more bus on this store."""
        return open_bus(self.url, record=record, prefix=self.prefix, retention=retention or Retention())

    def written(self) -> list[str]:
        """Return the keys that this test's buses wrote."""
        return [key for key in self.server.all_keys() if key.startswith(f"{self.prefix}:")] if self.server else []


def _program(name: str) -> Path:
    if name == "embedded valkey":
        return embedded_program()
    found = system_program()
    if found is None:
        if os.environ.get("HARMONIC_REQUIRE_ALL") == "1":
            pytest.fail("no redis-server on PATH, and HARMONIC_REQUIRE_ALL=1")
        pytest.skip("no redis-server on PATH")
    return found


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Callable[[str], Server]]:
    """Give one running server of each kind for all tests of a module."""
    running: dict[str, Server] = {}

    def get(name: str) -> Server:
        if name not in running:
            running[name] = Server(_program(name))
            running[name].start()
        return running[name]

    yield get
    for server in running.values():
        server.remove()


@pytest.fixture(params=["memory", *SERVERS])
def store(request: pytest.FixtureRequest, shared_server: Callable[[str], Server]) -> Store:
    """Give an empty store of each kind: on a server shared by the module it is a prefix of its own."""
    if request.param == "memory":
        return Store("memory://", "", None)
    return _served(shared_server(request.param))


@pytest.fixture(params=SERVERS)
def served(request: pytest.FixtureRequest, shared_server: Callable[[str], Server]) -> Store:
    """Give an empty store of each kind that has a server."""
    return _served(shared_server(request.param))


def _served(server: Server) -> Store:
    return Store(server.url, f"t{uuid.uuid4().hex[:8]}", server)


@pytest.fixture
async def bus(store: Store) -> AsyncIterator[Bus]:
    """Give an open bus on each kind of store."""
    async with store.open() as bus:
        yield bus


@pytest.fixture(params=SERVERS)
def make_server(request: pytest.FixtureRequest) -> Iterator[Callable[..., Server]]:
    """Give a maker of servers that belong to one test, which may kill and wipe them."""
    made: list[Server] = []

    def make(program: Path, *options: str) -> Server:
        made.append(Server(program, *options))
        return made[-1].start()

    yield partial(make, _program(request.param))
    for server in made:
        server.remove()
