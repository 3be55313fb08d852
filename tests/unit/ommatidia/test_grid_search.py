"""Programs found from examples, and abstention where there is none."""

import itertools

import pytest

from ommatidia.grid import REGISTRY, Grid, as_grid, solve
from ommatidia.grid.search import learnt_map
from tests.grids import grids

PICTURE = as_grid([[1, 2, 0], [0, 3, 0], [4, 0, 0]])
OTHER = as_grid([[5, 0], [6, 7], [0, 8]])
TEST = as_grid([[9, 1, 1], [0, 0, 2]])


def ran(program: tuple[str, ...], grid: Grid) -> Grid:
    """What a program makes of a grid that it applies to."""
    for name in program:
        result = REGISTRY[name].fn(grid)
        assert result is not None, name
        grid = result
    return grid


def examples(*program: str) -> list[tuple[Grid, Grid]]:
    return [(grid, ran(program, grid)) for grid in (PICTURE, OTHER)]


def frozen() -> float:
    """A clock that stands still, so that the work alone decides."""
    return 0.0


@pytest.mark.parametrize("name", ["rot90", "gravity_down", "trim_zero", "tile_2x2", "ray_down", "mask"])
def test_a_single_operation_is_found_and_answers_the_test(name: str) -> None:
    found = solve(examples(name), [TEST], limit_seconds=1, clock=frozen)
    assert found
    assert len(found.program) == 1
    assert found.answers[0].tolist() == ran((name,), TEST).tolist()
    assert not found.answers[0].flags.writeable


def test_what_is_found_reproduces_every_example() -> None:
    """A rule that only the first example follows is not taken."""
    pairs = [(PICTURE, ran(("flip_lr",), PICTURE)), (OTHER, ran(("flip_ud",), OTHER))]
    assert solve(pairs, [TEST], limit_seconds=1, clock=frozen, deepest=1) is None


def test_a_chain_is_found_where_no_single_operation_will_do() -> None:
    pairs = examples("gravity_down", "mirror_right")
    assert solve(pairs, [TEST], limit_seconds=1, clock=frozen, deepest=1) is None
    found = solve(pairs, [TEST], limit_seconds=1, clock=frozen)
    assert found
    assert len(found.program) == 2
    assert [ran(found.program, grid).tolist() for grid, _ in pairs] == [out.tolist() for _, out in pairs]


def test_a_chain_of_three_is_found_among_few_operations() -> None:
    names = ("rot90", "gravity_down", "mirror_right", "pad_0", "transpose", "ring_cw")
    few = [REGISTRY[name] for name in names]
    pairs = examples("gravity_down", "mirror_right", "pad_0")
    assert solve(pairs, [TEST], limit_seconds=1, clock=frozen, deepest=2, operations=few) is None
    found = solve(pairs, [TEST], limit_seconds=1, clock=frozen, operations=few)
    assert found
    assert len(found.program) == 3
    assert [ran(found.program, grid).tolist() for grid, _ in pairs] == [out.tolist() for _, out in pairs]


def test_a_colour_map_is_learnt_from_the_examples() -> None:
    table = {0: 0, 1: 4, 2: 9, 3: 3, 4: 1, 5: 2, 6: 6, 7: 8, 8: 7, 9: 5}

    def recoloured(grid: Grid) -> Grid:
        return as_grid([[table[cell] for cell in row] for row in grid.tolist()])

    pairs = [(grid, recoloured(ran(("rot90",), grid))) for grid in (PICTURE, OTHER)]
    test = as_grid([[1, 2], [3, 0]])
    found = solve(pairs, [test], limit_seconds=1, clock=frozen, deepest=1)
    assert found
    assert found.colour_map == {colour: table[colour] for colour in range(9)}
    assert found.answers[0].tolist() == recoloured(ran(("rot90",), test)).tolist()


def test_a_colour_that_no_example_shows_is_not_guessed() -> None:
    """The map alone answers a test of known colours; one with a 7 is answered only by what rids it of the 7 first."""
    pairs = [(as_grid([[0, 1, 2]]), as_grid([[5, 3, 4]])), (as_grid([[2], [1]]), as_grid([[4], [3]]))]
    known = solve(pairs, [as_grid([[1, 2, 1]])], limit_seconds=1, clock=frozen, deepest=1)
    assert known
    assert known.program == ("identity",)
    unknown = solve(pairs, [as_grid([[1, 7, 1]])], limit_seconds=1, clock=frozen, deepest=1)
    assert unknown is None or unknown.program != ("identity",)


def test_a_plain_program_comes_before_one_with_a_colour_map() -> None:
    found = solve(examples("ink_3"), [TEST], limit_seconds=1, clock=frozen)
    assert found
    assert (found.program, found.colour_map) == (("ink_3",), None)


def test_programs_that_answer_otherwise_are_counted_as_rivals() -> None:
    symmetric = [(as_grid([[1, 2], [2, 1]]), as_grid([[2, 1], [1, 2]])), (as_grid([[3, 4]]), as_grid([[4, 3]]))]
    # Mirrored, turned by a half, rolled or its colours swapped: of a row of two cells all say the same.
    found = solve(symmetric, [as_grid([[1, 2, 3]])], limit_seconds=1, clock=frozen, deepest=1)
    assert found
    assert found.program == ("flip_lr",)
    assert found.rivals > 0
    sure = solve(examples("rot90"), [TEST], limit_seconds=1, clock=frozen, deepest=1)
    assert sure
    assert sure.rivals == 0


def test_the_search_ends_at_its_limit() -> None:
    """The clock moves on by a second each time it is read; so many reads, so many steps."""
    ticks = itertools.count()
    pairs = [(PICTURE, as_grid([[7, 7], [7, 5]])), (OTHER, as_grid([[2, 7, 7]]))]
    assert solve(pairs, [TEST], limit_seconds=3000, clock=lambda: float(next(ticks))) is None
    assert 3000 <= next(ticks) <= 3002


def test_a_search_without_time_finds_nothing() -> None:
    assert solve(examples("rot90"), [TEST], limit_seconds=0, clock=frozen) is None


def test_the_same_question_gets_the_same_program() -> None:
    pairs = examples("gravity_down", "mirror_right")
    one, again = (solve(pairs, [TEST], limit_seconds=1, clock=frozen) for _ in range(2))
    assert one
    assert again
    assert (one.program, one.tried) == (again.program, again.tried)


def test_a_question_without_examples_or_tests_is_refused() -> None:
    with pytest.raises(ValueError, match="0 examples and 1 tests"):
        solve([], [TEST], limit_seconds=1)
    with pytest.raises(ValueError, match="2 examples and 0 tests"):
        solve(examples("rot90"), [], limit_seconds=1)


def test_a_learnt_map_maps_one_grid_to_the_other_or_does_not_exist() -> None:
    for one, other in itertools.pairwise(grids(200, seed=5, largest=3)):
        table = learnt_map([(one, other)])
        functional = one.shape == other.shape and len({*zip(one.flat, other.flat, strict=True)}) == len({*one.flat})
        assert (table is not None) == functional
        if table is not None:
            assert [[table[cell] for cell in row] for row in one.tolist()] == other.tolist()
