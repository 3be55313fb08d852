"""Family *tile*: copies of the grid, larger cells, and rings around it.

Where the result would be larger than LARGEST, an operation does not apply.
"""

from collections.abc import Callable, Sequence

import numpy as np

from ommatidia.grid.cells import COLOURS, Grid, Mask, commonest, counts, fits, padded
from ommatidia.grid.registry import operation

FAMILY = "tile"


def _tiled(grid: Grid, down: int, across: int) -> Grid | None:
    """Copies below and beside each other."""
    height, width = grid.shape
    if not fits(height * down, width * across):
        return None
    result = np.empty((down, height, across, width), dtype=np.uint8)
    result[...] = grid[:, None]
    return result.reshape(down * height, across * width)


def _scaled(grid: Grid, down: int, across: int) -> Grid | None:
    """Each cell a block."""
    height, width = grid.shape
    if not fits(height * down, width * across):
        return None
    result = np.empty((height, down, width, across), dtype=np.uint8)
    result[...] = grid[:, None, :, None]
    return result.reshape(height * down, width * across)


def _tile(down: int, across: int) -> None:
    @operation(
        family=FAMILY,
        laws=[f"shape x({down},{across})", "no new colour", f"colour counts x{down * across}"],
        name=f"tile_{down}x{across}",
        meaning=f"Repeat the grid {down} times down and {across} times across.",
    )
    def tile(grid: Grid) -> Grid | None:
        return _tiled(grid, down, across)


for _down, _across in ((1, 2), (2, 1), (2, 2), (3, 3), (1, 3), (3, 1)):
    _tile(_down, _across)


def _upscale(by: int) -> None:
    @operation(
        family=FAMILY,
        laws=[
            f"inverse: downscale_{by}",
            f"shape x({by},{by})",
            "commutes with rot90",
            "commutes with flip_lr",
            f"colour counts x{by * by}",
        ],
        name=f"upscale_{by}",
        meaning=f"Make each cell a block of {by} x {by}.",
    )
    def upscale(grid: Grid) -> Grid | None:
        return _scaled(grid, by, by)


def _downscale(by: int) -> None:
    @operation(
        family=FAMILY,
        laws=["no new colour"],
        name=f"downscale_{by}",
        meaning=f"Take every row and column whose number is a multiple of {by}.",
    )
    def downscale(grid: Grid) -> Grid:
        return grid[::by, ::by]


for _by in (2, 3, 4, 5):
    _upscale(_by)
    _downscale(_by)


def _stretch(name: str, down: int, across: int, laws: Sequence[str]) -> None:
    line = "row" if down > 1 else "column"

    @operation(
        family=FAMILY,
        laws=[f"shape x({down},{across})", f"colour counts x{down * across}", *laws],
        name=name,
        meaning=f"Repeat each {line} {down * across} times.",
    )
    def stretch(grid: Grid) -> Grid | None:
        return _scaled(grid, down, across)


_stretch("stretch_rows_2", 2, 1, ["commutes with flip_lr"])
_stretch("stretch_cols_2", 1, 2, ["commutes with flip_ud"])
_stretch("stretch_rows_3", 3, 1, [])
_stretch("stretch_cols_3", 1, 3, [])


# --- Mirrored copies -------------------------------------------------------------------------------------------------

Layout = Callable[[Grid], list[list[Grid]]]


def _mirrored(name: str, meaning: str, down: int, across: int, layout: Layout, unmoved_by: Sequence[str]) -> None:
    """Poses of the grid laid side by side and below each other."""

    @operation(
        family=FAMILY,
        laws=[
            f"shape x({down},{across})",
            *(f"result invariant under {move}" for move in unmoved_by),
            f"colour counts x{down * across}",
        ],
        name=name,
        meaning=meaning,
    )
    def mirrored(grid: Grid) -> Grid | None:
        height, width = grid.shape
        if not fits(height * down, width * across):
            return None
        result = np.empty((height * down, width * across), dtype=np.uint8)
        for i, row in enumerate(layout(grid)):
            for j, pose in enumerate(row):
                result[i * height : (i + 1) * height, j * width : (j + 1) * width] = pose
        return result


_mirrored("mirror_right", "Put the mirror image at the right.", 1, 2, lambda g: [[g, g[:, ::-1]]], ["flip_lr"])
_mirrored("mirror_left", "Put the mirror image at the left.", 1, 2, lambda g: [[g[:, ::-1], g]], ["flip_lr"])
_mirrored("mirror_down", "Put the mirror image below.", 2, 1, lambda g: [[g], [g[::-1]]], ["flip_ud"])
_mirrored("mirror_up", "Put the mirror image above.", 2, 1, lambda g: [[g[::-1]], [g]], ["flip_ud"])
_mirrored(
    "kaleidoscope",
    "Lay four mirrored copies, the grid itself at the upper left.",
    2,
    2,
    lambda g: [[g, g[:, ::-1]], [g[::-1], g[::-1, ::-1]]],
    ["flip_lr", "flip_ud", "rot180"],
)
_mirrored(
    "kaleidoscope_in",
    "Lay four mirrored copies, the grid itself at the lower right.",
    2,
    2,
    lambda g: [[g[::-1, ::-1], g[::-1]], [g[:, ::-1], g]],
    ["rot180"],
)


@operation(family=FAMILY, laws=["shape x(2,2)", "result invariant under rot90", "colour counts x4"])
def pinwheel(grid: Grid) -> Grid | None:
    """Lay four copies of a square grid, each turned a quarter on.

    >>> pinwheel(as_grid([[1, 2], [3, 4]])).tolist()
    [[1, 2, 3, 1], [3, 4, 4, 2], [2, 4, 4, 3], [1, 3, 2, 1]]
    """
    height, width = grid.shape
    if height != width or not fits(2 * height, 2 * width):
        return None
    result = np.empty((2 * height, 2 * width), dtype=np.uint8)
    result[:height, :width] = grid
    result[height:, :width] = grid.T[::-1]
    result[height:, width:] = grid[::-1, ::-1]
    result[:height, width:] = grid[::-1].T
    return result


@operation(family=FAMILY, laws=["result invariant under flip_ud", "no new colour"])
def mirror_rows_odd(grid: Grid) -> Grid | None:
    """Put the mirror image below, both sharing one row."""
    height, width = grid.shape
    return np.concatenate((grid, grid[-2::-1])) if height > 1 and fits(2 * height - 1, width) else None


@operation(family=FAMILY, laws=["result invariant under flip_lr", "no new colour"])
def mirror_cols_odd(grid: Grid) -> Grid | None:
    """Put the mirror image at the right, both sharing one column."""
    height, width = grid.shape
    return np.concatenate((grid, grid[:, -2::-1]), axis=1) if width > 1 and fits(height, 2 * width - 1) else None


# --- Copies by content -----------------------------------------------------------------------------------------------


def _fractal(name: str, meaning: str, where: Callable[[Grid], Mask]) -> None:
    @operation(family=FAMILY, laws=["no new colour but 0"], name=name, meaning=meaning)
    def fractal(grid: Grid) -> Grid | None:
        height, width = grid.shape
        if not fits(height * height, width * width):
            return None
        copies: Grid = where(grid)[:, None, :, None] * grid[:, None]
        return copies.reshape(height * height, width * width)


_fractal("fractal_self", "Put a copy of the grid at each of its non-zero cells.", lambda grid: grid > 0)
_fractal("fractal_inverse", "Put a copy of the grid at each of its zeros.", lambda grid: grid == 0)
_fractal(
    "fractal_common",
    "Put a copy of the grid at each cell of its commonest colour.",
    lambda grid: grid == commonest(grid),
)


@operation(family=FAMILY, laws=["no new colour"])
def upscale_by_colours(grid: Grid) -> Grid | None:
    """Make each cell a square block as wide as there are non-zero colours."""
    by = int(np.count_nonzero(counts(grid)[1:COLOURS]))
    return _scaled(grid, by, by)


@operation(family=FAMILY, laws=["no new colour"])
def upscale_by_count(grid: Grid) -> Grid | None:
    """Make each cell a square block as wide as there are non-zero cells."""
    by = int(np.count_nonzero(grid))
    return _scaled(grid, by, by)


@operation(family=FAMILY, laws=["no new colour"])
def tile_to_square(grid: Grid) -> Grid:
    """Repeat the shorter axis until the grid is square."""
    height, width = grid.shape
    side = np.arange(max(height, width))
    result: Grid = grid[side % height] if height < width else grid[:, side % width]
    return result


# --- Rings and gaps --------------------------------------------------------------------------------------------------


@operation(family=FAMILY, laws=["inverse: peel_1", "keeps non-zero count", "commutes with rot90"])
def pad_0(grid: Grid) -> Grid | None:
    """Add a ring of zeros."""
    height, width = grid.shape
    return padded(grid) if fits(height + 2, width + 2) else None


def _pad(name: str, meaning: str, before: int, after: int) -> None:
    """Add a ring that repeats lines of the grid: those that stand at *before* and *after*."""

    @operation(
        family=FAMILY, laws=["inverse: peel_1", "no new colour", "commutes with rot90"], name=name, meaning=meaning
    )
    def pad(grid: Grid) -> Grid | None:
        height, width = grid.shape
        if not fits(height + 2, width + 2) or not -min(height, width) <= after or before >= min(height, width):
            return None
        result = padded(grid)
        result[0, 1:-1], result[-1, 1:-1] = grid[before], grid[after]
        # The columns are copied whole, so that the corners come along.
        within = result[:, 1:-1]
        result[:, 0], result[:, -1] = within[:, before], within[:, after]
        return result


_pad("pad_edge", "Add a ring that repeats the edge.", 0, -1)
_pad("pad_wrap", "Add a ring that wraps round.", -1, 0)
_pad("pad_reflect", "Add a ring that mirrors the lines beside the edge.", 1, -2)


@operation(family=FAMILY, laws=["inverse: even_cells", "keeps non-zero count", "commutes with rot90"])
def interleave_zero(grid: Grid) -> Grid | None:
    """Put a line of zeros between all lines."""
    height, width = grid.shape
    if not fits(2 * height - 1, 2 * width - 1):
        return None
    result = np.zeros((2 * height - 1, 2 * width - 1), dtype=np.uint8)
    result[::2, ::2] = grid
    return result


@operation(family=FAMILY, laws=["no new colour"])
def even_cells(grid: Grid) -> Grid:
    """Take every second row and column."""
    return grid[::2, ::2]
