"""What a slot keeps, for each kind of attention: the shapes are published models', the figures reckoned by hand."""

from pathlib import Path

import pytest

from launcher.gguf import read_gguf
from launcher.types import ModelFacts
from tests.unit.launcher.gguf_builder import Value, write_gguf


def model(tmp_path: Path, architecture: str, keys: dict[str, Value]) -> ModelFacts:
    """Write a file with these keys below the architecture's name, and read it."""
    full: dict[str, Value] = {"general.architecture": architecture, f"{architecture}.context_length": 32_768}
    full |= {f"{architecture}.{name}": value for name, value in keys.items()}
    return read_gguf(write_gguf(tmp_path / "m.gguf", full))


def attention(layers: int, kv_heads: Value, length: int, **more: Value) -> dict[str, Value]:
    """Return the keys of plain attention; in *more*, `__` stands for the dot."""
    keys: dict[str, Value] = {
        "block_count": layers,
        "attention.head_count": 32,
        "attention.head_count_kv": kv_heads,
        "attention.key_length": length,
        "attention.value_length": length,
    }
    return keys | {name.replace("__", "."): value for name, value in more.items()}


# Layers x kv heads x (key + value) x 2 bytes.
PLAIN = [
    ("llama", attention(28, 8, 128), 28 * 8 * 256 * 2),  # Llama 3.2 3B
    ("qwen3", attention(36, 8, 128, embedding_length=2560), 147_456),  # 4B and 8B: 144 KiB; 2560 / 32 is not 128
    ("qwen3", attention(40, 8, 128), 163_840),  # 14B: 160 KiB
    ("qwen3moe", attention(48, 4, 128), 98_304),  # 30B-A3B: 96 KiB
    ("phi3", attention(32, 32, 96, attention__sliding_window=2047), 32 * 32 * 192 * 2),  # llama.cpp ignores its window
]


@pytest.mark.parametrize(("architecture", "keys", "per_token"), PLAIN)
def test_plain_attention_keeps_every_token_in_every_layer(tmp_path, architecture, keys, per_token) -> None:
    facts = model(tmp_path, architecture, keys)
    assert (facts.kv_per_token, facts.window_kv_per_token, facts.state) == (per_token, 0, 0)
    assert facts.slot_bytes(4096, "f16") == per_token * 4096
    assert facts.approximate == ()


def test_qwen2_derives_its_head_length(tmp_path: Path) -> None:
    """Qwen2.5 0.5B: 896 / 14 = 64."""
    keys = {"block_count": 24, "embedding_length": 896, "attention.head_count": 14, "attention.head_count_kv": 2}
    assert model(tmp_path, "qwen2", keys).kv_per_token == 24 * 2 * 128 * 2


# Architecture, keys, bytes per token of the full and of the sliding layers, tokens in the window.
SLIDING = [
    # Gemma 3 270M: layers 5, 11 and 17 are full; 512 + 512 of the batch are four steps of 256.
    ("gemma3", attention(18, 1, 256, attention__sliding_window=512), 3 * 512 * 2, 15 * 512 * 2, 1024),
    # Gemma 2 2B: every other one.
    ("gemma2", attention(26, 4, 256, attention__sliding_window=4096), 13 * 4 * 512 * 2, 13 * 4 * 512 * 2, 4608),
    # gpt-oss 20B: every other one; 128 + 512 = 640 tokens are rounded up to 768.
    ("gpt-oss", attention(24, 8, 64, attention__sliding_window=128), 12 * 8 * 128 * 2, 12 * 8 * 128 * 2, 768),
    # Command R7B: three of four.
    ("cohere2", attention(32, 8, 128, attention__sliding_window=4096), 8 * 8 * 256 * 2, 24 * 8 * 256 * 2, 4608),
    # Llama 4 Scout: chunks of 8192, which its file need not tell.
    ("llama4", attention(48, 8, 128), 12 * 8 * 256 * 2, 36 * 8 * 256 * 2, 8704),
    # SmallThinker: the first of each four is full.
    ("smallthinker", attention(6, 1, 64, attention__sliding_window=4096), 2 * 128 * 2, 4 * 128 * 2, 4608),
    # A file that tells its own pattern, as a period ...
    (
        "gemma3",
        attention(6, 1, 64, attention__sliding_window=512, attention__sliding_window_pattern=3),
        2 * 128 * 2,
        4 * 128 * 2,
        1024,
    ),
    # ... and layer by layer, with shorter heads where it slides, and two last layers that keep nothing (Gemma 4).
    (
        "gemma4",
        attention(
            6,
            2,
            512,
            attention__sliding_window=512,
            attention__sliding_window_pattern=[1, 1, 0, 1, 1, 0],
            attention__key_length_swa=256,
            attention__value_length_swa=256,
            attention__shared_kv_layers=2,
        ),
        1 * 2 * 1024 * 2,
        3 * 2 * 512 * 2,
        1024,
    ),
]


@pytest.mark.parametrize(("architecture", "keys", "full", "sliding", "window"), SLIDING)
def test_sliding_layers_keep_a_window(tmp_path, architecture, keys, full, sliding, window) -> None:
    facts = model(tmp_path, architecture, keys)
    assert (facts.kv_per_token, facts.window_kv_per_token, facts.window) == (full, sliding, window)
    assert facts.slot_bytes(256, "f16") == (full + sliding) * 256
    assert facts.slot_bytes(32_768, "f16") == full * 32_768 + sliding * window
    assert facts.slot_bytes(32_768, "q8_0") == (full * 32_768 + sliding * window) * 1.0625 / 2
    assert facts.approximate == ()


LATENT = {"attention.kv_lora_rank": 512, "rope.dimension_count": 64}


def test_latent_attention_keeps_one_vector_per_layer(tmp_path: Path) -> None:
    """DeepSeek V2 Lite: 27 layers of 512 + 64."""
    keys = attention(27, 1, 576, attention__key_length_mla=192, attention__value_length_mla=128)
    assert model(tmp_path, "deepseek2", keys | LATENT).kv_per_token == 27 * 576 * 2 == 31_104


def test_a_deepseek_file_from_before_the_latent_kernels_is_expanded(tmp_path: Path) -> None:
    keys = attention(27, 16, 192) | {"attention.value_length": 128}
    assert model(tmp_path, "deepseek2", keys | LATENT).kv_per_token == 27 * 16 * (192 + 128) * 2


def ssm(conv: int, inner: int, state: int, groups: int) -> dict[str, Value]:
    return {"ssm.conv_kernel": conv, "ssm.inner_size": inner, "ssm.state_size": state, "ssm.group_count": groups}


# One layer's state: 4 bytes x ((conv - 1) x (inner + 2 x groups x state) + state x inner).
NEXT = 4 * (3 * (4096 + 2 * 16 * 128) + 128 * 4096)
HYBRID = [
    # Qwen3-Next 80B: 12 of 48 layers attend, with or without the key that says so.
    ("qwen3next", attention(48, 2, 256, full_attention_interval=4), ssm(4, 4096, 128, 16), 24_576, 36 * NEXT),
    ("qwen3next", attention(48, 2, 256), ssm(4, 4096, 128, 16), 24_576, 36 * NEXT),
    # Nemotron-H: one attends, two keep a state, one is a feed-forward network alone.
    (
        "nemotron_h",
        attention(4, [0, 0, 8, 0], 128, feed_forward_length=[0, 15_680, 0, 0]),
        ssm(4, 10_240, 128, 8),
        8 * 256 * 2,
        2 * 4 * (3 * (10_240 + 2 * 8 * 128) + 128 * 10_240),
    ),
    # Granite 4 H: a layer without heads keeps a state, whatever its network.
    (
        "granitehybrid",
        attention(4, [0, 0, 4, 0], 128, feed_forward_length=512),
        ssm(4, 3072, 128, 1),
        4 * 256 * 2,
        3 * 4 * (3 * (3072 + 256) + 128 * 3072),
    ),
    # Falcon H1: every layer does both.
    (
        "falcon-h1",
        attention(2, 2, 64),
        ssm(4, 1536, 128, 1),
        2 * 2 * 128 * 2,
        2 * 4 * (3 * (1536 + 256) + 128 * 1536),
    ),
    # LFM2: short convolutions of three tokens.
    (
        "lfm2",
        attention(3, [0, 8, 0], 64, embedding_length=1024),
        {"shortconv.l_cache": 3},
        8 * 128 * 2,
        2 * 4 * 2 * 1024,
    ),
    # Mamba and RWKV: no cache at all.
    ("mamba", {"block_count": 24}, ssm(4, 1536, 16, 0), 0, 24 * 4 * (3 * 1536 + 16 * 1536)),
    ("rwkv7", {"block_count": 12, "embedding_length": 768}, {"wkv.head_size": 64}, 0, 12 * 4 * 768 * (2 + 64)),
    # The file says itself which layers are recurrent.
    ("qwen35", attention(2, 2, 256, attention__recurrent_layers=[1, 0]), ssm(4, 4096, 128, 16), 2 * 512 * 2, NEXT),
]


@pytest.mark.parametrize(("architecture", "keys", "more", "per_token", "state"), HYBRID)
def test_recurrent_layers_keep_a_state_whatever_the_context(
    tmp_path, architecture, keys, more, per_token, state
) -> None:
    facts = model(tmp_path, architecture, keys | more)
    assert (facts.kv_per_token, facts.state) == (per_token, state)
    assert facts.slot_bytes(8192, "f16") - facts.slot_bytes(4096, "f16") == per_token * 4096
    assert facts.slot_bytes(4096, "q8_0") == int(per_token * 4096 * 1.0625 / 2) + state
    assert facts.approximate == ()


def test_layers_that_only_predict_ahead_keep_nothing(tmp_path: Path) -> None:
    assert model(tmp_path, "glm4moe", attention(47, 8, 128, nextn_predict_layers=1)).kv_per_token == 46 * 8 * 256 * 2


@pytest.mark.parametrize(
    ("architecture", "more", "named"),
    [
        ("newarch", {"attention.sliding_window": 512}, "attention.sliding_window"),
        ("deepseek32", {"attention.indexer.head_count": 64}, "attention.indexer.head_count"),
        ("kimi", {"kda.head_dim": 128}, "kda.head_dim"),
        ("newarch", {"full_attention_interval": 4}, "recurrent state"),
    ],
)
def test_what_is_still_guessed_is_named(tmp_path: Path, architecture: str, more, named: str) -> None:
    facts = model(tmp_path, architecture, attention(8, 2, 64) | more)
    assert facts.approximate == (f"{architecture}.{named}",)
