"""Slots are proven by generations that overlap in time; a clamped engine is named, never believed."""

import pytest

from launcher.engine import EngineSettings
from launcher.openai_engine import OpenAIEngine, find_engine
from launcher.prove import most_at_once, prove_slots
from tests.unit.launcher.openai_stub import Stub, serving


async def reached(stub: Stub) -> OpenAIEngine:
    return await find_engine(EngineSettings(url=stub.url))


@pytest.mark.parametrize(
    ("spans", "most"),
    [([], 0), ([(0, 1)], 1), ([(0, 1), (2, 3)], 1), ([(0, 4), (1, 2), (3, 5)], 2), ([(0, 9), (1, 8), (2, 7)], 3)],
)
def test_the_most_spans_at_one_moment_are_counted(spans: list[tuple[float, float]], most: int) -> None:
    assert most_at_once(spans) == most


@pytest.mark.parametrize("slots", [1, 4, 16])
async def test_an_engine_with_its_slots_proves_them(slots: int) -> None:
    async with serving(Stub(slots=slots)) as stub:
        proof = await prove_slots(await reached(stub), "tiny", slots)
        assert (proof.pool, proof.promised, proof.achieved, proof.reason) == ("tiny", slots, slots, None)


@pytest.mark.parametrize(("slots", "promised"), [(1, 4), (3, 8)])
async def test_a_clamped_engine_is_found_out(slots: int, promised: int) -> None:
    async with serving(Stub(slots=slots)) as stub:
        proof = await prove_slots(await reached(stub), "tiny", promised)
        assert proof.achieved == slots
        assert proof.reason == f"at most {slots} of {promised} generations ran at a time; the engine queued the others"


async def test_an_engine_that_refuses_is_no_exception_but_a_reason() -> None:
    async with serving(Stub(stream_status=503)) as stub:
        proof = await prove_slots(await reached(stub), "tiny", 2)
        assert (proof.achieved, proof.reason) == (0, "2 of 2 generations failed: status 503")


async def test_an_engine_without_a_word_achieves_nothing() -> None:
    async with serving(Stub(silent=True)) as stub:
        proof = await prove_slots(await reached(stub), "tiny", 2)
        assert (proof.achieved, proof.reason) == (0, "2 of 2 generations failed: no token came")


async def test_a_hanging_engine_is_left_after_the_limit() -> None:
    async with serving(Stub(slots=0)) as stub:
        proof = await prove_slots(await reached(stub), "tiny", 2, timeout=0.2)
        assert proof.achieved == 0
        assert proof.reason is not None
        assert "not finished" in proof.reason
        assert proof.seconds < 2


async def test_an_engine_that_is_gone_is_a_reason() -> None:
    async with serving(Stub()) as stub:
        engine = await reached(stub)
    proof = await prove_slots(engine, "tiny", 2, timeout=2)
    assert proof.achieved == 0
    assert proof.reason is not None
