"""An embedding model that a test can bend: texts of one subject lie together, as a real one has them.

What the shipped sentences are about it knows by heart; of all other texts it sees the words.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ommatidia import Hash512
from ommatidia.encode import Vectors
from ommatidia.scale import known_texts
from tests.fake_engine import Act

SUBJECTS = {text: place // 4 for place, text in enumerate(known_texts())}


def vectors(texts: Sequence[str], *, seed: int = 0, subjects: bool = True) -> Vectors:
    """Float32 of shape (n, 512), another *seed* is another model; without *subjects* it is of no use."""
    rows = Hash512(seed).encode(texts)
    for row, text in zip(rows, texts, strict=True):
        if subjects and text in SUBJECTS:
            row += np.random.default_rng([seed, SUBJECTS[text]]).standard_normal(512) / 30
        elif text in SUBJECTS:
            row[:] = np.random.default_rng([seed, len(text)]).standard_normal(512)
    found: Vectors = rows * 3 + 0.1
    return found


def embedded(body: dict[str, Any], *, seed: int = 0, subjects: bool = True) -> Act:
    """The answer to one call of `/v1/embeddings`."""
    rows = vectors(body["input"], seed=seed, subjects=subjects)
    data = [{"index": at, "embedding": row.tolist()} for at, row in enumerate(rows)]
    return Act(whole=json.dumps({"object": "list", "data": data}).encode())
