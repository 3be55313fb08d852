"""What the tests' own engine leaves behind."""

import asyncio
import gc
import socket
import warnings

import pytest

from tests.fake_engine import fake_engine


async def call_and_leave(turns: int) -> None:
    """Connect, and end the engine *turns* turns of the loop later."""
    async with fake_engine() as fake:
        with socket.create_connection(("127.0.0.1", int(fake.url.split(":")[2].removesuffix("/v1")))):
            for _ in range(turns):
                await asyncio.sleep(0)


@pytest.mark.parametrize("turns", range(6))
def test_a_connection_made_at_the_very_end_is_closed_too(turns: int) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        with asyncio.Runner() as runner:
            runner.run(call_and_leave(turns))
        gc.collect()
    assert [str(warning.message) for warning in told] == []
