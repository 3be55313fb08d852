"""One box for each file of abuse. Whatever the file's tests do to it, afterwards it is as it was."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from tests.abuse.box import Box, running_box, warm_up
from tests.fake_engine import Act

# What a whole file of abuse may add to the process, in bytes: memory that was once in use lies in more pieces.
MAY_GROW = 24_000_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box(request: pytest.FixtureRequest) -> AsyncIterator[Box]:
    """A running stack; a module's ``PLAY`` is its engine's, ``MORE`` are further settings, ``FAILURES`` expected.

    What is in ``FIRST`` is asked before the figures are taken.
    """
    told = {name: getattr(request.module, name, None) for name in ("MORE", "ENVIRONMENT")}
    play = getattr(request.module, "PLAY", lambda _: Act())
    async with running_box(play, told["MORE"], told["ENVIRONMENT"]) as running:
        for body in getattr(request.module, "FIRST", ()):
            assert (await running.send(running.post(body))).status == 200
        await warm_up(running, 12)
        yield running
        await check_that_nothing_is_left(running, getattr(request.module, "FAILURES", {"503"}))


async def check_that_nothing_is_left(box: Box, failures: set[str]) -> None:
    """Healthy, nothing held, no more memory than a little; not one status above 499 but *failures*."""
    assert (await box.send(box.head("/health", "GET") + b"\r\n")).status == 200
    now = await box.quiet()
    print(f"memory: {box.before['rss'] / 1e6:.1f} MB before, {now['rss'] / 1e6:.1f} MB after")  # noqa: T201 - for -s
    assert now["rss"] - box.before["rss"] < MAY_GROW
    told = (await box.send(box.head("/metrics", "GET") + b"\r\n")).body.decode()
    codes = {
        sample.labels["code"]
        for family in text_string_to_metric_families(told)
        for sample in family.samples
        if sample.name == "harmonic_requests_total"
    }
    assert "200" in codes
    assert {code for code in codes if code.startswith("5")} <= failures
    lines = box.log().splitlines()
    assert [line for line in lines if '"level": "error"' in line or "Traceback" in line] == []
    assert box.engine.streaming == 0
