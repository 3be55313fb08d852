"""Where more slots stop paying: the knee of known curves, how a curve is measured, kept and shown."""

import itertools
import stat
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.calibration import (
    Record,
    Subject,
    calibration_here,
    find_record,
    hardware_words,
    keep_record,
    model_digest,
)
from launcher.demo_model import local_model
from launcher.engine import EngineSettings
from launcher.errors import EngineUnreachable
from launcher.form import PROCESS_BYTES, EmbeddedSettings, choose
from launcher.knee import LEVELS, Level, best, enough, knee, levels_up_to
from launcher.openai_engine import find_engine
from launcher.profiles import nominal_hardware, profile_named
from launcher.tune import MOST_TOKENS, Run, burst, lasting_tokens, measure, summary
from launcher.tune_plot import FONT, png_plot, text_plot
from launcher.types import CacheType
from tests.fake_engine import Act, fake_engine


def curve(speeds: dict[int, float]) -> tuple[Level, ...]:
    """A measured curve by slots and tokens/s."""
    return tuple(Level(slots, speed, speed, speed, 0.1 * slots, 0.2 * slots) for slots, speed in speeds.items())


# "Harmonic Stack: Parallel Inference Scaling on Consumer Hardware" 4.1, qwen3:4b.
STRIX_HALO = curve({1: 27.7, 2: 39.1, 4: 54.2, 8: 69.3, 12: 222.6, 16: 163.4})
SPARK = curve(
    {1: 21.7, 2: 35.9, 4: 35.2, 8: 119.4, 12: 151.1, 16: 222.9, 20: 258.6, 24: 266.5, 32: 308.2},
)
# The product's own `tune` on an H100, Qwen2.5-Coder-1.5B, 32 tokens a stream: a curve with a false corner at 4.
H100 = curve({1: 243.7, 2: 322.0, 4: 565.8, 8: 542.5, 12: 665.7, 16: 727.0, 24: 786.8})
SATURATING = curve({1: 40, 2: 46, 4: 52, 8: 62, 12: 63, 16: 63.5})

SUBJECT = Subject("engine 1", "tiny 0123", "a CPU", threads=1, cache_type="f16")
RECORD = Record(SUBJECT, "2026-11-22", 2048, SATURATING)

curves = st.lists(st.floats(0.1, 1e4), min_size=1, max_size=len(LEVELS)).map(
    lambda speeds: curve(dict(zip(LEVELS, speeds, strict=False)))
)


class TestKnee:
    """The rule, on curves whose knee is known."""

    @pytest.mark.parametrize(("found", "slots"), [(STRIX_HALO, 12), (SPARK, 32), (SATURATING, 8), (H100, 24)])
    def test_it_has_the_fewest_slots_that_come_near_the_best(self, found: tuple[Level, ...], slots: int) -> None:
        assert knee(found).slots == slots
        assert knee([level for level in found if level.slots in LEVELS]).slots == slots

    def test_an_engine_that_gains_nothing_gets_one_slot(self) -> None:
        assert knee(curve({1: 50, 2: 50.4, 4: 49.8, 8: 51})).slots == 1

    def test_a_straight_rise_has_its_knee_at_the_end(self) -> None:
        assert knee(curve({slots: 20.0 * slots for slots in LEVELS})).slots == LEVELS[-1]

    def test_a_clamped_engine_has_its_knee_where_it_is_clamped(self) -> None:
        assert knee(curve({slots: 20.0 * min(slots, 4) for slots in LEVELS})).slots == 4

    def test_one_level_is_its_own_knee_and_none_is_an_error(self) -> None:
        assert knee(curve({4: 10})).slots == 4
        with pytest.raises(ValueError, match="without levels"):
            knee([])

    @given(curves, st.floats(0.01, 100))
    def test_the_knee_is_a_measured_level_no_wider_than_the_best_and_no_faster_box_moves_it(
        self, found: tuple[Level, ...], factor: float
    ) -> None:
        marked = knee(found)
        assert marked in found
        assert marked.slots <= best(found).slots
        assert marked.tokens_per_second >= found[0].tokens_per_second

    @given(st.lists(st.integers(1, 1000), min_size=1, max_size=len(LEVELS)), st.sampled_from([2, 4, 8, 16]))
    def test_a_faster_box_with_the_same_shape_has_the_same_knee(self, speeds: list[int], factor: int) -> None:
        slow = dict(zip(LEVELS, map(float, speeds), strict=False))
        assert knee(curve(slow)).slots == knee(curve({slots: factor * speed for slots, speed in slow.items()})).slots


class TestLevels:
    """Which levels are measured, and when that ends."""

    @pytest.mark.parametrize(
        ("most", "levels"), [(1, (1,)), (4, (1, 2, 4)), (10, (1, 2, 4, 8, 10)), (100, (*LEVELS, 100))]
    )
    def test_the_most_is_always_measured(self, most: int, levels: tuple[int, ...]) -> None:
        assert levels_up_to(most) == levels

    def test_one_dip_does_not_end_it_and_two_do(self) -> None:
        assert not any(enough(SPARK[:count]) for count in range(len(SPARK) + 1))
        assert not any(enough(H100[:count]) for count in range(len(H100) + 1))
        assert enough(curve({1: 10, 2: 10.2, 4: 10.4}))
        assert not enough(curve({1: 10, 2: 10.2, 4: 10.8}))
        assert not enough(curve({1: 10, 2: 10.2}))

    def test_a_level_is_summed_up_by_its_medians(self) -> None:
        found = summary(2, [Run(10, (1.0, 2.0)), Run(30, (3.0, 4.0)), Run(12, (5.0, 9.0))])
        assert found == Level(2, 12, 10, 30, 3.5, 9.0)


class TestMeasuring:
    """The measurement itself, on an engine that speaks HTTP."""

    async def test_each_level_runs_so_many_streams_at_once_and_each_prompt_is_new(self) -> None:
        async with fake_engine(lambda body: Act("one two three", delay=0.01)) as fake:
            engine = await find_engine(EngineSettings(url=fake.url))
            seen: list[int] = []
            found = await measure(engine, "fake", most=4, repeats=2, on_run=lambda slots, _: seen.append(slots))
        assert [level.slots for level in found] == [1, 2, 4]
        assert seen == [1, 1, 2, 2, 4, 4]
        assert fake.most_streaming == 4
        prompts = [body["messages"][0]["content"] for body in fake.requests]
        assert len(set(prompts)) == len(prompts) == 1 + 2 * (1 + 2 + 4)
        assert all(0 < level.ttft <= level.worst_ttft for level in found)

    async def test_it_ends_where_more_streams_bring_too_little(self) -> None:
        shared = {"streams": 0}

        def slower(body: dict[str, object]) -> Act:
            shared["streams"] += 1
            return Act("one two three", delay=0.02 * fake.most_streaming)  # the same tokens/s whatever the streams

        async with fake_engine(slower) as fake:
            engine = await find_engine(EngineSettings(url=fake.url))
            found = await measure(engine, "fake", most=64, repeats=1)
        assert len(found) < len(levels_up_to(64))

    async def test_a_fast_engine_is_asked_for_more_tokens_so_that_a_burst_lasts(self) -> None:
        async def lasting(delay: float) -> int:
            async with fake_engine(lambda body: Act("word " * body["max_tokens"], delay=delay)) as fake:
                return await lasting_tokens(await find_engine(EngineSettings(url=fake.url)), "fake", 8)

        assert 8 < await lasting(0.0) <= MOST_TOKENS
        assert await lasting(0.1) == 8  # ten tokens a second at most: half a second's are fewer than that

    @pytest.mark.parametrize("act", [Act(status=503, body=b"{}"), Act(die_after=1), Act(text="", usage=False)])
    async def test_an_engine_that_fails_is_no_figure(self, act: Act) -> None:
        async with fake_engine(lambda body: act) as fake:
            engine = await find_engine(EngineSettings(url=fake.url))
            with pytest.raises(EngineUnreachable):
                await burst(engine, "fake", 2, tokens=3, numbers=itertools.count())


class TestKept:
    """What was measured, kept for the next plan."""

    def test_it_is_found_again_for_the_very_same_subject_alone(self, tmp_path: Path) -> None:
        file = tmp_path / "state" / "calibrations.json"
        keep_record(file, RECORD)
        other = replace(RECORD, subject=replace(SUBJECT, build="engine 2"), measured="2026-11-23")
        keep_record(file, other)
        assert find_record(file, SUBJECT) == RECORD
        assert find_record(file, other.subject) == other
        wrong: CacheType = "q8_0"
        for changed in (replace(SUBJECT, threads=2), replace(SUBJECT, cache_type=wrong), replace(SUBJECT, model="x")):
            assert find_record(file, changed) is None
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_a_later_measurement_takes_the_place_of_the_earlier(self, tmp_path: Path) -> None:
        file = tmp_path / "calibrations.json"
        keep_record(file, RECORD)
        keep_record(file, replace(RECORD, measured="2027-01-01"))
        found = find_record(file, SUBJECT)
        assert found is not None
        assert found.measured == "2027-01-01"

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99, "records": []}', '{"format": 1, "records": [{}]}'])
    def test_a_file_that_cannot_be_read_is_as_good_as_none(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "calibrations.json"
        file.write_text(text)
        assert find_record(file, SUBJECT) is None

    def test_a_plan_takes_the_knee_but_no_fewer_slots_than_the_floor(self) -> None:
        assert RECORD.calibration(floor=4).peak == 8
        flat = replace(RECORD, curve=curve({1: 50, 2: 50, 4: 48}))
        found = flat.calibration(floor=4)
        assert found.peak == 4
        assert "1 slot is the knee (50 tokens/s), and a pool has at least 4" in found.words
        assert "%" not in found.words

    def test_the_words_say_so_where_the_floor_costs_throughput(self) -> None:
        falling = replace(RECORD, curve=curve({1: 14.5, 2: 14.3, 4: 12.0})).calibration(floor=4)
        assert falling.peak == 4
        assert falling.words.endswith("so that as many agents draft at a time; 4 slots gave 12, 17 % less than with 1")

    @given(curves, st.integers(1, 8))
    def test_a_peak_below_95_percent_of_the_best_is_the_floors_and_says_so(
        self, found: tuple[Level, ...], floor: int
    ) -> None:
        taken = replace(RECORD, curve=found).calibration(floor)
        assert taken.peak is not None
        level = [level for level in found if level.slots <= taken.peak][-1]
        reached = level.tokens_per_second >= 0.95 * best(found).tokens_per_second
        assert ("less than" in taken.words) == (not reached)
        assert reached or taken.peak == floor

    def test_a_digest_changes_with_either_end_of_the_file_and_its_size(self, tmp_path: Path) -> None:
        texts = [b"a" * 3_000_000, b"a" * 3_000_001, b"b" + b"a" * 2_999_999, b"a" * 2_999_999 + b"b", b""]
        for number, text in enumerate(texts):
            (tmp_path / str(number)).write_bytes(text)
        assert len({model_digest(tmp_path / str(number)) for number in range(len(texts))}) == len(texts)

    def test_without_a_measurement_the_size_of_the_form_is_known_and_no_peak(self, tmp_path: Path) -> None:
        hardware = nominal_hardware(profile_named("cpu"))
        settings = EmbeddedSettings(form="xllamacpp", calibrations=tmp_path / "none.json")
        facts = local_model(None)
        found = calibration_here(settings, facts, hardware)
        assert (found.peak, found.process_bytes) == (None, PROCESS_BYTES["xllamacpp"])

    def test_the_next_plan_reads_what_was_kept(self, tmp_path: Path) -> None:
        hardware, facts = nominal_hardware(profile_named("cpu")), local_model(None)
        settings = EmbeddedSettings(form="xllamacpp", threads=3, calibrations=tmp_path / "kept.json")
        assert facts.path is not None
        subject = Subject(
            choose(settings).build, f"{facts.name} {model_digest(facts.path)}", hardware_words(hardware), 3, "f16"
        )
        keep_record(tmp_path / "kept.json", replace(RECORD, subject=subject))
        assert calibration_here(settings, facts, hardware).peak == 8
        assert calibration_here(replace(settings, threads=4), facts, hardware).peak is None


class TestShown:
    """The curve as text and as a picture."""

    def test_a_terminal_shows_a_line_for_each_level_and_marks_the_knee(self) -> None:
        lines = text_plot(SPARK).splitlines()
        assert [int(line.split()[0]) for line in lines] == [level.slots for level in SPARK]
        assert [line for line in lines if "<- knee" in line] == [lines[-1]]
        assert max(line.count("#") for line in lines) == lines[-1].count("#") == 32

    @pytest.mark.parametrize("found", [SPARK, STRIX_HALO, curve({1: 5000.0}), curve({1: 0.004, 2: 123456.7})])
    def test_the_picture_is_a_whole_png(self, found: tuple[Level, ...]) -> None:
        data = png_plot(found)
        assert data.startswith(b"\x89PNG\r\n\x1a\n")
        names, place, pixels = [], 8, b""
        while place < len(data):
            size, name = struct.unpack(">I4s", data[place : place + 8])
            body, (check,) = data[place + 8 : place + 8 + size], struct.unpack(">I", data[place + 8 + size :][:4])
            assert zlib.crc32(name + body) == check
            names.append(name)
            pixels += body if name == b"IDAT" else b""
            place += 12 + size
        assert names == [b"IHDR", b"IDAT", b"IEND"]
        width, height = struct.unpack(">2I", data[16:24])
        rows = zlib.decompress(pixels)
        assert len(rows) == height * (1 + 3 * width)
        assert len({rows[i : i + 3] for i in range(1, 1 + 3 * width, 3)}) == 1  # the upper edge is blank
        assert {31, 90, 180, 200, 70} <= set(rows)  # both curves are drawn

    def test_the_font_writes_every_label(self) -> None:
        assert set("0123456789. tokens/s TTFT s slots knee") <= set(FONT)
