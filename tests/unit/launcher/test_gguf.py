"""What a plan needs is read from a model file's header, and a broken file is refused with its reason."""

from pathlib import Path

import pytest

from launcher.errors import BadModelFile
from launcher.gguf import read_gguf, read_header
from tests.unit.launcher.gguf_builder import F32, Q4_0, llama_keys, write_gguf


def test_kv_bytes_are_the_sum_over_layers_of_key_and_value_heads(tmp_path: Path) -> None:
    facts = read_gguf(write_gguf(tmp_path / "m.gguf", llama_keys()))
    assert facts.kv_per_token == 2 * 2 * (16 + 16) * 2  # layers x heads x (key + value) x two bytes
    assert facts.train_context == 4096
    assert facts.architecture == "llama"


@pytest.mark.parametrize(("cache_type", "bytes_per_element"), [("f16", 2.0), ("q8_0", 1.0625), ("q4_0", 0.5625)])
def test_a_slot_costs_its_cache_types_bytes(tmp_path: Path, cache_type, bytes_per_element: float) -> None:
    facts = read_gguf(write_gguf(tmp_path / "m.gguf", llama_keys()))
    assert facts.slot_bytes(1024, cache_type) == 2 * 2 * 32 * 1024 * bytes_per_element


def test_declared_head_lengths_beat_the_derived_one(tmp_path: Path) -> None:
    keys = llama_keys(attention__key_length=24, attention__value_length=40)
    assert read_gguf(write_gguf(tmp_path / "m.gguf", keys)).kv_per_token == 2 * 2 * (24 + 40) * 2


def test_layers_may_differ_in_their_heads(tmp_path: Path) -> None:
    keys = llama_keys(attention__head_count_kv=[4, 1])
    assert read_gguf(write_gguf(tmp_path / "m.gguf", keys)).kv_per_token == (4 + 1) * 32 * 2


def test_without_kv_heads_every_attention_head_is_cached(tmp_path: Path) -> None:
    keys = llama_keys()
    del keys["llama.attention.head_count_kv"]
    assert read_gguf(write_gguf(tmp_path / "m.gguf", keys)).kv_per_token == 2 * 4 * 32 * 2


def test_weights_are_the_bytes_after_the_header(tmp_path: Path) -> None:
    tensors = [("token_embd.weight", (64, 32), F32), ("output.weight", (64, 32), Q4_0)]
    facts = read_gguf(write_gguf(tmp_path / "m.gguf", llama_keys(), tensors))
    assert facts.weights == 64 * 32 * 4 + 64 * 32 // 32 * 18
    assert facts.untied_embedding == 64 * 32 * 4


def test_the_vocabulary_is_the_embeddings_rows_else_the_keys(tmp_path: Path) -> None:
    assert read_gguf(write_gguf(tmp_path / "m.gguf", llama_keys())).vocabulary == 32
    other = [("output.weight", (64, 32), F32)]
    assert read_gguf(write_gguf(tmp_path / "m.gguf", llama_keys(vocab_size=99), other)).vocabulary == 99
    assert read_gguf(write_gguf(tmp_path / "m.gguf", llama_keys(), other)).vocabulary is None


def test_a_tied_embedding_is_not_counted_apart(tmp_path: Path) -> None:
    assert read_gguf(write_gguf(tmp_path / "m.gguf", llama_keys())).untied_embedding == 0


def test_the_vocabulary_is_skipped_and_the_keys_after_it_are_read(tmp_path: Path) -> None:
    keys = {"tokenizer.ggml.tokens": ["a", "bc", ""], "tokenizer.ggml.scores": [1, 2], **llama_keys()}
    header = read_header(write_gguf(tmp_path / "m.gguf", keys))
    assert "tokenizer.ggml.tokens" not in header.keys
    assert header.keys["tokenizer.ggml.scores"] == [1, 2]
    assert header.keys["llama.block_count"] == 2


def split(tmp_path: Path, number: int, *, name: str = "m-0000{}-of-00002.gguf") -> Path:
    keys = llama_keys() | {"split.count": 2, "split.no": number - 1}
    tensor = ("token_embd.weight" if number == 1 else "output.weight", (64, 32), F32)
    return write_gguf(tmp_path / name.format(number), keys, [tensor])


def test_a_model_in_several_files_is_added_up(tmp_path: Path) -> None:
    first, _ = split(tmp_path, 1), split(tmp_path, 2)
    facts = read_gguf(first)
    assert facts.weights == 2 * 64 * 32 * 4
    assert facts.untied_embedding == 64 * 32 * 4  # the output that unties it is in the second file


def test_a_missing_part_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(BadModelFile) as refusal:
        read_gguf(split(tmp_path, 1))
    assert refusal.value.path.name == "m-00002-of-00002.gguf"


@pytest.mark.parametrize("name", ["m-0000{}-of-00003.gguf", "renamed{}.gguf"])
def test_a_part_whose_others_cannot_be_named_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadModelFile, match="one of 2 parts"):
        read_gguf(split(tmp_path, 1, name=name))


def test_the_second_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModelFile, match="give the first"):
        read_gguf(split(tmp_path, 2))


def test_the_model_is_named_after_its_file_or_as_asked(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "Tiny-Model.Q4_0.gguf", llama_keys())
    assert read_gguf(path).name == "tiny-model.q4_0"
    assert read_gguf(path, "tiny").name == "tiny"


def test_every_truncation_of_a_file_is_refused(tmp_path: Path) -> None:
    whole = write_gguf(tmp_path / "m.gguf", llama_keys(), [("token_embd.weight", (64, 2), F32)]).read_bytes()
    cut = tmp_path / "cut.gguf"
    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        with pytest.raises(BadModelFile) as refusal:
            read_gguf(cut)
        assert refusal.value.path == cut


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"PK\x03\x04" + b"\0" * 100, "not a GGUF"),
        (b"GGUF\x01\0\0\0" + b"\0" * 100, "version 1"),
        (b"GGUF\x03\0\0\0" + b"\xff" * 100, "tensors"),
        (b"GGUF\x03\0\0\0" + b"\0" * 8 + b"\x01" + b"\0" * 7 + b"\xff" * 100, "truncated"),
    ],
)
def test_what_is_no_gguf_is_refused_with_its_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "odd.gguf"
    path.write_bytes(content)
    with pytest.raises(BadModelFile, match=reason):
        read_gguf(path)


@pytest.mark.parametrize("name", ["missing.gguf", "."])
def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadModelFile):
        read_gguf(tmp_path / name)


def test_a_header_without_layers_is_refused_by_the_keys_name(tmp_path: Path) -> None:
    keys = llama_keys()
    del keys["llama.block_count"]
    with pytest.raises(BadModelFile, match=r"llama\.block_count"):
        read_gguf(write_gguf(tmp_path / "m.gguf", keys))
