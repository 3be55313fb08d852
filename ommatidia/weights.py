"""A model's stored weights: blocks of bytes taken apart, turned into numbers, and put together again.

The formats are those of ggml (the `block_*` structures of its `ggml-common.h`). What is not in ``LAYOUTS`` is not
decoded here, and nothing is guessed of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float32]
Rows = npt.NDArray[np.void]
Numbers = npt.NDArray[Any]


@dataclass(frozen=True)
class Blocks:
    """n blocks taken apart: one code a weight, shape (n, weights of a block), and the stored scales by their names.

    Scales of two bytes stay bit patterns (uint16), so that not even a NaN changes on the way back.
    """

    codes: Numbers
    scales: Mapping[str, Numbers]


class Layout(Protocol):
    """One format: ``weights`` is how many a block holds, ``stored`` how its bytes lie."""

    @property
    def weights(self) -> int:
        """Weights of one block."""

    @property
    def stored(self) -> np.dtype[np.void]:
        """The fields of one block, in the order of the file."""

    def unpack(self, rows: Rows) -> Blocks:
        """Take blocks apart."""

    def pack(self, blocks: Blocks) -> Rows:
        """Put them together again: the same bytes."""

    def values(self, blocks: Blocks) -> Values:
        """The weights as float32 of shape (n, weights), in the order of ggml's own operations."""


@dataclass(frozen=True)
class Floats:
    """Each weight is a number by itself; ``kind`` is "f4", "f2", or "u2" for bfloat16."""

    kind: str
    weights: int = 1

    @property
    def stored(self) -> np.dtype[np.void]:
        """One number; its bits."""
        return np.dtype([("x", f"<u{self.kind[1]}")])

    def unpack(self, rows: Rows) -> Blocks:
        """The bits are the codes."""
        return Blocks(rows["x"].reshape(-1, 1), {})

    def pack(self, blocks: Blocks) -> Rows:
        """The codes are the bits."""
        return _rows(self.stored, len(blocks.codes), x=blocks.codes[:, 0])

    def values(self, blocks: Blocks) -> Values:
        """A bfloat16 is the upper half of a float32."""
        if self.kind == "u2":
            return (blocks.codes.astype(np.uint32) << np.uint32(16)).view(np.float32)
        return blocks.codes.view(f"<{self.kind}").astype(np.float32)


class Bytes32:
    """Q8_0: 32 signed bytes under one scale."""

    weights = 32
    stored: np.dtype[np.void] = np.dtype([("d", "<u2"), ("qs", "i1", 32)])

    def unpack(self, rows: Rows) -> Blocks:
        """The bytes are the codes."""
        return Blocks(rows["qs"], {"d": rows["d"]})

    def pack(self, blocks: Blocks) -> Rows:
        """The codes are the bytes."""
        return _rows(self.stored, len(blocks.codes), qs=blocks.codes, d=blocks.scales["d"])

    def values(self, blocks: Blocks) -> Values:
        """d q."""
        return half(blocks.scales["d"])[:, None] * blocks.codes


class Nibbles:
    """Q4_0, Q4_1, Q5_0, Q5_1: 32 codes of 4 bits, a fifth bit each if ``fifth``, and a minimum if ``minimum``."""

    weights = 32

    def __init__(self, *, fifth: bool, minimum: bool) -> None:
        self.fifth, self.minimum = fifth, minimum
        fields = [("d", "<u2"), *([("m", "<u2")] if minimum else []), *([("qh", "u1", 4)] if fifth else [])]
        self.stored: np.dtype[np.void] = np.dtype([*fields, ("qs", "u1", 16)])

    def unpack(self, rows: Rows) -> Blocks:
        """The low halves of the 16 bytes are the first 16 codes, the high halves the last."""
        codes = np.concatenate([rows["qs"] & 15, rows["qs"] >> 4], axis=1)
        if self.fifth:
            codes |= np.unpackbits(rows["qh"], axis=1, bitorder="little") << 4
        return Blocks(codes, {name: rows[name] for name in ("d", "m")[: 1 + self.minimum]})

    def pack(self, blocks: Blocks) -> Rows:
        """The reverse of unpack."""
        low = blocks.codes & 15
        fields = {**blocks.scales, "qs": low[:, :16] | low[:, 16:] << 4}
        if self.fifth:
            fields["qh"] = np.packbits(blocks.codes >> 4, axis=1, bitorder="little")
        return _rows(self.stored, len(blocks.codes), **fields)

    def values(self, blocks: Blocks) -> Values:
        """d q + m; without a minimum d (q - 8), or d (q - 16) of five bits."""
        d = half(blocks.scales["d"])[:, None]
        if self.minimum:
            return d * blocks.codes + half(blocks.scales["m"])[:, None]
        return d * (blocks.codes.astype(np.int8) - (16 if self.fifth else 8))


class KNibbles:
    """Q4_K, Q5_K: 256 weights in 8 groups; d and dmin times 6 bits a group give each its scale and its minimum."""

    weights = 256

    def __init__(self, *, fifth: bool) -> None:
        self.fifth = fifth
        fields = [("d", "<u2"), ("dmin", "<u2"), ("scales", "u1", 12), *([("qh", "u1", 32)] if fifth else [])]
        self.stored: np.dtype[np.void] = np.dtype([*fields, ("qs", "u1", 128)])

    def unpack(self, rows: Rows) -> Blocks:
        """Each 32 bytes hold two groups, low halves first; bit g of a byte of qh is the fifth bit in group g."""
        packed = rows["qs"].reshape(-1, 4, 32)
        codes = np.stack([packed & 15, packed >> 4], axis=2).reshape(-1, 8, 32)
        if self.fifth:
            codes |= (rows["qh"][:, None, :] >> _BITS & 1) << 4
        scale, minimum = _six_bits(rows["scales"])
        scales = {"d": rows["d"], "dmin": rows["dmin"], "scale": scale, "minimum": minimum}
        return Blocks(codes.reshape(-1, 256), scales)

    def pack(self, blocks: Blocks) -> Rows:
        """The reverse of unpack."""
        codes = blocks.codes.reshape(-1, 4, 2, 32)
        low = codes & 15
        fields = {
            "d": blocks.scales["d"],
            "dmin": blocks.scales["dmin"],
            "scales": _twelve_bytes(blocks.scales["scale"], blocks.scales["minimum"]),
            "qs": (low[:, :, 0] | low[:, :, 1] << 4).reshape(-1, 128),
        }
        if self.fifth:
            fields["qh"] = np.bitwise_or.reduce((codes.reshape(-1, 8, 32) >> 4) << _BITS, axis=1)
        return _rows(self.stored, len(blocks.codes), **fields)

    def values(self, blocks: Blocks) -> Values:
        """(d scale) q - dmin minimum."""
        scale = half(blocks.scales["d"])[:, None] * blocks.scales["scale"]
        minimum = half(blocks.scales["dmin"])[:, None] * blocks.scales["minimum"]
        found = scale[:, :, None] * blocks.codes.reshape(-1, 8, 32) - minimum[:, :, None]
        return found.reshape(-1, 256)


class SixBits:
    """Q6_K: 256 codes of 6 bits in 16 groups, each with a signed byte that d multiplies."""

    weights = 256
    stored: np.dtype[np.void] = np.dtype([("ql", "u1", 128), ("qh", "u1", 64), ("scales", "i1", 16), ("d", "<u2")])

    def unpack(self, rows: Rows) -> Blocks:
        """In each half of the block: two runs of low halves, two of high ones, and their upper two bits beside."""
        low = rows["ql"].reshape(-1, 2, 1, 2, 32)
        low = np.concatenate([low & 15, low >> 4], axis=2).reshape(-1, 2, 4, 32)
        high = rows["qh"].reshape(-1, 2, 1, 32) >> _PAIRS & 3
        return Blocks((low | high << 4).reshape(-1, 256), {"d": rows["d"], "scale": rows["scales"]})

    def pack(self, blocks: Blocks) -> Rows:
        """The reverse of unpack."""
        codes = blocks.codes.reshape(-1, 2, 4, 32)
        low = (codes & 15).reshape(-1, 2, 2, 2, 32)
        return _rows(
            self.stored,
            len(codes),
            ql=(low[:, :, 0] | low[:, :, 1] << 4).reshape(-1, 128),
            qh=np.bitwise_or.reduce((codes >> 4) << _PAIRS, axis=2).reshape(-1, 64),
            scales=blocks.scales["scale"],
            d=blocks.scales["d"],
        )

    def values(self, blocks: Blocks) -> Values:
        """(d scale) (q - 32)."""
        scale = half(blocks.scales["d"])[:, None] * blocks.scales["scale"]
        codes = blocks.codes.astype(np.int8).reshape(-1, 16, 16) - np.int8(32)
        return (scale[:, :, None] * codes).reshape(-1, 256)


_BITS = np.arange(8, dtype=np.uint8)[None, :, None]
_PAIRS = np.arange(0, 8, 2, dtype=np.uint8)[None, None, :, None]

#: Every format that is decoded, by the name that ggml gives it.
LAYOUTS: Mapping[str, Layout] = {
    "F32": Floats("f4"),
    "F16": Floats("f2"),
    "BF16": Floats("u2"),
    "Q4_0": Nibbles(fifth=False, minimum=False),
    "Q4_1": Nibbles(fifth=False, minimum=True),
    "Q5_0": Nibbles(fifth=True, minimum=False),
    "Q5_1": Nibbles(fifth=True, minimum=True),
    "Q8_0": Bytes32(),
    "Q4_K": KNibbles(fifth=False),
    "Q5_K": KNibbles(fifth=True),
    "Q6_K": SixBits(),
}


def unpack(kind: str, data: bytes) -> Blocks:
    """Take *data*, whole blocks of format *kind*, apart.

    Raises:
        KeyError: the format is none of LAYOUTS.
        ValueError: *data* ends inside a block.
    """
    layout = LAYOUTS[kind]
    return layout.unpack(np.frombuffer(data, dtype=layout.stored))


def pack(kind: str, blocks: Blocks) -> bytes:
    """Put blocks of format *kind* together: the bytes that they were taken from."""
    return LAYOUTS[kind].pack(blocks).tobytes()


def values(kind: str, blocks: Blocks) -> Values:
    """The weights of blocks as float32 of shape (weights,); a scale that is no number gives weights that are none."""
    with np.errstate(invalid="ignore", over="ignore"):
        return LAYOUTS[kind].values(blocks).ravel()


def dequantise(kind: str, data: bytes) -> Values:
    """The weights in *data* as float32 of shape (weights,); raises as ``unpack`` does.

    >>> dequantise("BF16", bytes([0x80, 0x3F, 0x00, 0xC0])).tolist()
    [1.0, -2.0]
    """
    return values(kind, unpack(kind, data))


def half(bits: Numbers) -> Values:
    """Bit patterns of float16 as float32."""
    return bits.view(np.float16).astype(np.float32)


def _six_bits(packed: Numbers) -> tuple[Numbers, Numbers]:
    """Eight scales and eight minima from 12 bytes: the first four lie whole, the last four borrow their upper bits."""
    a, b, c = packed[:, :4], packed[:, 4:8], packed[:, 8:]
    scale = np.concatenate([a & 63, (c & 15) | (a >> 6) << 4], axis=1)
    return scale, np.concatenate([b & 63, c >> 4 | (b >> 6) << 4], axis=1)


def _twelve_bytes(scale: Numbers, minimum: Numbers) -> Numbers:
    a = scale[:, :4] | (scale[:, 4:] >> 4) << 6
    b = minimum[:, :4] | (minimum[:, 4:] >> 4) << 6
    return np.concatenate([a, b, (scale[:, 4:] & 15) | (minimum[:, 4:] & 15) << 4], axis=1)


def _rows(stored: np.dtype[np.void], count: int, **fields: Numbers) -> Rows:
    rows = np.empty(count, dtype=stored)
    for name, content in fields.items():
        rows[name] = content
    return rows
