"""The container of a GGUF file: its keys and its list of tensors. Every length is checked against the file first."""

import mmap
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path

from launcher.errors import BadModelFile

Value = int | float | bool | str | list["Value"]

VERSIONS = (2, 3)  # version 1 used 32-bit lengths and is long gone
MOST_ENTRIES = 1_000_000  # keys or tensors; the largest public models have some thousands
MOST_DIMENSIONS = 4  # ggml's own limit
STRING, ARRAY = 8, 9
SCALARS = {0: "B", 1: "b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "?", 10: "<Q", 11: "<q", 12: "<d"}

# Type number -> (elements, bytes) of a block, as ggml defines them; others are not checked for truncation.
BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84),
    11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 16: (256, 66), 17: (256, 74), 18: (256, 98),
    19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136), 30: (1, 2), 39: (32, 17),
}  # fmt: skip


@dataclass(frozen=True)
class Tensor:
    """One entry of the tensor list; *offset* counts from the start of the data."""

    name: str
    shape: tuple[int, ...]  # the innermost dimension first, as the file has it
    kind: int
    offset: int

    @property
    def elements(self) -> int:
        """How many weights it has."""
        return prod(self.shape)

    @property
    def size(self) -> int | None:
        """Its bytes, or None for a type we do not know."""
        block = BLOCKS.get(self.kind)
        return None if block is None else self.elements // block[0] * block[1]


@dataclass(frozen=True)
class Header:
    """What the file says of itself; arrays of strings (the vocabulary) are left out."""

    keys: dict[str, Value]
    tensors: tuple[Tensor, ...]
    data_start: int


def read_header(path: Path) -> Header:
    """Return the header of *path*; raise BadModelFile where it is truncated or is not a GGUF file."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Cursor(data, path).header()
    except (OSError, ValueError) as exc:  # missing, a folder, unreadable; ValueError: an empty file cannot be mapped
        raise BadModelFile(path, getattr(exc, "strerror", None) or "the file is empty") from exc


class _Cursor:
    """A position in the mapped file."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self._data = data
        self._path = path
        self._at = 0

    def header(self) -> Header:
        if self._take(4) != b"GGUF":
            raise BadModelFile(self._path, "not a GGUF file")
        if (version := self._number("<I")) not in VERSIONS:
            raise BadModelFile(self._path, f"GGUF version {version}; this reader knows 2 and 3")
        tensor_count, key_count = self._count("tensors"), self._count("keys")
        keys: dict[str, Value] = {}
        for _ in range(key_count):
            key = self._string()
            value = self._value(self._number("<I"))
            if value is not None:
                keys[key] = value
        tensors = tuple(self._tensor() for _ in range(tensor_count))
        alignment = keys.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment <= 0:
            raise BadModelFile(self._path, f"alignment {alignment!r}")
        start = -(-self._at // alignment) * alignment
        self._check_data(tensors, start)
        return Header(keys, tensors, start)

    def _check_data(self, tensors: tuple[Tensor, ...], start: int) -> None:
        end = max((start + tensor.offset + (tensor.size or 0) for tensor in tensors), default=start)
        if not tensors or end > len(self._data):
            raise BadModelFile(self._path, f"truncated: {len(self._data)} bytes, its tensors end at {end}")

    def _take(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise BadModelFile(self._path, f"truncated: {len(self._data)} bytes end inside the header")
        self._at += size
        return self._data[self._at - size : self._at]

    def _number(self, form: str) -> int:
        return int(self._scalar(form))

    def _scalar(self, form: str) -> int | float | bool:
        value: int | float | bool = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return value

    def _count(self, what: str) -> int:
        count = self._number("<Q")
        if count > MOST_ENTRIES:
            raise BadModelFile(self._path, f"{count} {what}; at most {MOST_ENTRIES} are read")
        return count

    def _string(self) -> str:
        return self._take(self._number("<Q")).decode("utf-8", errors="replace")

    def _tensor(self) -> Tensor:
        name, dimensions = self._string(), self._number("<I")
        if dimensions > MOST_DIMENSIONS:
            raise BadModelFile(self._path, f"tensor {name!r} of {dimensions} dimensions")
        shape = tuple(self._number("<Q") for _ in range(dimensions))
        return Tensor(name, shape, kind=self._number("<I"), offset=self._number("<Q"))

    def _value(self, kind: int) -> Value | None:
        if kind == STRING:
            return self._string()
        if kind == ARRAY:
            return self._array()
        if (form := SCALARS.get(kind)) is None:
            raise BadModelFile(self._path, f"value of unknown type {kind}")
        return self._scalar(form)

    def _array(self) -> Value | None:
        kind, length = self._number("<I"), self._number("<Q")
        if kind in SCALARS:
            form = SCALARS[kind]
            values = self._take(length * struct.calcsize(form))
            return [value for (value,) in struct.iter_unpack(form, values)]
        if kind != STRING:
            raise BadModelFile(self._path, f"array of unknown type {kind}")
        for _ in range(length):  # each needs at least 8 bytes, so a false length ends at the end of the file
            self._take(self._number("<Q"))
        return None
