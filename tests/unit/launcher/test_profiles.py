"""A box gets the profile of what it shows, never of its name."""

import pytest

from launcher.errors import UnknownProfile
from launcher.profiles import choose_profile, main_gpu, nominal_hardware, profile_named, profiles
from launcher.types import Bytes, Cpu, Gpu, Hardware

GIB = 1 << 30


def box(*gpus: Gpu, memory: int = 64 * GIB, limit: int | None = None) -> Hardware:
    cpu = Cpu(None, physical_cores=8, logical_cores=16)
    return Hardware(gpus, cpu, Bytes(memory), Bytes(memory), None if limit is None else Bytes(limit), "linux", "x86_64")


def card(memory: int | None, vendor="nvidia", *, unified: bool = False, compute: str | None = None) -> Gpu:
    return Gpu(vendor, "card", None if memory is None else Bytes(memory), unified, compute)


@pytest.mark.parametrize(
    ("hardware", "name"),
    [
        (box(card(None, unified=True, compute="12.1"), memory=128_500_000_000), "dgx-spark"),
        (box(card(96 * GIB, "amd", unified=True, compute="gfx1151"), memory=128_500_000_000), "strix-halo"),
        (box(card(85_520_809_984)), "gpu-80"),
        (box(card(48_305_799_168)), "gpu-48"),
        (box(card(25_757_220_864)), "gpu-24"),
        (box(card(24_146_608_128)), "gpu-24"),
        (box(card(17_170_956_288)), "gpu-16"),
        (box(card(12_884_901_888)), "gpu-8"),
        (box(card(8_589_934_592)), "gpu-8"),
        (box(card(6 * GIB)), "cpu"),
        (box(card(None)), "cpu"),
        (box(), "cpu"),
        (box(card(8 * GIB), card(24 * GIB)), "gpu-24"),
    ],
)
def test_the_largest_gpus_memory_decides(hardware: Hardware, name: str) -> None:
    assert choose_profile(hardware).name == name


def test_a_unified_gpu_in_a_small_container_is_no_spark() -> None:
    small = box(card(None, unified=True), memory=128_500_000_000, limit=30 * GIB)
    assert choose_profile(small).name == "gpu-24"


def test_the_main_gpu_is_the_largest_whose_memory_is_known() -> None:
    small, large = card(8 * GIB), card(24 * GIB)
    assert main_gpu(box(small, card(None), large)) is large
    assert main_gpu(box(card(None))) is None


@pytest.mark.parametrize("profile", profiles(), ids=lambda profile: profile.name)
def test_every_profile_describes_a_box_that_gets_it(profile) -> None:
    assert choose_profile(nominal_hardware(profile)) == profile


@pytest.mark.parametrize("profile", profiles(), ids=lambda profile: profile.name)
def test_every_profile_is_sound_and_names_its_source(profile) -> None:
    assert 1 <= profile.floor <= profile.peak <= profile.most
    assert 0 < profile.reserve < 1
    assert profile.source


def test_the_papers_peaks_and_budget_are_kept() -> None:
    spark, halo = profile_named("dgx-spark"), profile_named("strix-halo")
    assert (spark.peak, spark.most, halo.peak, halo.most) == (16, 32, 12, 16)
    assert round(spark.nominal * (1 - spark.reserve)) == 108_800_000_000


def test_an_unknown_profile_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownProfile) as refusal:
        profile_named("gpu-25")
    assert "gpu-24" in refusal.value.known
