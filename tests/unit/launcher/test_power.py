"""Energy: what drivers and kernel files say, and what was used between two moments."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.power import PowerMeter, Reading, Used, find_source, parse_cards, read_hwmon, read_rapl, used
from launcher.probe_nvidia import CardPower
from tests.helpers import until

# Recorded on an idle H100 (tests/machines/h100.toml), two readings 2.0159 s apart.
FIRST, SECOND = CardPower(2_479_227, 70_322, 0), CardPower(2_619_742, 70_358, 0)


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


class TestRead:
    """What is asked, in the form in which it answers."""

    def test_the_counter_of_a_recorded_card_agrees_with_its_power(self) -> None:
        first, second = parse_cards([FIRST]), parse_cards([SECOND])
        assert first is not None
        assert second is not None
        found = used([(0.0, first), (2.0159, second)])
        assert found.joules == pytest.approx(140.515)
        assert found.joules / found.seconds == pytest.approx(70.3, rel=0.02)

    def test_cards_add_up_and_one_that_does_not_tell_makes_the_sum_unknown(self) -> None:
        assert parse_cards([FIRST, FIRST]) == Reading(joules=4958.454, watts=140.644, busy=0.0)
        silent = parse_cards([FIRST, CardPower(None, 70_000, None)])
        assert silent is not None
        assert (silent.joules, silent.busy) == (None, None)
        assert silent.watts is not None
        assert parse_cards([]) is None

    def test_rapl_counts_packages_and_not_their_parts(self, tmp_path: Path) -> None:
        for name, text in {"intel-rapl:0": "5000000", "intel-rapl:0:0": "4000000", "intel-rapl:1": "1000000"}.items():
            write(tmp_path, f"sys/class/powercap/{name}/energy_uj", text)
        found = read_rapl(tmp_path)
        assert found == Reading(joules=6.0)

    def test_rapl_that_is_not_ours_to_read_or_not_there_is_none(self, tmp_path: Path) -> None:
        assert read_rapl(tmp_path) is None
        (tmp_path / "sys/class/powercap/intel-rapl:0/energy_uj").mkdir(parents=True)  # no reader gets a number there
        assert read_rapl(tmp_path) is None

    def test_an_amd_cards_sensor_is_found_by_its_name(self, tmp_path: Path) -> None:
        write(tmp_path, "sys/class/hwmon/hwmon0/name", "k10temp\n")
        write(tmp_path, "sys/class/hwmon/hwmon0/power1_average", "9000000\n")
        assert read_hwmon(tmp_path) is None
        write(tmp_path, "sys/class/hwmon/hwmon1/name", "amdgpu\n")
        write(tmp_path, "sys/class/hwmon/hwmon1/power1_input", "55000000\n")
        assert read_hwmon(tmp_path) == Reading(watts=55.0)


class TestUsed:
    """From readings to joules."""

    def test_without_a_counter_the_power_is_added_up_over_time(self) -> None:
        series = [(0.0, Reading(watts=10.0)), (1.0, Reading(watts=20.0)), (3.0, Reading(watts=20.0))]
        assert used(series).joules == pytest.approx(15 + 40)

    def test_a_counter_that_began_again_is_mended_where_its_end_is_known(self) -> None:
        series = [(0.0, Reading(joules=90.0, wraps=100.0)), (1.0, Reading(joules=5.0, wraps=100.0))]
        assert used(series).joules == pytest.approx(15.0)
        assert used([(at, Reading(joules=reading.joules)) for at, reading in series]).joules is None

    def test_nothing_read_is_unknown_and_not_zero(self) -> None:
        assert used([]) == Used(None, 0.0, None)
        assert used([(0.0, Reading(watts=3.0))]).joules is None

    @given(st.floats(0, 1e6), st.lists(st.floats(0, 100), min_size=1, max_size=20))
    def test_spans_that_follow_each_other_add_up(self, begun: float, steps: list[float]) -> None:
        joules = [begun]
        for step in steps:
            joules.append(joules[-1] + step)
        series = [(float(at), Reading(joules=value)) for at, value in enumerate(joules)]
        parts = [used(series[at : at + 2]).joules or 0.0 for at in range(len(steps))]
        assert sum(parts) == pytest.approx(used(series).joules or 0.0, abs=1e-3)


class TestMeter:
    """The meter around a block."""

    async def test_it_samples_while_the_block_runs(self) -> None:
        asked: list[Reading] = []

        def ask() -> Reading:
            asked.append(Reading(joules=float(len(asked)), busy=0.5))
            return asked[-1]

        with PowerMeter(ask, every=0.01) as meter:
            await until(lambda: len(asked) >= 4, "some samples")
        assert meter.used.joules == len(asked) - 1
        assert meter.used.busy == 0.5
        assert meter.used.seconds > 0

    def test_a_box_without_sensors_is_measured_as_unknown(self, tmp_path: Path) -> None:
        with find_source(gpu=False, root=tmp_path) as ask, PowerMeter(ask) as meter:
            pass
        assert meter.used.joules is None

    def test_a_box_with_an_amd_card_is_asked_through_the_kernel(self, tmp_path: Path) -> None:
        write(tmp_path, "sys/class/hwmon/hwmon1/name", "amdgpu\n")
        write(tmp_path, "sys/class/hwmon/hwmon1/power1_average", "30000000\n")
        with find_source(gpu=True, root=tmp_path) as ask:
            assert ask is not None
            assert ask() == Reading(watts=30.0)
