"""Which levers there are, when one pays, and how they are tried, kept and told to an engine."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.calibration import Record, Subject, find_record, keep_record
from launcher.embedded import Settings
from launcher.engine import Engine, EngineSettings
from launcher.errors import EngineFailed
from launcher.knee import Level
from launcher.levers import MARGIN, STOCK, Lever, Levers, Tried, candidates, gain, pays
from launcher.llama_server import arguments, devices_in
from launcher.openai_engine import find_engine
from launcher.plan import plan
from launcher.profiles import nominal_hardware, profile_named
from launcher.trial import try_levers
from launcher.types import AgentSpec, Bytes, Calibration, ModelFacts
from tests.fake_engine import Act, fake_engine

SERVE = Settings("/m.gguf", "m", "key", port=1, slots=2, context=256, threads=1)
FACTS = ModelFacts("m", Bytes(10**8), Bytes(1000), 4096)


class TestPays:
    """The rule, on numbers whose answer is known."""

    def test_what_doubles_pays_and_what_halves_does_not(self) -> None:
        assert pays([100, 102, 98], [200, 199, 203])
        assert not pays([100, 102, 98], [50, 51, 49])

    def test_a_gain_within_the_noise_of_its_pairs_does_not_pay(self) -> None:
        without, with_it = [100.0, 100.0, 100.0], [90.0, 112.0, 130.0]
        assert gain(without, with_it) == pytest.approx(0.12)
        assert not pays(without, with_it)

    def test_the_same_gain_without_noise_pays(self) -> None:
        assert pays([100, 100, 100], [112, 112, 113])

    def test_less_than_the_margin_never_pays(self) -> None:
        assert not pays([100] * 5, [100 * (1 + 0.9 * MARGIN)] * 5)

    def test_one_pair_shows_nothing(self) -> None:
        assert not pays([100], [300])

    def test_a_box_that_slows_down_for_all_hides_no_gain(self) -> None:
        assert pays([100, 50, 25], [150, 76, 37])

    @pytest.mark.parametrize("pairs", [3, 4, 6])
    def test_noise_alone_is_kept_in_fewer_than_one_of_twenty_trials(self, pairs: int) -> None:
        chance = random.Random(pairs)

        def noisy() -> list[float]:
            return [100 * chance.gauss(1, 0.05) for _ in range(pairs)]

        kept = sum(pays(noisy(), noisy()) for _ in range(2000))
        assert kept < 100


class TestCandidates:
    """What is tried."""

    def test_each_is_one_change_and_none_that_is_kept_changes_the_cache(self) -> None:
        found = candidates(8, threads=7, fixed_threads=False, gpu=True)
        for lever in found:
            assert lever.on(STOCK) == lever.change != STOCK
            assert lever.yours or lever.change.cache_type is None
        assert len({lever.name for lever in found}) == len(found)

    def test_threads_that_the_user_set_stay(self) -> None:
        assert all(lever.change.threads is None for lever in candidates(8, threads=3, fixed_threads=True, gpu=False))

    def test_a_longer_step_is_for_a_gpu(self) -> None:
        steps = {
            gpu: [lever.change.ubatch for lever in candidates(4, threads=3, fixed_threads=True, gpu=gpu)]
            for gpu in (True, False)
        }
        assert 1024 in steps[True]
        assert 1024 not in steps[False]

    def test_pulling_one_leaves_the_others_as_they_were(self) -> None:
        before = Levers(backend_sampling=True, threads=3)
        assert Lever("x", "--x", Levers(flash_attention=False)).on(before) == replace(before, flash_attention=False)


@asynccontextmanager
async def served(act: Act) -> AsyncIterator[Engine]:
    async with fake_engine(lambda body: act) as fake:
        yield await find_engine(EngineSettings(url=fake.url))


class TestTried:
    """The trial, on engines that are as fast as their levers say."""

    async def tried(self, levers: list[Lever], *, broken: Levers = STOCK) -> tuple[Levers, tuple[Tried, ...], int]:
        running, most = 0, 0

        @asynccontextmanager
        async def start(pulled: Levers) -> AsyncIterator[Engine]:
            nonlocal running, most
            if broken != STOCK and pulled == broken:
                raise EngineFailed("llama-server", 1, "no such thing")
            delay = 0.02 if pulled.backend_sampling else 0.08
            async with served(Act("one two three four", delay=delay)) as engine:
                running, most = running + 1, max(most, running + 1)
                try:
                    yield engine
                finally:
                    running -= 1

        kept, found = await try_levers(start, "fake", levers, slots=2, tokens=4, pairs=2)
        assert running == 0
        return kept, found, most

    async def test_what_pays_is_kept_what_does_not_is_left_and_two_engines_run_at_most(self) -> None:
        fast = Lever("fast", "--fast", Levers(backend_sampling=True))
        idle = Lever("idle", "--idle", Levers(ubatch=256))
        kept, found, most = await self.tried([fast, idle])
        assert kept == Levers(backend_sampling=True)
        assert [(each.name, each.kept) for each in found] == [("fast", True), ("idle", False)]
        assert found[0].gain > 1
        assert most == 2

    async def test_what_is_the_users_to_set_is_measured_and_not_kept(self) -> None:
        kept, (found,), _ = await self.tried([Lever("fast", "--fast", Levers(backend_sampling=True), yours="set it")])
        assert (kept, found.pays, found.kept, found.yours) == (STOCK, True, False, "set it")

    async def test_an_engine_that_fails_with_a_lever_costs_that_lever_alone(self) -> None:
        broken = Lever("broken", "--broken", Levers(ubatch=256))
        fast = Lever("fast", "--fast", Levers(backend_sampling=True))
        kept, found, _ = await self.tried([broken, fast], broken=broken.change)
        assert kept == Levers(backend_sampling=True)
        assert "no such thing" in found[0].why or "failed" in found[0].why


class TestTold:
    """From the record to the engine's arguments."""

    def test_the_arguments_say_what_is_pulled_and_nothing_of_the_rest(self) -> None:
        stock = arguments(Path("/bin/x"), SERVE)
        assert not {"--backend-sampling", "--flash-attn", "--ubatch-size"} & set(stock)
        pulled = arguments(Path("/bin/x"), replace(SERVE, backend_sampling=True, flash_attention=False, ubatch=256))
        assert pulled == [*stock, "--backend-sampling", "--flash-attn", "off", "--ubatch-size", "256"]

    def test_a_model_for_a_card_goes_there_whole_and_one_for_the_cpu_to_no_card(self) -> None:
        card, host = arguments(Path("/bin/x"), replace(SERVE, gpu=True)), arguments(Path("/bin/x"), SERVE)
        assert (card[card.index("--n-gpu-layers") + 1], "--device" in card) == ("999", False)
        assert (host[host.index("--n-gpu-layers") + 1], host[host.index("--device") + 1]) == ("0", "none")

    def test_a_lever_that_a_build_does_not_know_is_left_out(self) -> None:
        words = arguments(Path("/bin/x"), replace(SERVE, backend_sampling=True), known=frozenset({"--device"}))
        assert "--backend-sampling" not in words

    def test_the_record_keeps_them_and_the_next_plan_says_and_carries_them(self, tmp_path: Path) -> None:
        about = Subject("build", "m", "box", 1, "f16")
        level = Level(4, 10.0, 9.0, 11.0, 0.1, 0.2)
        keep_record(tmp_path / "c.json", Record(about, "2026-11-22", 2048, (level,), Levers(backend_sampling=True)))
        found = find_record(tmp_path / "c.json", about)
        assert found is not None
        known = found.calibration(floor=1)
        planned = plan(
            nominal_hardware(profile_named("cpu")),
            [AgentSpec("a", 1, "m")],
            {"m": FACTS},
            context=512,
            calibration=known,
        )
        assert planned.levers == Levers(backend_sampling=True)
        assert "The engine is told what paid here: backend sampling." in planned.decisions

    def test_without_levers_the_plan_says_nothing_of_them(self) -> None:
        hardware = nominal_hardware(profile_named("cpu"))
        planned = plan(hardware, [AgentSpec("a", 1, "m")], {"m": FACTS}, context=512, calibration=Calibration(4))
        assert planned.levers == STOCK
        assert not any("what paid" in decision for decision in planned.decisions)

    @pytest.mark.parametrize(
        ("text", "devices"),
        [
            ("Available devices:\n  CUDA0: NVIDIA H100 80GB HBM3 (81079 MiB, 80552 MiB free)\n", ("CUDA0",)),
            ("Available devices:\n", ()),
            ("error: unknown argument: --list-devices", ()),
        ],
    )
    def test_the_devices_of_a_build_are_read(self, text: str, devices: tuple[str, ...]) -> None:
        assert devices_in(text) == devices
