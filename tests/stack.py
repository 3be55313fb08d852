"""The whole stack in the test's own event loop, served over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from harmonic_stack.api.app import create_app
from harmonic_stack.api.server import bound_socket, make_server
from harmonic_stack.config import Config
from harmonic_stack.daemon import Daemon, Say, running_stack
from harmonic_stack.host.keys import Scope
from harmonic_stack.host.paths import Paths
from launcher.power import Ask
from tests.helpers import until


@dataclass(frozen=True)
class Stack:
    """A served stack: its parts, its address and its keys."""

    daemon: Daemon
    url: str
    key: str
    admin: str

    def client(self, *, admin: bool = False) -> httpx.AsyncClient:
        """An HTTP client with one of the keys."""
        key = self.admin if admin else self.key
        return httpx.AsyncClient(base_url=self.url, headers={"authorization": f"Bearer {key}"}, timeout=60)


def paths_in(folder: Path) -> Paths:
    """All folders of a stack below one folder."""
    paths = Paths(*(folder / name for name in ("config", "data", "state", "run", "cache")))
    paths.make()
    return paths


@asynccontextmanager
async def served_stack(
    folder: Path,
    settings: dict[str, object] | None = None,
    *,
    ask: Ask | None = None,
    say: Say = lambda _: None,
    examine: bool = False,
) -> AsyncIterator[Stack]:
    """Run and serve a stack with *settings* by dotted key; *ask* tells of energy where this box does not.

    *examine*: the judge of ties is measured in idle time, as it always is outside of tests.
    """
    flags: dict[str, object] = {
        "spine.url": "memory://",
        "engine.prove": False,
        "engine.warm": False,
        **(settings or {}),
    }
    loaded = Config.load(None, env={"HOME": str(folder)}, flags=flags)
    told: dict[str, Any] = {} if ask is None else {"source": lambda *_: ("gpu", nullcontext(ask))}
    async with running_stack(loaded, paths_in(folder), say, **told) as daemon:
        listening = bound_socket("127.0.0.1", 0)
        server = make_server(create_app(daemon), loaded.config.server)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            await until(lambda: server.started, "the server listens")
            if examine:
                daemon.orchestrator.examining.quiet = 0.0
                daemon.use_idle_time()
            else:
                daemon.warming.begin()
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            yield Stack(daemon, url, daemon.keys.text(Scope.INFERENCE), daemon.keys.text(Scope.ADMIN))
        finally:
            server.force_exit = True
            server.stop()
            await serving
            listening.close()


def asking(text: str, model: str = "harmonic", **more: Any) -> dict[str, Any]:
    """The body of a request with one user message."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}
