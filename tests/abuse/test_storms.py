"""The same abuse over and over: what the process holds does not grow with it."""

import asyncio
import random

import pytest

from tests.abuse.box import Box
from tests.fake_engine import Act
from tests.stack import asking

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long, pytest.mark.timeout(600)]

ROUNDS, AT_ONCE = 30, 100
PLAY = lambda _: Act("word " * 100, delay=0.005)  # noqa: E731 - as the fixture wants it


async def test_thirty_storms_leave_no_slope(box: Box) -> None:
    chance = random.Random(3)
    sizes = []
    for _ in range(ROUNDS):
        await asyncio.gather(*(_caller(box, chance) for _ in range(AT_ONCE)))
        sizes.append((await box.quiet())["rss"])
    print([f"{size / 1e6:.1f}" for size in sizes])  # noqa: T201 - for -s
    assert sizes[-1] - sizes[ROUNDS // 3] < 5_000_000


async def _caller(box: Box, chance: random.Random) -> None:
    """Ask, break off, send nonsense, or stay."""
    request = box.post({**asking("Tell me.", "harmonic-fast"), "stream": chance.random() < 0.5})
    kind = chance.randrange(4)
    if kind == 0:
        await box.send(request, seconds=60)
        return
    _, writer = await box.open()
    writer.write({1: request, 2: request[: chance.randrange(len(request))], 3: chance.randbytes(3_000)}[kind])
    await asyncio.sleep(chance.uniform(0, 1))
    writer.transport.abort()
