"""Transforms by example: those whose laws say little of what they do, or that few random grids let apply."""

import doctest
from itertools import product

import numpy as np
import pytest

from ommatidia.grid import FAMILIES, LARGEST, REGISTRY, BadGrid, Grid, as_grid, operation
from ommatidia.grid.objects import enclosed, objects
from tests.grids import grids

# Three panels by a separator of 5; the last is unlike the two others.
PANELS = [[1, 0, 5, 1, 0, 5, 0, 2], [0, 1, 5, 0, 1, 5, 2, 3]]
# A bent object of two colours, a square one, and a single cell.
SCENE = [
    [1, 1, 0, 0, 0, 0],
    [1, 0, 0, 3, 3, 0],
    [0, 2, 0, 3, 3, 0],
    [0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 4],
]

EXAMPLES = [
    ("panel_odd", PANELS, [[0, 2], [2, 3]]),
    ("panel_fullest", PANELS, [[0, 2], [2, 3]]),
    ("panel_emptiest", PANELS, None),  # tied
    ("panel_most_colours", PANELS, [[0, 2], [2, 3]]),
    ("panel_majority", PANELS, [[0, 0, 2]]),
    ("panel_colour", PANELS, [[1, 1, 2]]),
    ("remove_separators", PANELS, [[1, 0, 1, 0, 0, 2], [0, 1, 0, 1, 2, 3]]),
    ("panels_or", PANELS, [[1, 2], [2, 1]]),
    ("panels_under", PANELS, [[1, 2], [2, 3]]),
    ("panels_and", PANELS, [[0, 0], [0, 1]]),
    ("panels_xor", PANELS, [[0, 2], [2, 0]]),
    ("panels_nor", PANELS, [[0, 0], [0, 0]]),
    ("panel_odd", [[1, 5, 2]], None),  # of two, both are odd
    ("panels_or", [[1, 5, 2, 0]], None),  # of two sizes
    ("panel_colour", [[1, 5, 2], [1, 6, 2]], None),  # no line of one colour
    ("count_objects_bar", SCENE, [[1, 1, 1]]),
    ("count_objects_diag", SCENE, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    ("count_objects_bar", [[0]], None),
    ("count_bar", [[0, 3], [2, 9]], [[1, 1, 1]]),
    ("object_largest", SCENE, None),  # both have four cells
    ("object_largest_mono", SCENE, [[3, 3], [3, 3]]),
    ("object_smallest", SCENE, [[4]]),
    ("object_topmost", SCENE, [[1, 1], [1, 0], [0, 2]]),
    ("object_bottommost", SCENE, [[4]]),
    ("object_leftmost", SCENE, [[1, 1], [1, 0], [0, 2]]),
    ("object_rightmost", SCENE, [[4]]),
    ("object_tallest", SCENE, [[1, 1], [1, 0], [0, 2]]),
    ("object_densest", SCENE, None),
    ("object_most_colours", SCENE, [[1, 1], [1, 0], [0, 2]]),
    ("object_square", SCENE, None),
    ("object_odd_shape", [[1, 0, 2, 0, 3, 3]], [[3, 3]]),
    ("object_most_repeated", [[1, 0, 1, 0, 3, 3]], [[1]]),
    ("keep_smallest", [[1, 1, 0, 2]], [[0, 0, 0, 2]]),
    ("drop_smallest", [[1, 1, 0, 2]], [[1, 1, 0, 0]]),
    ("object_colours_by_size", SCENE, [[3], [1], [2], [4]]),
    ("objects_left_to_right", SCENE, [[1, 2, 3, 4]]),
    ("objects_top_to_bottom", SCENE, [[1], [3], [2], [4]]),
    ("objects_numbered", [[7, 0, 7], [0, 0, 7], [8, 0, 0]], [[1, 0, 2], [0, 0, 2], [3, 0, 0]]),
    ("objects_by_size", [[7, 0, 7], [0, 0, 7], [8, 0, 0]], [[1, 0, 2], [0, 0, 2], [1, 0, 0]]),
    ("objects_by_size_rank", [[7, 0, 7], [0, 0, 7], [8, 0, 0]], [[2, 0, 1], [0, 0, 1], [2, 0, 0]]),
    ("largest_2_rest_1", [[7, 7, 0, 8]], [[2, 2, 0, 1]]),
    ("largest_1_rest_2", [[7, 7, 0, 8]], [[1, 1, 0, 2]]),
    ("objects_flip_lr", [[1, 2, 0, 3, 4]], [[2, 1, 0, 4, 3]]),
    ("objects_flip_ud", [[1, 0], [2, 0]], [[2, 0], [1, 0]]),
    ("fill_boxes_8", [[1, 1], [1, 0]], [[1, 1], [1, 8]]),
    ("majority_3x3", [[2, 2, 0], [2, 0, 0], [2, 2, 0]], [[2, 0, 0], [2, 2, 0], [2, 0, 0]]),
    ("ray_cross", [[0, 1, 0], [0, 0, 0], [2, 0, 0]], [[2, 1, 1], [2, 1, 0], [2, 2, 2]]),
    ("ray_dr", [[1, 0, 0], [0, 0, 0]], [[1, 0, 0], [0, 1, 0]]),
    ("ray_ul", [[0, 0], [0, 0], [0, 6]], [[0, 0], [6, 0], [0, 6]]),
    ("ray_dl", [[0, 0, 6], [0, 0, 0], [0, 0, 0]], [[0, 0, 6], [0, 6, 0], [6, 0, 0]]),
    ("bridge_3", [[4, 0, 4], [0, 0, 4]], [[4, 3, 4], [0, 0, 4]]),
    ("connect_both", [[1, 0, 1], [0, 0, 0], [1, 0, 0]], [[1, 1, 1], [1, 0, 0], [1, 0, 0]]),
    ("fill_rows_full", [[0, 3, 3], [3, 0, 4], [0, 0, 0]], [[3, 3, 3], [3, 0, 4], [0, 0, 0]]),
    ("complete_period_cols", [[1, 2, 1, 0, 0]], [[1, 2, 1, 2, 1]]),
    ("complete_period_2d", [[1, 2, 1], [3, 4, 0], [0, 2, 1]], [[1, 2, 1], [3, 4, 3], [1, 2, 1]]),
    ("complete_period_rows", [[1], [2]], None),
    ("complete_rot4", [[1, 2], [0, 0]], [[1, 2], [1, 1]]),
    ("complete_box_lr", [[0, 0, 0, 0], [0, 7, 0, 0], [0, 7, 0, 8]], [[0, 0, 0, 0], [0, 7, 0, 7], [0, 7, 0, 8]]),
    ("asym_lr", [[1, 2, 1], [3, 0, 0]], [[0, 0, 0], [3, 0, 0]]),
    ("fractal_self", [[1, 0], [0, 2]], [[1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 2]]),
    ("pad_wrap", [[1, 2]], [[2, 1, 2, 1]] * 3),
    ("pad_reflect", [[1, 2], [3, 4]], [[4, 3, 4, 3], [2, 1, 2, 1], [4, 3, 4, 3], [2, 1, 2, 1]]),
    ("histogram_cols", [[5, 5, 2], [0, 0, 5]], [[5, 2], [5, 0], [5, 0]]),
    ("dock_centre", [[1, 0, 0], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    ("shear_rows_1", [[1, 2, 3], [1, 2, 3]], [[1, 2, 3], [3, 1, 2]]),
    ("split_lr_xor", [[1, 0, 9, 2, 3]], [[0, 3]]),
    ("thirds_lr_or", [[0, 0, 1, 0, 2, 3]], [[1, 3]]),
    ("tile_to_square", [[1, 2, 3], [4, 5, 6]], [[1, 2, 3], [4, 5, 6], [1, 2, 3]]),
    ("upscale_by_colours", [[1, 2]], [[1, 1, 2, 2], [1, 1, 2, 2]]),
    ("invert_two", [[0, 4], [4, 4]], [[4, 0], [0, 0]]),
    ("invert_two", [[0, 4, 5]], None),
    ("swap_common_two", [[0, 4, 5, 4, 6]], [[0, 5, 4, 5, 6]]),
    ("colour_rank", [[0, 4, 5, 4]], [[0, 1, 2, 1]]),
    ("colour_plus_1", [[0, 1, 9]], [[0, 2, 1]]),
    ("trim_common", [[5, 5, 5], [5, 0, 1]], [[0, 1]]),
    ("centre_cell", [[1, 2]], None),
    ("reshape_square", [[1, 2, 3, 4]], [[1, 2], [3, 4]]),
    ("reshape_square", [[1, 2, 3]], None),
]


@pytest.mark.parametrize(("name", "before", "after"), EXAMPLES, ids=[f"{at}-{e[0]}" for at, e in enumerate(EXAMPLES)])
def test_an_operation_makes_what_its_picture_says(
    name: str, before: list[list[int]], after: list[list[int]] | None
) -> None:
    result = REGISTRY[name].fn(as_grid(before))
    assert (None if result is None else result.tolist()) == after


def test_an_object_with_a_hole_is_told_from_one_that_holds_another_object() -> None:
    ring = np.zeros((7, 10), dtype=np.int64)
    ring[:7, :7] = 4
    ring[1:6, 1:6] = 0
    ring[3, 3] = 5  # inside the hole, and without one
    ring[1, 8] = 6
    result = REGISTRY["objects_with_hole_2"].fn(as_grid(ring))
    assert result is not None
    assert (result[0, 0], result[3, 3], result[1, 8]) == (2, 1, 1)


# --- The helpers, against the plainest way to do the same -------------------------------------------------------------


def flooded(cells: set[tuple[int, int]], start: tuple[int, int], steps: list[tuple[int, int]]) -> set[tuple[int, int]]:
    """What is reached from a cell."""
    found, edge = {start}, [start]
    while edge:
        i, j = edge.pop()
        new = {(i + a, j + b) for a, b in steps} & cells - found
        found |= new
        edge += new
    return found


SIDES = [(0, 1), (1, 0), (0, -1), (-1, 0)]
AROUND = [step for step in product((-1, 0, 1), repeat=2) if any(step)]


@pytest.mark.parametrize("one_colour", [False, True])
def test_objects_are_what_a_flood_finds(one_colour: bool) -> None:
    for grid in grids(60, seed=7, largest=14):
        labels = objects(grid, one_colour=one_colour).labels
        left = {(i, j) for i, j in np.argwhere(grid > 0).tolist()}
        number = 0
        for place in sorted(left):
            if place in left:
                number += 1
                like = {p for p in left if not one_colour or grid[p] == grid[place]}
                found = flooded(like, place, AROUND)
                left -= found
                assert {(i, j) for i, j in np.argwhere(labels == number).tolist()} == found
        assert labels.max() == number


def test_holes_are_the_zeros_that_a_flood_from_outside_leaves() -> None:
    for grid in grids(60, seed=8, largest=14):
        height, width = grid.shape
        ground = set(product(range(-1, height + 1), range(-1, width + 1))) - {
            (i, j) for i, j in np.argwhere(grid > 0).tolist()
        }
        holes = ground - flooded(ground, (-1, -1), SIDES)
        assert {(i, j) for i, j in np.argwhere(enclosed(grid)).tolist()} == holes


def test_a_spiral_is_one_object_and_has_no_hole() -> None:
    """The longest way there is: nothing is enclosed, and everything hangs together."""
    spiral = np.zeros((LARGEST, LARGEST), dtype=np.int64)
    i = j = 0
    spiral[0, 0] = 1
    for at in range(2 * LARGEST):
        di, dj = SIDES[at % 4]
        while 0 <= i + di < LARGEST and 0 <= j + dj < LARGEST:
            beyond = (i + 2 * di, j + 2 * dj)
            if min(beyond) >= 0 and max(beyond) < LARGEST and spiral[beyond]:
                break
            i, j = i + di, j + dj
            spiral[i, j] = 1
    grid = as_grid(spiral)
    assert len(objects(grid)) == 1
    assert not enclosed(grid).any()


# --- The registry and its grids ---------------------------------------------------------------------------------------


def test_the_registry_holds_ten_families_and_says_what_each_operation_means() -> None:
    assert len(REGISTRY) >= 382
    assert tuple(dict.fromkeys(op.family for op in REGISTRY.values())) == FAMILIES
    assert len(FAMILIES) == 10
    assert [op.name for op in REGISTRY.values() if not op.meaning or not op.laws or op.fn.__name__ != op.name] == []


def test_the_pictures_in_docstrings_are_true() -> None:
    known = {"as_grid": as_grid, **{name: op.fn for name, op in REGISTRY.items()}}
    runner = doctest.DocTestRunner()
    for doc, name in [(as_grid.__doc__, "as_grid"), *((op.fn.__doc__, op.name) for op in REGISTRY.values())]:
        runner.run(doctest.DocTestParser().get_doctest(doc or "", dict(known), name, None, None))
    assert runner.tries > 15
    assert runner.failures == 0


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="rot90"):

        @operation(family="orient", laws=["order 4"])
        def rot90(grid: Grid) -> Grid:
            """Turn it."""
            return grid

    assert REGISTRY["rot90"].laws[0] == "inverse: rot270"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([[1, 2], [3]], "rows differ"),
        ([], "dimensions"),
        ([[]], "empty"),
        ([[10]], "not 0 to 9"),
        ([[-1]], "not 0 to 9"),
        ([[0.5]], "not integers"),
        ([[True]], "not integers"),
        ([["1"]], "not integers"),
        ("12", "dimensions"),
        ([[2**70]], "not integers"),
        ([[0] * (LARGEST + 1)], "30 x 30 is the most"),
        (np.zeros((2, 2, 2), dtype=np.uint8), "3 dimensions"),
    ],
)
def test_what_is_no_grid_is_refused(values: object, reason: str) -> None:
    with pytest.raises(BadGrid, match=reason):
        as_grid(values)  # type: ignore[arg-type]


def test_a_grid_is_a_copy_that_cannot_be_written_to() -> None:
    cells = np.zeros((2, 2), dtype=np.uint8)
    grid = as_grid(cells)
    cells[0, 0] = 1
    assert grid.tolist() == [[0, 0], [0, 0]]
    with pytest.raises(ValueError, match="read-only"):
        grid[0, 0] = 1


def test_the_cap_can_be_set() -> None:
    assert as_grid([[0] * 40], largest=40).shape == (1, 40)
    with pytest.raises(BadGrid, match="4 x 4"):
        as_grid([[0] * 5], largest=4)
