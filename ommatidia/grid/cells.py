"""The grid: a small picture of ten colours, and what every family asks of one.

A ``Grid`` is a 2-D uint8 array, 1..LARGEST rows and columns, cells 0..9, 0 being empty. It is read-only from birth:
numpy hands back views, and a view of a writable grid would let a later step change an earlier one.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ommatidia.errors import BadGrid

Grid = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

COLOURS = 10
# The largest height and width. ARC's tasks hold grids of 1 x 1 to 30 x 30 (Chollet 2019, "On the Measure of
# Intelligence", III.1.2); an operation whose result would be larger does not apply.
LARGEST = 30


def as_grid(values: Sequence[Sequence[int]] | npt.NDArray[np.integer], *, largest: int = LARGEST) -> Grid:
    """A read-only copy of rows of colours, or of a 2-D integer array; raises BadGrid for anything else.

    >>> as_grid([[1, 2], [3, 4]]).tolist()
    [[1, 2], [3, 4]]
    """
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, OverflowError) as exc:
        raise BadGrid("its rows differ in length") from exc
    if array.ndim != 2:
        raise BadGrid(f"it has {array.ndim} dimensions, not 2")
    height, width = array.shape
    if not array.size:
        raise BadGrid(f"it is empty: {height} x {width}")
    if height > largest or width > largest:
        raise BadGrid(f"{height} x {width} cells, and {largest} x {largest} is the most")
    if array.dtype.kind not in "iu":
        raise BadGrid(f"its cells are {array.dtype}, not integers")
    if int(array.min()) < 0 or int(array.max()) >= COLOURS:
        raise BadGrid(f"cells from {array.min()} to {array.max()}, not 0 to {COLOURS - 1}")
    grid = array.astype(np.uint8, order="C", copy=True)
    grid.setflags(write=False)
    return grid


def fits(height: int, width: int) -> bool:
    """Whether a result of this size may be made."""
    return 0 < height <= LARGEST and 0 < width <= LARGEST


def key_of(grid: Grid) -> tuple[int, int, bytes]:
    """What two grids share exactly when they are equal."""
    return grid.shape[0], grid.shape[1], grid.tobytes()


def counts(grid: Grid) -> Integers:
    """How often each colour occurs, shape (10,)."""
    return np.bincount(grid.ravel(), minlength=COLOURS)


def ranked(grid: Grid) -> list[int]:
    """The non-zero colours that occur, by falling count; colours of one count by rising number."""
    found = counts(grid).tolist()
    return sorted((colour for colour in range(1, COLOURS) if found[colour]), key=lambda colour: -found[colour])


def commonest(grid: Grid) -> int:
    """The commonest colour, 0 included; the lowest of those tied."""
    return int(counts(grid).argmax())


def recoloured(grid: Grid, table: Sequence[int]) -> Grid:
    """Each cell c becomes ``table[c]``; ten entries."""
    return np.array(table, dtype=np.uint8)[grid]


def kept(grid: Grid, mask: Mask) -> Grid:
    """The cells under a mask; the others become 0."""
    result: Grid = grid * mask
    return result


def inked(mask: Mask, colour: int) -> Grid:
    """One colour under the mask, 0 elsewhere."""
    result: Grid = mask.view(np.uint8) * np.uint8(colour)
    return result


def painted(grid: Grid, mask: Mask, colour: int) -> Grid:
    """A copy whose cells under the mask have one colour."""
    result = grid.copy()
    result[mask] = colour
    return result


def padded(grid: Grid) -> Grid:
    """A copy with a ring of zeros."""
    height, width = grid.shape
    result = np.zeros((height + 2, width + 2), dtype=np.uint8)
    result[1:-1, 1:-1] = grid
    return result


def occupied_box(grid: Grid) -> tuple[int, int, int, int] | None:
    """Top, bottom, left, right (ends exclusive) of the non-zero cells; None where there are none."""
    rows = np.flatnonzero(grid.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(grid.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
