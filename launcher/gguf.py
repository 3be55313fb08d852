"""A GGUF model, read into what a plan needs."""

import re
from dataclasses import replace
from pathlib import Path

from launcher.errors import BadModelFile
from launcher.gguf_header import Header, read_header
from launcher.kv_cache import Keys, SlotCost, slot_cost
from launcher.types import Bytes, ModelFacts

__all__ = ["model_name", "read_gguf", "read_header"]

_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")  # how llama.cpp's splitter names the parts


def model_name(path: Path) -> str:
    """Return the name under which the model of this file is served.

    >>> model_name(Path("/models/SmolLM2-135M-Instruct.Q4_1.gguf"))
    'smollm2-135m-instruct.q4_1'
    """
    return path.stem.lower()


def read_gguf(path: Path, name: str | None = None) -> ModelFacts:
    """Return the facts of the model in *path*, called *name* (else by its file).

    Of a model in several files *path* is the first; all must be there. Raises BadModelFile.
    """
    header = read_header(path)
    keys = Keys(header.keys)
    try:
        cost, train_context = slot_cost(keys), keys.number("context_length")
    except ValueError as exc:
        raise BadModelFile(path, str(exc)) from exc
    parts = {path: header} | {part: read_header(part) for part in other_parts(path, header)}
    weights = sum(part.stat().st_size - found.data_start for part, found in parts.items())
    tensors = {tensor.name: tensor for found in parts.values() for tensor in found.tensors}
    facts = facts_of(
        keys,
        cost,
        name or model_name(path),
        weights,
        train_context,
        {tensor.name: tensor.size or 0 for tensor in tensors.values()},
    )
    width = keys.number("embedding_length", 0)
    embedding = tensors.get("token_embd.weight")
    vocabulary = embedding.elements // width if embedding and width else facts.vocabulary
    return replace(facts, path=path, vocabulary=vocabulary)


def facts_of(
    keys: Keys,
    cost: SlotCost,
    name: str,
    weights: int,
    train_context: int,
    sizes: dict[str, int],
    *,
    approximate: tuple[str, ...] = (),
) -> ModelFacts:
    """Put the facts together; *weights* and the tensors' *sizes* are in bytes."""
    return ModelFacts(
        name=name,
        weights=Bytes(weights),
        kv_per_token=cost.full,
        train_context=train_context,
        architecture=keys.architecture,
        # A tied embedding is the output too and goes onto the card.
        untied_embedding=Bytes(sizes.get("token_embd.weight", 0) if "output.weight" in sizes else 0),
        approximate=(*cost.approximate, *approximate),
        window_kv_per_token=cost.sliding,
        window=cost.window,
        vocabulary=keys.number("vocab_size", 0) or None,
        state=cost.state,
    )


def other_parts(path: Path, header: Header) -> list[Path]:
    """Return the further files of a model that was split; raise BadModelFile where they cannot be named."""
    count = header.keys.get("split.count", 1)
    if not isinstance(count, int) or count <= 1:
        return []
    named = _PART.search(path.name)
    if named is None or int(named[1]) != 1 or int(named[2]) != count:
        raise BadModelFile(path, f"one of {count} parts; give the first, named ...-00001-of-{count:05}.gguf")
    stem = path.name[: named.start()]
    return [path.with_name(f"{stem}-{number:05}-of-{count:05}.gguf") for number in range(2, count + 1)]
