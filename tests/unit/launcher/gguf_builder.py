"""Write small GGUF files for tests: real headers, tensors of zeros."""

import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

Value = int | str | list[int] | list[str]

F32, Q4_0 = 0, 2


def llama_keys(**changes: Value) -> dict[str, Value]:
    """Return the keys of a small llama-like model; a change's name has `_` for the `.` after the architecture."""
    keys: dict[str, Value] = {
        "general.architecture": "llama",
        "llama.block_count": 2,
        "llama.context_length": 4096,
        "llama.embedding_length": 64,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2,
    }
    return keys | {f"llama.{name.replace('__', '.')}": value for name, value in changes.items()}


def write_gguf(
    path: Path,
    keys: Mapping[str, Value],
    tensors: Sequence[tuple[str, tuple[int, ...], int]] = (("token_embd.weight", (64, 32), F32),),
    *,
    version: int = 3,
) -> Path:
    """Write a GGUF file whose tensors, given as name, dimensions and F32 or Q4_0, hold zeros."""
    sizes = [_size(dimensions, kind) for _, dimensions, kind in tensors]
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys))
    for key, value in keys.items():
        head += _text(key) + _value(value)
    offset = 0
    for (name, dimensions, kind), size in zip(tensors, sizes, strict=True):
        head += _text(name) + struct.pack(f"<I{len(dimensions)}Q", len(dimensions), *dimensions)
        head += struct.pack("<IQ", kind, offset)
        offset += -(-size // 32) * 32
    head += b"\0" * (-len(head) % 32)
    path.write_bytes(head)
    os.truncate(path, len(head) + offset)  # zeros that take no room on the disk
    return path


def _size(dimensions: tuple[int, ...], kind: int) -> int:
    elements = 1
    for dimension in dimensions:
        elements *= dimension
    return elements * 4 if kind == F32 else elements // 32 * 18


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value: Value) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if value and isinstance(value[0], str):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(_text(str(item)) for item in value)
    return struct.pack(f"<IIQ{len(value)}I", 9, 4, len(value), *value)
