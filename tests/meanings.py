"""Makes the table of words anew: ``python -m tests.meanings``. Needs the extra ``embed``; a minute.

1. Take the 14,000 most frequent whole words of BERT's vocabulary, which lists them by frequency.
2. Encode each alone with MiniLM; words of one stem share the mean of theirs.
3. Take the mean of all off, and keep the 128 directions in which they vary most, turned at random.
4. Keep the signs: 16 bytes a stem (as in locality-sensitive hashing, Charikar 2002).

No sentence goes in. How many words and signs was read off every other subject of tests/eval/topics.txt.
"""

import numpy as np

from ommatidia import MiniLM
from ommatidia.encode import Vectors
from ommatidia.hashing import whole
from ommatidia.meanings import FILE, ROW, SIGNS, keys_of
from ommatidia.minilm import vocabulary
from ommatidia.words import telling_stems

_WORDS = 14_000
_TOGETHER = 64
_SHORTEST = 3


def frequent_words() -> list[str]:
    """The most frequent words, the most frequent first."""
    plain = [word for word in vocabulary() if word.isascii() and word.isalpha() and word.islower()]
    return [word for word in plain if len(word) >= _SHORTEST][:_WORDS]


def encoded(words: list[str]) -> Vectors:
    """MiniLM's vector of each word alone, float32 of shape (n, 384)."""
    encoder = MiniLM()
    return np.concatenate([encoder.encode(words[at : at + _TOGETHER]) for at in range(0, len(words), _TOGETHER)])


def main() -> None:
    """Write the table."""
    words = frequent_words()
    of: dict[str, list[int]] = {}
    for at, word in enumerate(words):
        for stem in telling_stems(word):
            of.setdefault(stem, []).append(at)
    vectors = encoded(words)
    rows = np.array([vectors[places].mean(axis=0) for places in of.values()])
    rows -= rows.mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    directions = np.linalg.svd(rows, full_matrices=False)[2][:SIGNS]
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((SIGNS, SIGNS)))[0]
    table = np.zeros(len(of), dtype=ROW)
    table["key"] = keys_of(whole(list(of)))
    table["signs"] = np.packbits(rows @ directions.T @ turn > 0, axis=1)
    table = table[np.argsort(table["key"])]
    if len(np.unique(table["key"])) != len(table):
        raise ValueError("two stems share a key")
    np.save(FILE, table)


if __name__ == "__main__":
    main()
