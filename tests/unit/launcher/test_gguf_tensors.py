"""Where each tensor of a model lies, and tables that give a tensor no bytes of its own."""

import hashlib
import struct
from pathlib import Path

import pytest

from launcher.demo_model import demo_model, recorded_sha256
from launcher.errors import BadModelFile
from launcher.gguf_tensors import PIECE, model_files, sha256_of
from tests.unit.launcher.gguf_builder import F32, Q4_0, llama_keys, write_gguf

TWO = (("one", (64, 32), F32), ("two", (32,), Q4_0))


def test_a_tensor_has_its_name_shape_type_and_place(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", llama_keys(), TWO)
    (file,) = model_files(path)
    one, two = file.tensors
    assert (one.name, one.shape, one.type, one.elements, one.size) == ("one", (64, 32), "F32", 2048, 8192)
    assert (two.name, two.shape, two.type, two.size) == ("two", (32,), "Q4_0", 18)
    assert two.start == one.start + one.size
    assert (file.spare, file.misplaced) == (32 - 18, ())  # padding after the last tensor


def test_its_pieces_are_its_bytes_cut_at_whole_blocks(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", llama_keys(), (("big", (PIECE // 16, 32), Q4_0),))
    content = bytearray(path.read_bytes())
    (tensor,) = model_files(path)[0].tensors
    content[tensor.start : tensor.start + tensor.size] = hashlib.shake_256(b"weights").digest(tensor.size)
    path.write_bytes(content)
    pieces = list(tensor.pieces(18))
    assert len(pieces) > 1
    assert all(len(piece) % 18 == 0 for piece in pieces)
    assert b"".join(pieces) == content[tensor.start : tensor.start + tensor.size]


def test_a_file_cut_by_one_byte_is_refused(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", llama_keys(), (("one", (64, 32), F32),))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BadModelFile, match="truncated"):
        model_files(path)


def test_tensors_on_the_same_bytes_are_named(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", llama_keys(), TWO)
    content = path.read_bytes()
    entry = content.index(struct.pack("<Q", 3) + b"two")
    offset = entry + 8 + 3 + 4 + 8 + 4  # name, dimensions, one length, type
    path.write_bytes(content[:offset] + struct.pack("<Q", 4096) + content[offset + 8 :])
    assert model_files(path)[0].misplaced == ("one",)


def test_a_tensor_that_ends_inside_a_block_is_named(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", llama_keys(), (("odd", (33,), Q4_0),))
    assert model_files(path)[0].misplaced == ("odd",)


def test_a_name_that_comes_twice_is_named(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", llama_keys(), (("one", (32,), F32), ("one", (32,), F32)))
    assert model_files(path)[0].misplaced == ("one",)


def test_a_type_of_unknown_size_reaches_to_the_next_tensor(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", llama_keys(), (("strange", (32,), F32), ("two", (32,), F32)))
    content = path.read_bytes()
    kind = content.index(struct.pack("<Q", 7) + b"strange") + 8 + 7 + 4 + 8
    path.write_bytes(content[:kind] + struct.pack("<I", 99) + content[kind + 4 :])
    strange, two = model_files(path)[0].tensors
    assert (strange.type, strange.size) == ("type 99", two.start - strange.start)


@pytest.mark.engine
def test_the_demonstration_model_is_as_its_package_lists_it(tmp_path: Path) -> None:
    assert recorded_sha256(demo_model()) == sha256_of(demo_model())
    copy = tmp_path / demo_model().name
    copy.touch()
    assert recorded_sha256(copy) is None  # of another place nothing is known
    assert recorded_sha256(demo_model(), "no_such_package") is None
