"""A user's server is found with or without /v1, and what is wrong with its address is said."""

from pathlib import Path

import pytest

from launcher.engine import EngineSettings
from launcher.errors import EngineUnreachable, UnknownModel
from launcher.loopback import free_port
from launcher.openai_engine import find_engine
from launcher.plan import plan_elsewhere
from launcher.running import running_engine
from launcher.types import AgentSpec
from tests.unit.launcher.openai_stub import Stub, serving


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
async def test_the_url_may_end_with_or_without_v1(suffix: str) -> None:
    async with serving(Stub()) as stub:
        engine = await find_engine(EngineSettings(url=stub.url + suffix))
        assert engine.base_url == f"{stub.url}/v1"
        assert engine.models == ("tiny",)
        assert engine.slots == 4


async def test_a_server_without_v1_is_found_too() -> None:
    async with serving(Stub(prefix="")) as stub:
        assert (await find_engine(EngineSettings(url=stub.url))).base_url == stub.url


@pytest.mark.parametrize(
    ("props", "slots"),
    [
        ((200, "", b'{"total_slots": 24}'), 24),
        ((200, "", b'{"total_slots": 100000}'), 512),
        ((200, "", b'{"total_slots": 0}'), 4),
        ((200, "", b'{"total_slots": true}'), 4),
        ((200, "", b"[]"), 4),
        ((200, "", b"<html>"), 4),
        ((401, "", b'{"total_slots": 24}'), 4),
    ],
)
async def test_a_server_that_tells_its_slots_has_so_many(props: tuple[int, str, bytes], slots: int) -> None:
    async with serving(Stub(props=props)) as stub:
        engine = await find_engine(EngineSettings(url=stub.url))
        assert (engine.slots, engine.told) == (slots, slots != 4)
        set_here = await find_engine(EngineSettings(url=stub.url, slots=3))
        assert (set_here.slots, set_here.told) == (3, False)


async def test_the_key_goes_along_and_is_not_shown() -> None:
    async with serving(Stub()) as stub:
        settings = EngineSettings(url=stub.url, api_key="sk-secret")
        engine = await find_engine(settings)
        assert "authorization: bearer sk-secret" in stub.seen[0].lower()
        assert "sk-secret" not in repr(settings) + repr(engine)


@pytest.mark.parametrize(
    ("listing", "reason"),
    [
        ((302, "location: http://127.0.0.1:1/\r\n", b""), "redirect"),
        ((401, "", b"{}"), "401"),
        ((200, "", b"<html>"), "no list of models"),
        ((200, "", b'{"data": [1]}'), "no list of models"),
    ],
)
async def test_an_odd_answer_is_the_reason(listing: tuple[int, str, bytes], reason: str) -> None:
    async with serving(Stub(listing=listing)) as stub:
        with pytest.raises(EngineUnreachable, match=reason) as refusal:
            await find_engine(EngineSettings(url=stub.url))
        assert refusal.value.url == stub.url


@pytest.mark.parametrize("url", ["", "localhost:1", "ftp://127.0.0.1", f"http://127.0.0.1:{free_port()}", "http://[x"])
async def test_an_address_without_a_server_is_refused_with_its_reason(url: str) -> None:
    with pytest.raises(EngineUnreachable) as refusal:
        await find_engine(EngineSettings(url=url))
    assert refusal.value.reason


async def test_it_runs_for_a_plan_of_its_models_and_notices_when_it_goes(tmp_path: Path) -> None:
    reports: list[str] = []
    planned = plan_elsewhere([AgentSpec("executive", 1, "tiny")], slots=2, context=2048)
    async with serving(Stub()) as stub:
        settings = EngineSettings(url=stub.url, slots=2)
        async with running_engine(
            settings, planned, run_dir=tmp_path, log_dir=tmp_path, report=reports.append
        ) as engine:
            assert (engine.name, engine.dialect, engine.slots, engine.pids()) == ("openai", "openai", 2, [])
            assert await engine.health()
            assert engine.state == "ready"
            stub.listing = (500, "", b"")
            assert not await engine.health()
            assert engine.state == "failed"
    assert "using the engine at" in reports[0]


async def test_a_model_that_it_does_not_have_is_refused_with_those_it_has(tmp_path: Path) -> None:
    planned = plan_elsewhere([AgentSpec("executive", 1, "huge")], slots=2, context=2048)
    async with serving(Stub()) as stub:
        with pytest.raises(UnknownModel) as refusal:
            async with running_engine(
                EngineSettings(url=stub.url), planned, run_dir=tmp_path, log_dir=tmp_path, report=print
            ):
                pass
    assert refusal.value.known == ("tiny",)
