"""A running stack on the real engine with the real model, started as a person starts it; shared by a module's tests."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from launcher.loopback import free_port
from tests.cli import Home


@pytest.fixture
async def home() -> AsyncIterator[Home]:
    """A fresh home folder with a short path (sockets live in it)."""
    with tempfile.TemporaryDirectory(prefix="hs-") as folder:
        found = Home(Path(folder) / "home").make()
        yield found
        left = [process.name() for process in found.processes()]
        if left:  # a test that failed half-way must not burden the next one
            await found.run("down")
        assert left == [], "the test left processes behind"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Home]:
    """A stack that is up, on the embedded engine and the embedded store."""
    with tempfile.TemporaryDirectory(prefix="hs-") as folder:
        found = Home(Path(folder) / "home").make()
        up = await found.run("up", "--detach", "--port", str(free_port()))
        assert up.code == 0, up.err
        try:
            yield found
        finally:
            down = await found.run("down")
        assert down.code == 0, down.err
        assert found.processes() == []
