"""A GGUF file with random weights in a real model's shape: as fast and as large as the model, its text is noise.

`python -m tests.bench.random_gguf FILE [--shape qwen3-4b]`. Weights are written straight as quantized blocks, in the
mix of Q4_K_M: Q6_K for the output (or the embedding that is the output too) and for half of attn_v and ffn_down. The
vocabulary has the model's size and ASCII words only, since random bytes are no UTF-8; the words of the launcher's
measuring prompt are tokens of their own, so that it is as long as on a real model.
"""

import argparse
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count, product
from pathlib import Path
from typing import BinaryIO

import numpy as np

from launcher.tune import PROMPT

F32, Q4_K, Q6_K = 0, 12, 14
BLOCK = {F32: (1, 4), Q4_K: (256, 144), Q6_K: (256, 210)}
ALIGN = 32
CHUNK = 16 << 20  # bytes of random blocks, repeated: speed depends on types and shapes, not on values

Scalar = int | float | str
Tensor = tuple[str, tuple[int, ...], int]


@dataclass(frozen=True)
class Shape:
    """The sizes that decide speed and memory."""

    architecture: str
    layers: int
    width: int
    feed_forward: int
    heads: int
    kv_heads: int
    head: int
    vocabulary: int
    tied: bool = True
    context: int = 40_960


SHAPES = {
    "qwen3-4b": Shape("qwen3", 36, 2560, 9728, 32, 8, 128, 151_936),
    "qwen3-8b": Shape("qwen3", 36, 4096, 12288, 32, 8, 128, 151_936, tied=False),
    # For a small machine: one to try a bench with, two that the constants of a plan were fitted on, one not.
    "tiny-qwen3": Shape("qwen3", 4, 256, 512, 4, 2, 64, 2_048),
    "fitted-llama": Shape("llama", 12, 1024, 2816, 16, 4, 64, 32_000, tied=False, context=8_192),
    "held-out": Shape("llama", 20, 512, 1536, 8, 8, 64, 64_000, tied=False, context=8_192),
    "fitted-qwen3": Shape("qwen3", 16, 768, 2048, 12, 4, 128, 100_096),
}


def write(path: Path, shape: Shape, *, seed: int = 0) -> Path:
    """Write the model of *shape* to *path*."""
    tensors = list(tensors_of(shape))
    keys = keys_of(shape)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    head += b"".join(_text(key) + value for key, value in keys.items())
    offset = 0
    for name, dimensions, kind in tensors:
        head += _text(name) + struct.pack(f"<I{len(dimensions)}Q", len(dimensions), *dimensions)
        head += struct.pack("<IQ", kind, offset)
        offset += -(-size_of(dimensions, kind) // ALIGN) * ALIGN
    rng = np.random.default_rng(seed)
    blocks = {kind: _blocks(rng, kind) for kind in (Q4_K, Q6_K)}
    with path.open("wb") as file:
        file.write(head + b"\0" * (-len(head) % ALIGN))
        for _, dimensions, kind in tensors:
            size = size_of(dimensions, kind)
            if kind == F32:
                file.write(np.ones(dimensions, np.float32).tobytes())
            else:
                _repeat(file, blocks[kind], size)
            file.write(b"\0" * (-size % ALIGN))
    return path


def tensors_of(shape: Shape) -> Iterator[Tensor]:
    """The tensors, each with its dimensions (the row first) and type."""
    width, whole, kept = shape.width, shape.heads * shape.head, shape.kv_heads * shape.head
    yield "token_embd.weight", (width, shape.vocabulary), Q6_K if shape.tied else Q4_K
    yield "output_norm.weight", (width,), F32
    if not shape.tied:
        yield "output.weight", (width, shape.vocabulary), Q6_K
    for layer in range(shape.layers):
        more = Q6_K if layer % 2 == 0 else Q4_K
        rows: list[Tensor] = [
            ("attn_norm", (width,), F32),
            ("attn_q", (width, whole), Q4_K),
            ("attn_k", (width, kept), Q4_K),
            ("attn_v", (width, kept), more),
            ("attn_output", (whole, width), Q4_K),
            ("ffn_norm", (width,), F32),
            ("ffn_gate", (width, shape.feed_forward), Q4_K),
            ("ffn_up", (width, shape.feed_forward), Q4_K),
            ("ffn_down", (shape.feed_forward, width), more),
        ]
        if shape.architecture == "qwen3":
            rows += [("attn_q_norm", (shape.head,), F32), ("attn_k_norm", (shape.head,), F32)]
        for name, dimensions, kind in rows:
            yield f"blk.{layer}.{name}.weight", dimensions, kind


def keys_of(shape: Shape) -> dict[str, bytes]:
    """The keys of the header, each value as it is written."""
    own: dict[str, Scalar] = {
        "block_count": shape.layers,
        "context_length": shape.context,
        "embedding_length": shape.width,
        "feed_forward_length": shape.feed_forward,
        "attention.head_count": shape.heads,
        "attention.head_count_kv": shape.kv_heads,
        "attention.key_length": shape.head,
        "attention.value_length": shape.head,
        "attention.layer_norm_rms_epsilon": 1e-6,
        "rope.freq_base": 1e6,
        "rope.dimension_count": shape.head,
        "vocab_size": shape.vocabulary,
    }
    words, merges = vocabulary(shape.vocabulary)
    special = {name: words.index(token) for name, token in (("eos", "<|im_end|>"), ("bos", "<|endoftext|>"))}
    kinds = [3 if word.startswith("<|") else 1 for word in words]
    return {
        "general.architecture": _value(shape.architecture),
        "general.name": _value("random weights"),
        **{f"{shape.architecture}.{key}": _value(value) for key, value in own.items()},
        "tokenizer.ggml.model": _value("gpt2"),
        "tokenizer.ggml.pre": _value("qwen2"),
        "tokenizer.ggml.tokens": _texts(words),
        "tokenizer.ggml.token_type": struct.pack("<IIQ", 9, 5, len(kinds)) + np.array(kinds, np.int32).tobytes(),
        "tokenizer.ggml.merges": _texts(merges),
        **{f"tokenizer.ggml.{name}_token_id": _value(place) for name, place in special.items()},
    }


def vocabulary(size: int) -> tuple[list[str], list[str]]:
    """So many tokens of printable ASCII, and the merges that make each word of the measuring prompt one of them."""
    words = ["Ġ", "Ċ", *map(chr, range(33, 127))]  # how GPT-2's vocabulary writes a blank and the end of a line
    merges: list[str] = []
    for word in dict.fromkeys(re.findall(r" ?[A-Za-z]+", PROMPT)):
        letters = word.replace(" ", "Ġ")
        for end in range(2, len(letters) + 1):
            merge = f"{letters[: end - 1]} {letters[end - 1]}"
            if merge not in merges:
                merges.append(merge)
                words.append(letters[:end])
    words = [*dict.fromkeys(words), "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    known = set(words)
    letters = "abcdefghijklmnopqrstuvwxyz"
    fresh = ("".join(word) for length in count(3) for word in product(letters, repeat=length))
    while len(words) < size:
        word = next(fresh)
        if word not in known:
            words.append(word)
    return words, merges


def size_of(dimensions: tuple[int, ...], kind: int) -> int:
    """The bytes of a tensor."""
    elements, size = BLOCK[kind]
    return int(np.prod(dimensions)) // elements * size


def _blocks(rng: np.random.Generator, kind: int) -> bytes:
    """Random blocks of *kind* with small scales: what they stand for is finite and near zero."""
    size = BLOCK[kind][1]
    blocks = rng.integers(0, 256, (CHUNK // size, size), np.uint8)
    scale = np.full(len(blocks), 2e-4 if kind == Q4_K else 2e-5, np.float16).view(np.uint8).reshape(-1, 2)
    if kind == Q4_K:  # d, dmin, scales, quants
        least = np.full(len(blocks), 15e-4, np.float16).view(np.uint8).reshape(-1, 2)
        blocks[:, 0:2], blocks[:, 2:4] = scale, least
    else:  # low bits, high bits, scales, d
        blocks[:, 208:210] = scale
    return blocks.tobytes()


def _repeat(file: BinaryIO, blocks: bytes, size: int) -> None:
    while size > 0:
        file.write(blocks[:size])
        size -= len(blocks)


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _texts(texts: list[str]) -> bytes:
    return struct.pack("<IIQ", 9, 8, len(texts)) + b"".join(map(_text, texts))


def _value(value: Scalar) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    return struct.pack("<If", 6, value) if isinstance(value, float) else struct.pack("<II", 4, value)


def main() -> None:
    """Write one."""
    options = argparse.ArgumentParser()
    options.add_argument("file", type=Path)
    options.add_argument("--shape", choices=SHAPES, default="qwen3-4b")
    options.add_argument("--layers", type=int)
    asked = options.parse_args()
    shape = SHAPES[asked.shape]
    write(asked.file, shape if asked.layers is None else replace(shape, layers=asked.layers))


if __name__ == "__main__":
    main()
