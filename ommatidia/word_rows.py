"""What each word adds to a text's vector, kept for the words met lately: texts repeat their words."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from threading import Lock

import numpy as np
import numpy.typing as npt

from ommatidia.hashing import POWERS, Hashes, Places, letters, mixed, whole
from ommatidia.meanings import SIGNS, meanings
from ommatidia.words import GENERAL, stem

Rows = npt.NDArray[np.float32]

WIDTH = 512
BUCKETS = WIDTH - SIGNS
# 8 MB. Making a word's row takes some ten times as long as looking it up.
_MOST = 4096
_GRAMS = (3, 4, 5)
# A word's letters together weigh as much as its stem: inflections and compounds meet, unrelated words hardly do.
_LETTERS = 1.0
_ONE, _HALF = np.uint64(1), np.uint64(32)


class WordRows:
    """The rows of words, made once and kept. Safe to use from several threads."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._at: dict[str, int] = {}
        self._rows: Rows = np.zeros((0, WIDTH), dtype=np.float32)
        self._lock = Lock()

    def weighed(self, words: Sequence[str], weights: Rows) -> Rows:
        """The sum of the rows of *words* (lower case, none empty), each times its weight: float32 of shape (512,)."""
        total = np.zeros(WIDTH, dtype=np.float32)
        for begin in range(0, len(words), _MOST):
            block = words[begin : begin + _MOST]
            with self._lock:
                self._learn(block)
                total += weights[begin : begin + _MOST] @ self._rows[[self._at[word] for word in block]]
        return total

    def learn(self, words: Iterable[str]) -> None:
        """Make the rows of those *words* that are not known yet, all at once; of very many, the first ones."""
        with self._lock:
            self._learn(list(islice(words, _MOST)))

    def _learn(self, words: Sequence[str]) -> None:
        unknown = [word for word in words if word not in self._at]
        if not unknown:
            return
        if not len(self._rows):
            self._rows = np.zeros((_MOST, WIDTH), dtype=np.float32)
        if len(self._at) + len(unknown) > _MOST:
            self._at.clear()
            unknown = list(words)
        begin = len(self._at)
        self._rows[begin : begin + len(unknown)] = rows_of(unknown, self._seed)
        self._at.update(zip(unknown, range(begin, begin + len(unknown)), strict=True))


def rows_of(words: Sequence[str], seed: int) -> Rows:
    """What each of *words* adds to a text: float32 of shape (n, 512).

    1. The first 128 numbers are what the table tells of it, nothing for a word that fits any topic.
    2. In the others its stem adds 1 to its bucket, and its runs of three to five letters together as much again.
    """
    stems = whole([stem(word) for word in words])
    telling = np.flatnonzero([word not in GENERAL for word in words])
    rows: Rows = np.zeros((len(words), WIDTH), dtype=np.float32)
    if len(telling):
        rows[telling, :SIGNS] = meanings(stems[telling])
    hashes, owner, weight = _features(words, stems, telling, seed)
    rows[:, SIGNS:] = _bucketed(hashes, owner, weight, len(words))
    return rows


def codes_of(texts: Sequence[Mapping[str, float]], seed: int) -> Rows:
    """What the numbers and codes of texts add, each given with its weight: float32 of shape (n, 384).

    Each adds to one bucket alone: two numbers that share digits have nothing in common.
    """
    codes = [code for text in texts for code in text]
    if not codes:
        return np.zeros((len(texts), BUCKETS), dtype=np.float32)
    weights = np.array([weight for text in texts for weight in text.values()], dtype=np.float32)
    owner = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    return _bucketed(mixed(whole(codes), seed, 0), owner, weights, len(texts))


def _bucketed(hashes: Hashes, owner: Places, weight: Rows, count: int) -> Rows:
    """The sums of signed *weight* by row and bucket: float32 of shape (count, 384)."""
    # The upper half of the bits, scaled to the buckets: cheaper than a remainder.
    place = owner * BUCKETS + (((hashes >> _HALF) * np.uint64(BUCKETS)) >> _HALF).astype(np.intp)
    sums = np.bincount(place, np.where(hashes & _ONE, weight, -weight), minlength=count * BUCKETS)
    return sums.astype(np.float32).reshape(count, BUCKETS)


def _features(words: Sequence[str], stems: Hashes, telling: Places, seed: int) -> tuple[Hashes, Places, Rows]:
    """The hashed features of *words*: the hash, the word it is of, and its weight in that word, float32.

    They are all *stems*, by their polynomials, and of the *telling* words every run of three to five letters.
    """
    codes, owner, starts, lengths = letters([f"<{words[at]}>" for at in telling])
    left = (starts + lengths)[owner] - np.arange(len(codes))  # letters of the word from here on
    grams = sum(np.maximum(lengths - size + 1, 0) for size in _GRAMS)
    each = (_LETTERS / np.sqrt(np.maximum(grams, 1))).astype(np.float32)
    hashes, owners, weights = [mixed(stems, seed, 0)], [np.arange(len(words))], [np.ones(len(words), np.float32)]
    for size in _GRAMS:
        here = np.flatnonzero(left >= size)
        runs = sum((codes[here + at] * POWERS[at] for at in range(size)), start=np.zeros(len(here), np.uint64))
        hashes.append(mixed(runs, seed, size))
        owners.append(telling[owner[here]])
        weights.append(each[owner[here]])
    return np.concatenate(hashes), np.concatenate(owners), np.concatenate(weights)
