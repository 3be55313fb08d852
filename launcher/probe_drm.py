"""Graphics cards as the Linux kernel lists them, whoever makes them; the readers take a directory tree."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher.probe_host import read_text
from launcher.types import Bytes, Gpu

AMD, INTEL, NVIDIA = 0x1002, 0x8086, 0x10DE  # PCI vendors
MOST_MEMORY = 1 << 40  # no card of today holds a TiB: what claims more lies
INTEL_INTEGRATED = "00:02.0"  # the PCI place of every integrated Intel GPU


@dataclass(frozen=True)
class DrmCard:
    """One card: its PCI ids, and its folder to read further."""

    vendor: int
    device: int | None
    folder: Path

    @property
    def ids(self) -> str:
        """The PCI ids as people look them up: 8086:e20b."""
        return f"{self.vendor:04x}:" + ("????" if self.device is None else f"{self.device:04x}")


def read_cards(root: Path = Path("/")) -> tuple[DrmCard, ...]:
    """Return the cards below *root*, in the kernel's order; connectors and what has no vendor are left out."""
    cards = []
    folders = (root / "sys/class/drm").glob("card*")
    for card in sorted((card for card in folders if card.name[4:].isdigit()), key=lambda card: int(card.name[4:])):
        folder = card / "device"
        vendor = read_number(folder / "vendor")
        if vendor is not None:
            cards.append(DrmCard(vendor, read_number(folder / "device"), folder))
    return tuple(cards)


def read_intel(cards: Sequence[DrmCard]) -> tuple[Gpu, ...]:
    """Return the Intel GPUs among *cards*; the kernel tells their kind, not their memory."""
    return tuple(
        Gpu("intel", f"Intel GPU {card.ids}", memory=None, unified=_pci_place(card).endswith(INTEL_INTEGRATED))
        for card in cards
        if card.vendor == INTEL
    )


def read_silent_nvidia(cards: Sequence[DrmCard]) -> tuple[Gpu, ...]:
    """Return the NVIDIA GPUs among *cards*, for when their driver says nothing: there, and nothing known of them."""
    return tuple(
        Gpu("nvidia", f"NVIDIA GPU {card.ids}, its driver does not answer", memory=None, unified=False)
        for card in cards
        if card.vendor == NVIDIA
    )


def read_number(path: Path) -> int | None:
    """Return the number in the file at *path*, decimal or 0x; None where there is none."""
    try:
        return int((read_text(path) or "").strip(), 0)
    except ValueError:
        return None


def believable(memory: int | None) -> Bytes | None:
    """Return a card's *memory* in bytes, or None where no card could have it.

    >>> believable(25_757_220_864), believable(0), believable(2**64 - 1)
    (25757220864, None, None)
    """
    return Bytes(memory) if memory is not None and 0 < memory <= MOST_MEMORY else None


def _pci_place(card: DrmCard) -> str:
    """Return the card's place on the PCI bus, such as 0000:00:02.0; empty where the kernel does not tell."""
    for line in (read_text(card.folder / "uevent") or "").splitlines():
        name, _, value = line.partition("=")
        if name == "PCI_SLOT_NAME":
            return value.strip()
    return ""
