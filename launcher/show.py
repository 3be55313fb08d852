"""What Ollama's `/api/show` says of a model, read into what a plan needs."""

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

from launcher.errors import BadModelFile
from launcher.gguf import facts_of
from launcher.gguf_header import BLOCKS
from launcher.kv_cache import Keys, slot_cost
from launcher.types import ModelFacts

# Names of the tensor types as the answer spells them -> their numbers in a file.
TYPES = {
    "F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q5_0": 6, "Q5_1": 7, "Q8_0": 8, "Q2_K": 10, "Q3_K": 11, "Q4_K": 12,
    "Q5_K": 13, "Q6_K": 14, "BF16": 30, "MXFP4": 39,
}  # fmt: skip

# Bits of a weight by the beginning of the quantization level: what llama.cpp's mixes come to on models of 4B to 14B.
BITS = {"F32": 32.0, "F16": 16.0, "BF16": 16.0, "Q8": 8.5, "Q6": 6.6, "Q5": 5.7, "Q4": 4.9, "MXFP4": 4.5, "Q3": 4.0,
        "Q2": 3.2}  # fmt: skip
MOST_BITS = 16.0  # of a level that we do not know: an upper bound


def facts_from_show(name: str, answer: Mapping[str, Any], *, weights: int | None = None) -> ModelFacts:
    """Return the facts of model *name* from the parsed *answer* of `/api/show`.

    *weights* is the size in bytes that `/api/tags` gives; without it the tensors of a verbose answer are added up, or
    else the parameters are multiplied, which `approximate` says. Long lists are empty unless the answer is verbose;
    `approximate` names those too. Raises BadModelFile, with the model's name for a path, where a key is missing.
    """
    info = answer.get("model_info")
    keys = Keys(info if isinstance(info, dict) else {})
    sizes = _sizes(answer.get("tensors") or [])
    guessed: tuple[str, ...] = ()
    try:
        cost, train_context = slot_cost(keys), keys.number("context_length")
        if weights is None:
            weights = sum(sizes.values())
        if not weights:
            weights, guessed = _guess(answer), ("general.parameter_count",)
    except ValueError as exc:
        raise BadModelFile(Path(name), str(exc)) from exc
    return facts_of(keys, cost, name, weights, train_context, sizes, approximate=guessed)


def _sizes(tensors: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return the bytes of every tensor; none at all where one is of a type that we do not know."""
    sizes: dict[str, int] = {}
    for tensor in tensors:
        kind = TYPES.get(str(tensor.get("type")))
        if kind is None:
            return {}
        elements, size = BLOCKS[kind]
        sizes[str(tensor.get("name"))] = prod(tensor.get("shape") or [0]) // elements * size
    return sizes


def _guess(answer: Mapping[str, Any]) -> int:
    count = (answer.get("model_info") or {}).get("general.parameter_count")
    if not isinstance(count, int):
        raise ValueError("neither its size nor key general.parameter_count is known")
    level = str((answer.get("details") or {}).get("quantization_level", "")).upper()
    bits = next((bits for start, bits in BITS.items() if level.startswith(start)), MOST_BITS)
    return int(count * bits / 8)
