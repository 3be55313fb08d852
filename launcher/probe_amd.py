"""AMD GPUs: memory from sysfs, the gfx target from the KFD topology. Both are read below a root; nothing is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher.probe_drm import AMD, DrmCard, believable, read_number
from launcher.probe_host import read_text
from launcher.types import Bytes, Gpu

# GPUs inside a processor (LLVM's AMDGPU processor table marks them APU): they work in the system's memory.
INTEGRATED = {
    "gfx902", "gfx909", "gfx90c", "gfx1013", "gfx1033", "gfx1035", "gfx1036", "gfx1037", "gfx1103", "gfx1150",
    "gfx1151", "gfx1152", "gfx1153",
}  # fmt: skip

# Where the kernel was built without KFD, or a container hides it, the PCI device tells the one target that we plan for.
TARGETS = {0x1586: "gfx1151"}  # Strix Halo: Radeon 8040S, 8050S and 8060S

# The kernel gives integrated GPUs no name.
NAMES = {"gfx1151": "AMD Strix Halo GPU"}


@dataclass(frozen=True)
class Node:
    """One GPU of the KFD topology; what its properties do not tell is None."""

    target: str
    render_minor: int | None
    device: int | None


def read_amd(root: Path, cards: Sequence[DrmCard]) -> tuple[Gpu, ...]:
    """Return the AMD GPUs among *cards*, with the gfx target that the topology below *root* gives them."""
    mine = [card for card in cards if card.vendor == AMD]
    targets = match(mine, read_nodes(root))
    return tuple(_gpu(card, target) for card, target in zip(mine, targets, strict=True))


def read_nodes(root: Path) -> tuple[Node, ...]:
    """Return the GPUs of the KFD topology in its order; processors are nodes without a gfx target."""
    folder = root / "sys/class/kfd/kfd/topology/nodes"
    names = sorted((node for node in folder.glob("*") if node.name.isdigit()), key=lambda node: int(node.name))
    nodes = []
    for node in names:
        properties = parse_properties(read_text(node / "properties") or "")
        if version := properties.get("gfx_target_version"):
            nodes.append(Node(gfx_target(version), properties.get("drm_render_minor"), properties.get("device_id")))
    return tuple(nodes)


def parse_properties(text: str) -> Mapping[str, int]:
    """Return a node's properties: a name and a number on each line.

    >>> parse_properties("simd_count 80\\ngfx_target_version 110501\\n")["gfx_target_version"]
    110501
    """
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def gfx_target(version: int) -> str:
    """Return the target's name: major, then minor and stepping as one hexadecimal digit each.

    >>> gfx_target(110501), gfx_target(90010)
    ('gfx1151', 'gfx90a')
    """
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def match(cards: Sequence[DrmCard], nodes: Sequence[Node]) -> list[str | None]:
    """Return the target of each card: by render node, else by PCI device, else by order where the numbers agree."""
    by_minor = {node.render_minor: node.target for node in nodes}
    by_device = {node.device: node.target for node in nodes}
    targets: list[str | None] = []
    for place, card in enumerate(cards):
        minor = _render_minor(card)
        target = None if minor is None else by_minor.get(minor)
        if target is None and card.device is not None:
            target = by_device.get(card.device)
        if target is None and len(cards) == len(nodes):
            target = nodes[place].target
        targets.append(target or TARGETS.get(card.device or 0))
    return targets


def _render_minor(card: DrmCard) -> int | None:
    names = [path.name.removeprefix("renderD") for path in (card.folder / "drm").glob("renderD*")]
    return next((int(name) for name in names if name.isdigit()), None)


def _gpu(card: DrmCard, target: str | None) -> Gpu:
    own = believable(read_number(card.folder / "mem_info_vram_total"))
    shared = believable(read_number(card.folder / "mem_info_gtt_total"))
    unified = target in INTEGRATED
    memory = own
    if unified and (own is not None or shared is not None):
        # An integrated GPU works in what firmware carved out for it and in what the system lends it (GTT).
        memory = Bytes((own or 0) + (shared or 0))
    name = (read_text(card.folder / "product_name") or "").strip() or NAMES.get(target or "", f"AMD GPU {card.ids}")
    return Gpu("amd", name, memory, unified, compute=target, carve_out=own if unified else None)
