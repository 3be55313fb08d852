"""What common English words mean, from a small table: 128 signs for each of some nine thousand stems, 20 bytes a stem.

The table stands in for no model: it knows words one by one, not what a sentence makes of them. It was made once, from
words alone and from no sentence that is measured here (tests/meanings.py, docs/ommatidia.md).
"""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ommatidia.hashing import Hashes, mixed

FILE = Path(__file__).with_name("meanings.npy")
SIGNS = 128
ROW = np.dtype([("key", "<u4"), ("signs", "u1", (SIGNS // 8,))])
_KIND = 7  # of hash: none of the encoder's own kinds

Signs = npt.NDArray[np.float32]


def keys_of(stems: Hashes) -> npt.NDArray[np.uint32]:
    """The table's key of each stem, from its polynomial (``hashing.whole``), shape (n,)."""
    return (mixed(stems, 0, _KIND) >> np.uint64(32)).astype(np.uint32)


def meanings(stems: Hashes) -> Signs:
    """What the table tells of *stems*, by their polynomials: float32 of shape (n, 128), rows of 1 and -1.

    The row of a stem that it does not know is all zeros.
    """
    table = _table()
    keys = keys_of(stems)
    at = np.searchsorted(table["key"], keys)
    at[at == len(table)] = 0
    signs = 2 * np.unpackbits(table["signs"][at], axis=1).astype(np.float32) - 1
    signs[table["key"][at] != keys] = 0
    return signs


@cache
def _table() -> npt.NDArray[np.void]:
    """The rows, sorted by key."""
    table: npt.NDArray[np.void] = np.load(FILE)
    table.setflags(write=False)
    return table
