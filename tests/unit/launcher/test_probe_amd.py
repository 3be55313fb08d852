"""AMD cards are read from the kernel's files; what those do not tell is unknown."""

from pathlib import Path

import pytest

from launcher.probe_amd import gfx_target, parse_properties, read_amd, read_nodes
from launcher.probe_drm import read_cards, read_intel, read_silent_nvidia
from launcher.profiles import gpu_memory, gpu_profile
from launcher.types import Bytes, Cpu, Gpu, Hardware

GIB = 1 << 30
NODES = "sys/class/kfd/kfd/topology/nodes"


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def card(number: int, *, device: int, vram: object, gtt: object = 16 * GIB, minor: int | None = None) -> dict[str, str]:
    folder = f"sys/class/drm/card{number}/device"
    files = {
        f"{folder}/vendor": "0x1002\n",
        f"{folder}/device": f"{device:#06x}\n",
        f"{folder}/mem_info_vram_total": f"{vram}\n",
        f"{folder}/mem_info_gtt_total": f"{gtt}\n",
    }
    return files | ({} if minor is None else {f"{folder}/drm/renderD{minor}/dev": ""})


def node(number: int, version: int, **properties: int) -> dict[str, str]:
    lines = {"gfx_target_version": version, **properties}
    return {f"{NODES}/{number}/properties": "".join(f"{name} {value}\n" for name, value in lines.items())}


def amd(root: Path, *files: dict[str, str]) -> tuple[Gpu, ...]:
    for some in files:
        tree(root, some)
    return read_amd(root, read_cards(root))


STRIX, NAVI31 = 0x1586, 0x744C


def test_an_integrated_gpu_has_what_firmware_carved_out_and_what_the_system_lends(tmp_path: Path) -> None:
    (gpu,) = amd(tmp_path, card(1, device=STRIX, vram=4 * GIB, gtt=96 * GIB), node(1, 110501, device_id=STRIX))
    assert (gpu.memory, gpu.carve_out, gpu.unified, gpu.compute) == (100 * GIB, 4 * GIB, True, "gfx1151")


def test_a_discrete_card_has_its_own_memory_alone(tmp_path: Path) -> None:
    (gpu,) = amd(tmp_path, card(0, device=NAVI31, vram=24 * GIB), node(1, 110000, device_id=NAVI31))
    assert (gpu.memory, gpu.carve_out, gpu.unified, gpu.compute) == (24 * GIB, None, False, "gfx1100")


@pytest.mark.parametrize(
    ("carved", "lent", "system", "usable"),
    [
        (4, 96, 124, 100),  # small carve-out: what is lent
        (96, 16, 32, 112),  # large carve-out: most of it is no part of the system's memory
        (96, 105, 32, 128),  # more is lent than there is: no more than the machine holds
    ],
)
def test_a_gpu_never_gets_more_than_the_machine_holds(tmp_path, carved, lent, system, usable) -> None:
    (gpu,) = amd(tmp_path, card(1, device=STRIX, vram=carved * GIB, gtt=lent * GIB), node(1, 110501))
    memory = Bytes(system * GIB)
    box = Hardware((gpu,), Cpu(None, None, 1), memory, memory, None, "linux", "x86_64")
    assert gpu_memory(gpu, box) == usable * GIB
    profile = gpu_profile(gpu, box)
    assert profile is not None
    assert profile.name == "strix-halo"


def test_cards_are_matched_by_render_node_then_by_device(tmp_path: Path) -> None:
    cards = card(0, device=0x73BF, vram=16 * GIB, minor=128) | card(1, device=0x73BF, vram=16 * GIB, minor=129)
    nodes = node(1, 100300, drm_render_minor=129) | node(2, 110000, drm_render_minor=128)
    assert [gpu.compute for gpu in amd(tmp_path / "a", cards, nodes)] == ["gfx1100", "gfx1030"]
    cards = card(0, device=NAVI31, vram=24 * GIB) | card(1, device=STRIX, vram=GIB)
    nodes = node(1, 110501, device_id=STRIX) | node(2, 110000, device_id=NAVI31)
    assert [gpu.compute for gpu in amd(tmp_path / "b", cards, nodes)] == ["gfx1100", "gfx1151"]


def test_without_a_topology_strix_halo_is_known_by_its_device_and_others_are_not(tmp_path: Path) -> None:
    (halo,) = amd(tmp_path / "a", card(0, device=STRIX, vram=GIB))
    assert (halo.compute, halo.unified) == ("gfx1151", True)
    (other,) = amd(tmp_path / "b", card(0, device=NAVI31, vram=24 * GIB))
    assert (other.compute, other.unified, other.memory) == (None, False, 24 * GIB)


@pytest.mark.parametrize("vram", ["", "many", "0", "-1", 1 << 62])
def test_memory_that_is_no_number_or_no_cards_is_unknown(tmp_path: Path, vram: object) -> None:
    (gpu,) = amd(tmp_path, card(0, device=NAVI31, vram=vram), node(1, 110000))
    assert gpu.memory is None


def test_processors_are_no_gpus_and_nodes_are_in_the_kernels_order(tmp_path: Path) -> None:
    tree(tmp_path, node(10, 110000) | node(2, 90010) | node(0, 0, cpu_cores_count=32))
    assert [found.target for found in read_nodes(tmp_path)] == ["gfx90a", "gfx1100"]


def test_lines_that_are_no_pair_of_name_and_number_are_skipped() -> None:
    assert parse_properties("simd_count 80\nname gfx\n\nlone\na b c\n") == {"simd_count": 80}


@pytest.mark.parametrize(
    ("version", "name"), [(110501, "gfx1151"), (90010, "gfx90a"), (100300, "gfx1030"), (120001, "gfx1201")]
)
def test_a_targets_last_two_digits_are_hexadecimal(version: int, name: str) -> None:
    assert gfx_target(version) == name


def test_a_product_name_is_taken_where_the_kernel_has_one(tmp_path: Path) -> None:
    files = card(0, device=NAVI31, vram=24 * GIB) | {"sys/class/drm/card0/device/product_name": "Radeon PRO W7900\n"}
    (gpu,) = amd(tmp_path, files)
    assert gpu.name == "Radeon PRO W7900"


def test_connectors_are_no_cards_and_other_vendors_are_left_to_others(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "sys/class/drm/card0-HDMI-A-1/status": "connected\n",
            "sys/class/drm/card0/device/vendor": "0x8086\n",
            "sys/class/drm/card0/device/device": "0x46a6\n",
            "sys/class/drm/card0/device/uevent": "DRIVER=i915\nPCI_SLOT_NAME=0000:00:02.0\n",
            "sys/class/drm/card1/device/vendor": "0x8086\n",
            "sys/class/drm/card10/device/vendor": "0x10de\n",
            "sys/class/drm/card2/device/uevent": "DRIVER=vkms\n",
        },
    )
    cards = read_cards(root)
    assert [card.ids for card in cards] == ["8086:46a6", "8086:????", "10de:????"]
    assert read_amd(root, cards) == ()
    assert [gpu.unified for gpu in read_intel(cards)] == [True, False]
    assert [gpu.memory for gpu in (*read_intel(cards), *read_silent_nvidia(cards))] == [None, None, None]


def test_a_box_without_these_folders_has_no_cards(tmp_path: Path) -> None:
    assert read_cards(tmp_path) == ()
    assert read_nodes(tmp_path) == ()
