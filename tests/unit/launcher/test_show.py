"""Ollama's `/api/show` gives the same facts as the file, and says what it leaves open."""

from pathlib import Path
from typing import Any

import pytest

from launcher.errors import BadModelFile
from launcher.show import facts_from_show

QWEN3_4B = {
    "general.architecture": "qwen3",
    "general.parameter_count": 4_022_468_096,
    "qwen3.block_count": 36,
    "qwen3.context_length": 40_960,
    "qwen3.embedding_length": 2560,
    "qwen3.attention.head_count": 32,
    "qwen3.attention.head_count_kv": 8,
    "qwen3.attention.key_length": 128,
    "qwen3.attention.value_length": 128,
    "tokenizer.ggml.tokens": None,
}


def answer(info: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"model_info": QWEN3_4B if info is None else info, "details": {"quantization_level": "Q4_K_M"}, **more}


def test_the_keys_are_read_as_a_files() -> None:
    facts = facts_from_show("qwen3:4b", answer(), weights=2_497_293_931)
    assert (facts.name, facts.weights, facts.kv_per_token) == ("qwen3:4b", 2_497_293_931, 147_456)
    assert (facts.train_context, facts.architecture, facts.path) == (40_960, "qwen3", None)
    assert facts.approximate == ()


def test_a_verbose_answers_tensors_are_added_up() -> None:
    tensors = [
        {"name": "token_embd.weight", "type": "Q4_K", "shape": [2560, 1000]},
        {"name": "output.weight", "type": "Q6_K", "shape": [2560, 1000]},
        {"name": "output_norm.weight", "type": "F32", "shape": [2560]},
    ]
    facts = facts_from_show("m", answer(tensors=tensors))
    # Blocks of 256 elements: 144 bytes of Q4_K, 210 of Q6_K.
    assert facts.weights == 10_000 * 144 + 10_000 * 210 + 2560 * 4
    assert facts.untied_embedding == 10_000 * 144
    assert facts.approximate == ()


def test_without_a_size_the_parameters_are_multiplied_and_that_is_said() -> None:
    facts = facts_from_show("m", answer())
    assert facts.weights == int(4_022_468_096 * 4.9 / 8)
    assert facts.weights == pytest.approx(2_497_293_931, rel=0.02)
    assert facts.approximate == ("general.parameter_count",)


@pytest.mark.parametrize(("level", "bits"), [("F16", 16), ("Q8_0", 8.5), ("IQ9_XYZ", 16)])
def test_an_unknown_quantization_is_bounded_from_above(level: str, bits: float) -> None:
    facts = facts_from_show("m", answer(details={"quantization_level": level}))
    assert facts.weights == int(4_022_468_096 * bits / 8)


def test_a_tensor_of_an_unknown_type_falls_back_to_the_parameters() -> None:
    facts = facts_from_show("m", answer(tensors=[{"name": "x", "type": "Q99", "shape": [1]}]))
    assert facts.approximate == ("general.parameter_count",)


@pytest.mark.parametrize("hidden", [[], None])
def test_a_list_that_the_answer_hides_is_bounded_and_named(hidden: list[int] | None) -> None:
    info = QWEN3_4B | {"qwen3.attention.head_count_kv": hidden}
    facts = facts_from_show("m", answer(info), weights=1)
    assert facts.kv_per_token == 36 * 32 * 256 * 2  # as many as attention heads: never less than the truth
    assert facts.approximate == ("qwen3.attention.head_count_kv",)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({}, "block_count"),
        ({"model_info": None}, "block_count"),
        (answer({key: value for key, value in QWEN3_4B.items() if "parameter" not in key}), "parameter_count"),
    ],
)
def test_an_answer_without_the_keys_is_refused_with_the_model_and_the_key(broken: Any, reason: str) -> None:
    with pytest.raises(BadModelFile, match=reason) as refusal:
        facts_from_show("qwen3:4b", broken)
    assert refusal.value.path == Path("qwen3:4b")
