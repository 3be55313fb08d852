"""A query's joules: its share by tokens of what was used while it ran, and None wherever that cannot be told."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from harmonic_stack.energy import Energy, source_for
from harmonic_stack.run import Served
from launcher import Bytes, Cpu, Gpu, Hardware
from launcher.power import Ask, Reading, parse_cards
from launcher.probe_nvidia import CardPower
from tests.helpers import until

# Recorded on an idle H100 (tests/machines/h100.toml), two readings 2.0159 s apart.
FIRST, SECOND = CardPower(2_479_227, 70_322, 0), CardPower(2_619_742, 70_358, 0)


class Meter:
    """A counter that a test moves; *asked* is how often it was read."""

    def __init__(self) -> None:
        self.joules: float | None = 100.0
        self.asked = 0

    def ask(self) -> Reading | None:
        self.asked += 1
        return None if self.joules is None else Reading(joules=self.joules, busy=0.5)


def energy_of(meter: Meter) -> Energy:
    return Energy(meter.ask, device="gpu", every=3600)


async def asked(meter: Meter, times: int) -> None:
    await until(lambda: meter.asked == times, f"{times} readings")


async def test_a_query_alone_used_what_the_counter_tells() -> None:
    cards = iter([parse_cards([FIRST]), parse_cards([SECOND])])
    energy = Energy(lambda: next(cards), device="gpu", every=3600)
    with energy.query() as share:
        share.count(10)
        assert await share.joules() == pytest.approx(140.515)
    assert energy.tokens_per_joule == pytest.approx(10 / 140.515)
    assert energy.utilisation == 0.0


async def test_queries_at_once_share_by_the_tokens_that_they_had_written() -> None:
    meter = Meter()
    energy = energy_of(meter)
    with energy.query() as long, energy.query() as short:
        await asked(meter, 2)
        long.count(30)
        short.count(10)
        meter.joules = 140.0
        assert await long.joules() == pytest.approx(30)
        assert await short.joules() == pytest.approx(10)
    assert (energy.joules, energy.tokens, energy.utilisation) == (40.0, 40, 0.5)


async def test_a_query_pays_for_nothing_that_was_used_before_it_came_or_between_queries() -> None:
    meter = Meter()
    energy = energy_of(meter)
    with energy.query() as first:
        await asked(meter, 1)
        meter.joules = 110.0
        with energy.query() as second:
            await asked(meter, 2)
            meter.joules = 115.0
            second.count(5)
            assert await second.joules() == pytest.approx(5)
        first.count(1)
    meter.joules = 1000.0  # nobody asks anything
    with energy.query() as third:
        await asked(meter, 4)
        meter.joules = 1007.0
        third.count(1)
        assert await third.joules() == pytest.approx(7)
    assert energy.joules == pytest.approx(22)


@pytest.mark.parametrize("lost", ["at the start", "between", "at the end"])
async def test_a_reading_that_fails_makes_the_joules_unknown(lost: str) -> None:
    meter = Meter()
    energy = energy_of(meter)
    meter.joules = None if lost == "at the start" else 100.0
    with energy.query() as share:
        share.count(1)
        await asked(meter, 1)
        meter.joules = None if lost != "at the start" else 120.0
        if lost == "between":
            await energy.read()
            meter.joules = 120.0
        assert await share.joules() is None


async def test_where_nobody_wrote_a_token_there_is_nothing_to_share_by() -> None:
    with energy_of(Meter()).query() as share:
        assert await share.joules() is None


async def test_a_box_that_tells_nothing_is_unknown_and_never_zero() -> None:
    energy = Energy(None, device="cpu")
    with energy.query() as share:
        share.count(3)
        assert await share.joules() is None
    assert energy.as_dict() == {"device": None, "joules": None, "tokens_per_joule": None, "utilisation": None}


async def test_a_driver_that_hangs_holds_no_query_up_and_is_asked_no_more() -> None:
    free = threading.Event()

    def hang() -> Reading | None:
        free.wait(10)
        return None

    energy = Energy(hang, device="gpu", every=3600, patience=0.05)
    try:
        with energy.query() as share:
            share.count(1)
            assert await share.joules() is None
        assert not energy.measures
    finally:
        free.set()


async def test_power_is_sampled_while_a_query_runs_and_not_after_it() -> None:
    meter = Meter()
    energy = Energy(meter.ask, device="gpu", every=0.01)
    with energy.query():
        await until(lambda: meter.asked >= 4, "some samples")
    async with asyncio.timeout(5):
        before = -1
        while before != meter.asked:  # a reading may still be under way
            before = meter.asked
            await asyncio.sleep(0.05)


CARD = Gpu("nvidia", "NVIDIA L4", Bytes(24_000_000_000), unified=False)
PLAIN = Hardware((), Cpu(None, None, 2), Bytes(32_000_000_000), Bytes(1), None, "linux", "x86_64")
WITH_CARD = Hardware((CARD,), PLAIN.cpu, PLAIN.memory, Bytes(1), None, "linux", "x86_64")


def pool(device: str, *, here: bool) -> Served:
    made: Callable[..., Served] = Served
    return made("m", "s", "embedded", None, None, None, frozenset(), device, here)


@pytest.mark.parametrize(
    ("hardware", "served", "device"),
    [
        (PLAIN, pool("cpu", here=True), "cpu"),
        (WITH_CARD, pool("cpu", here=True), "cpu"),
        (WITH_CARD, pool("gpu0", here=True), "gpu"),
        (WITH_CARD, pool("elsewhere", here=True), "gpu"),
        (PLAIN, pool("elsewhere", here=True), "cpu"),
    ],
)
def test_what_computes_is_what_is_measured(hardware: Hardware, served: Served, device: str) -> None:
    assert source_for(hardware, [served])[0] == device


def test_an_engine_on_another_box_is_not_measured_here(tmp_path: Path) -> None:
    with source_for(WITH_CARD, [pool("elsewhere", here=False)])[1] as ask:
        assert cast("Ask | None", ask) is None
