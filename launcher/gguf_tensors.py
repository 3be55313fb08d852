"""The tensors of a GGUF model as they lie in its files: where each is, and its bytes piece by piece."""

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

from launcher.gguf import other_parts
from launcher.gguf_header import BLOCKS, Header, Tensor, read_header

PIECE = 1 << 22  # bytes read at a time, about

#: Type number -> the name that ggml gives it. A number that is not here is told as "type N".
TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K",
    12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
    20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
    29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip


@dataclass(frozen=True)
class StoredTensor:
    """One tensor: *start* is where its bytes begin in *file*, *size* how many there are.

    Of a type whose size is not known, *size* is what lies before the next tensor, its padding included.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    file: Path
    start: int
    size: int

    @property
    def elements(self) -> int:
        """How many weights it has."""
        return prod(self.shape)

    def pieces(self, block: int | None = None) -> Iterator[bytes]:
        """Its bytes, about PIECE at a time; each piece is whole blocks of *block* bytes."""
        step = PIECE if block is None else max(1, PIECE // block) * block
        with self.file.open("rb") as file:
            file.seek(self.start)
            for at in range(0, self.size, step):
                yield file.read(min(step, self.size - at))


@dataclass(frozen=True)
class ModelFile:
    """One file of a model; *spare* is its bytes after the last tensor.

    *misplaced* names tensors that share bytes with the next, end inside a block, or share their name.
    """

    path: Path
    size: int
    spare: int
    misplaced: tuple[str, ...]
    tensors: tuple[StoredTensor, ...]


def model_files(path: Path) -> tuple[ModelFile, ...]:
    """Return the files of the model in *path* with their tensors, in the order of the files.

    Of a model in several files *path* is the first. Raises BadModelFile where one is missing, truncated or no GGUF.
    """
    header = read_header(path)
    others = [(part, read_header(part)) for part in other_parts(path, header)]
    return tuple(_file(part, found) for part, found in [(path, header), *others])


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a whole file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _file(path: Path, header: Header) -> ModelFile:
    size = path.stat().st_size
    starts = [*sorted({header.data_start + tensor.offset for tensor in header.tensors}), size]
    tensors, misplaced = [], []
    for tensor in header.tensors:
        start = header.data_start + tensor.offset
        room = starts[bisect_right(starts, start)] - start if start < size else 0
        length = room if tensor.size is None else tensor.size
        if length > room or tensor.elements % BLOCKS.get(tensor.kind, (1, 0))[0]:
            misplaced.append(tensor.name)
        tensors.append(_stored(path, header, tensor, length))
    counted = Counter(tensor.name for tensor in tensors)
    misplaced += [name for name, count in counted.items() if count > 1]
    spare = size - max(tensor.start + tensor.size for tensor in tensors)
    return ModelFile(path, size, spare, tuple(misplaced), tuple(tensors))


def _stored(path: Path, header: Header, tensor: Tensor, size: int) -> StoredTensor:
    kind = TYPES.get(tensor.kind, f"type {tensor.kind}")
    return StoredTensor(tensor.name, tensor.shape, kind, path, header.data_start + tensor.offset, size)
