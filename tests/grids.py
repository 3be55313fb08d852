"""Grids to try transforms on: seeded, of every kind that makes some of them apply."""

from collections.abc import Callable, Iterator

import numpy as np

from ommatidia.grid import Grid, as_grid

Draw = Callable[[np.random.Generator, int, int], np.ndarray]


def scattered(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Cells of any colour, anything from a few to all of them."""
    share = rng.choice([0.05, 0.15, 0.4, 0.8, 1.0])
    return rng.integers(1, 10, (height, width)) * (rng.random((height, width)) < share)


def few_colours(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Cells of two or three colours, 0 among them more often than not."""
    return rng.choice(rng.permutation(10)[: rng.integers(2, 4)] * (rng.random() < 0.9), (height, width))


def blocks(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Some rectangles of one colour, filled or hollow, in an empty field."""
    cells = np.zeros((height, width), dtype=np.int64)
    for _ in range(rng.integers(1, 6)):
        top, left = rng.integers(0, height), rng.integers(0, width)
        down, across = rng.integers(1, 5, 2)
        cells[top : top + down, left : left + across] = rng.integers(1, 10)
        if rng.random() < 0.5:
            cells[top + 1 : top + down - 1, left + 1 : left + across - 1] = 0
    return cells


def panelled(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Panels of one size between lines of one colour; some repeat another."""
    rows, columns = rng.integers(1, 4, 2)
    if rows * columns == 1:
        columns = 3
    down, across = max(1, (height - rows + 1) // rows), max(1, (width - columns + 1) // columns)
    line = rng.integers(1, 10)
    cells = np.full((rows * (down + 1) - 1, columns * (across + 1) - 1), line)
    colours = np.array([0, *rng.choice([c for c in range(1, 10) if c != line], 3, replace=False)])
    known = rng.choice(colours, (down, across))
    others = rng.choice([0.2, 0.7])
    for i in range(rows):
        for j in range(columns):
            panel = rng.choice(colours, (down, across)) if rng.random() < others else known
            cells[i * (down + 1) : i * (down + 1) + down, j * (across + 1) : j * (across + 1) + across] = panel
    return cells


def wallpaper(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A small pattern repeated, with some cells missing."""
    down, across = rng.integers(1, 4, 2)
    cell = rng.integers(0, 10, (down, across))
    cells = np.tile(cell, (height // down + 1, width // across + 1))[:height, :width]
    return cells * (rng.random((height, width)) > 0.15)


def stamps(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Copies of one or two small shapes, apart from each other."""
    cells = np.zeros((height, width), dtype=np.int64)
    shapes = [rng.integers(1, 10) * rng.integers(0, 2, (2, 2)) for _ in range(2)]
    for top in range(0, height - 1, 3):
        for left in range(0, width - 1, 3):
            cells[top : top + 2, left : left + 2] = shapes[int(rng.integers(0, 5) == 0)] * int(rng.random() < 0.7)
    return cells


KINDS: tuple[Draw, ...] = (scattered, few_colours, blocks, panelled, wallpaper, stamps)


def grids(count: int, *, seed: int, largest: int = 12) -> Iterator[Grid]:
    """So many grids, the kinds taking turns, every fourth one square; always the same for one seed."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        height, width = rng.integers(1, largest + 1, 2).tolist()
        if number % 4 == 0:
            width = height
        yield as_grid(KINDS[number % len(KINDS)](rng, height, width))
