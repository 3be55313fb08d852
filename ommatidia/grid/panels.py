"""Panels: the parts between separator lines, and the halves and thirds of a grid without any."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ommatidia.grid.cells import Grid


@dataclass(frozen=True, slots=True, eq=False)
class Panels:
    """The parts of a grid, row by row: at least two in all."""

    rows: tuple[tuple[Grid, ...], ...]

    @property
    def all(self) -> list[Grid]:
        """Every panel in reading order."""
        return [panel for row in self.rows for panel in row]

    @property
    def alike(self) -> bool:
        """Whether all have one size."""
        return len({panel.shape for panel in self.all}) == 1


def panels(grid: Grid) -> Panels | None:
    """What separator lines part: full rows and columns of one non-zero colour, the same for all lines.

    None where there is no such line, where lines of several colours compete, or where less than two parts are left.
    """
    whole_rows = (grid == grid[:, :1]).all(axis=1) & (grid[:, 0] > 0)
    whole_columns = (grid == grid[:1]).all(axis=0) & (grid[0] > 0)
    colours = {*grid[whole_rows, 0].tolist(), *grid[0, whole_columns].tolist()}
    if len(colours) != 1:
        return None
    rows, columns = _spans(whole_rows.tolist()), _spans(whole_columns.tolist())
    if len(rows) * len(columns) < 2:
        return None
    return Panels(tuple(tuple(grid[row, column] for column in columns) for row in rows))


def _spans(lines: list[bool]) -> list[slice]:
    """The runs between lines."""
    cuts = [-1, *(at for at, line in enumerate(lines) if line), len(lines)]
    return [slice(a + 1, b) for a, b in pairwise(cuts) if b - a > 1]


def parts(grid: Grid, count: int, axis: int) -> list[Grid] | None:
    """The grid cut across an axis into parts of one size; of halves, an odd middle line is left out.

    None where the length is less than *count*, or no multiple of it beyond halves.
    """
    length = grid.shape[axis]
    size = length // count
    if not size or (count != 2 and length % count):
        return None
    starts = (0, length - size) if count == 2 else range(0, length, size)
    cut = grid if axis == 0 else grid.T
    found = [cut[at : at + size] for at in starts]
    return found if axis == 0 else [part.T for part in found]


def joined(rows: tuple[tuple[Grid, ...], ...]) -> Grid:
    """Panels side by side and below each other; those of a row share a height, those of a column a width."""
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])
