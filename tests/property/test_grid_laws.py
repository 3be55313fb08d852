"""Every law of every operation of the grid core, on seeded grids; and laws that are false, which have to be caught."""

from collections import Counter

import pytest

from ommatidia.grid import REGISTRY, Grid, Operation, as_grid
from ommatidia.grid.laws import NAMED, PLAIN, equal, law
from tests.grids import grids

# What few grids let apply is tried by hand besides: tests/unit/ommatidia/test_grid_examples.py.
THIN = 5


def broken(operations: list[Operation], drawn: list[Grid]) -> tuple[list[str], Counter[tuple[str, str]]]:
    """The laws that some grid breaks, as text, and on how many grids each law was asked."""
    checks = [(op, [(text, law(text)) for text in op.laws]) for op in operations]
    failures: list[str] = []
    asked: Counter[tuple[str, str]] = Counter()
    for grid in drawn:
        for op, laws in checks:
            after = op.fn(grid)
            if after is None:
                continue
            for text, check in laws:
                holds = check(op.fn, grid, after)
                asked[op.name, text] += holds is not None
                if holds is False:
                    failures.append(f"{op.name}: {text}: {grid.tolist()} -> {after.tolist()}")
    return failures, asked


def test_every_law_of_every_operation_holds_and_was_asked() -> None:
    failures, asked = broken(list(REGISTRY.values()), list(grids(240, seed=1)))
    assert failures == []
    thin = {(op.name, text) for op in REGISTRY.values() for text in op.laws if asked[op.name, text] < THIN}
    assert thin == set()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 140))
def test_every_law_holds_on_many_more_grids(seed: int) -> None:
    failures, _ = broken(list(REGISTRY.values()), list(grids(100, seed=seed, largest=16)))
    assert failures == []


# One false law for each kind of sentence at least, near enough to the truth to be written by mistake.
FALSE = [
    ("rot90", "idempotent"),
    ("rot90", "own inverse"),
    ("rot90", "inverse: rot90"),
    ("rot90", "keeps shape"),
    ("rot90", "order 2"),
    ("rot90", "order 3"),
    ("rot90", "commutes with flip_lr"),
    ("transpose", "commutes with rot90"),
    ("flip_ud", "equals flip_lr"),
    ("flip_ud", "same after flip_lr"),
    ("antitranspose", "equals transpose"),
    ("landscape", "swaps height, width"),
    ("heavy_top", "same after flip_lr"),
    ("shear_rows_1", "own inverse"),
    ("shear_rows_2", "inverse: unshear_rows_1"),
    ("ring_cw", "commutes with transpose"),
    ("shift_up_1", "keeps colour counts"),
    ("shift_up_1", "inverse: shift_down_1"),
    ("shift_up_1", "no new colour"),
    ("roll_down_2", "equals roll_up_2"),
    ("gravity_down", "commutes with flip_ud"),
    ("dock_centre", "commutes with rot90"),
    ("trim_common", "idempotent"),
    ("border_ring", "keeps non-zero count"),
    ("drop_largest", "idempotent"),
    ("object_largest_mono", "no new colour"),
    ("half_top", "equals half_bottom"),
    ("split_tb_xor", "no new colour"),
    ("frame_1", "no new colour but 0"),
    ("tile_2x2", "shape x(1,2)"),
    ("tile_2x2", "colour counts x2"),
    ("upscale_2", "inverse: downscale_3"),
    ("mirror_right", "result invariant under flip_ud"),
    ("pad_edge", "keeps non-zero count"),
    ("split_tb_nor", "no new colour"),
    ("split_lr_or", "equals split_lr_under"),
    ("self_xor_flip_lr", "idempotent"),
    ("panels_or", "only 0,1"),
    ("inverse_mask", "own inverse"),
    ("swap_common_two", "keeps colour counts"),
    ("ink_1", "no new colour"),
    ("colour_plus_1", "order 8"),
    ("colour_rank_rev", "idempotent"),
    ("fill_holes_1", "equals fill_holes_2"),
    ("dilate_4", "never adds"),
    ("dilate_8", "idempotent"),
    ("erode_4", "never erases"),
    ("majority_3x3", "idempotent"),
    ("objects_by_size", "only erases"),
    ("frame_1", "only fills zeros"),
    ("ray_cross", "idempotent"),
    ("ray_up", "commutes with rot90"),
    ("connect_both", "commutes with transpose"),
    ("complete_d4", "result invariant under rot90"),
    ("asym_lr", "result invariant under flip_lr"),
    ("sort_rows_fill", "commutes with flip_ud"),
    ("dedup_rows", "keeps shape"),
    ("halo8_1", "never more non-zeros"),
    ("flatten_row", "keeps shape"),
    ("unique_rows", "commutes with flip_ud"),
]


@pytest.fixture(scope="module")
def drawn() -> list[Grid]:
    return list(grids(240, seed=1))


@pytest.mark.parametrize(("name", "text"), FALSE, ids=[f"{name}: {text}" for name, text in FALSE])
def test_a_false_law_is_caught(name: str, text: str, drawn: list[Grid]) -> None:
    op = REGISTRY[name]
    lie = Operation(op.name, op.fn, op.family, (text,), op.meaning)
    failures, _ = broken([lie], drawn)
    assert failures


def test_every_kind_of_law_was_planted_false() -> None:
    planted = [text for _, text in FALSE]
    kinds = {*PLAIN, *NAMED, "order ", "shape x", "colour counts x"}
    assert [kind for kind in kinds if not any(text.startswith(kind) for text in planted)] == []


def test_a_sentence_that_is_no_law_is_refused() -> None:
    for text in ("", "commutes with everything", "inverse: ", "order 1", "nice", "idempotent "):
        with pytest.raises(ValueError, match="no law"):
            law(text)


def test_no_operation_writes_to_its_input_and_every_result_is_a_frozen_grid() -> None:
    for grid in grids(40, seed=2, largest=30):
        before = grid.tobytes()
        for op in REGISTRY.values():
            result = op.fn(grid)
            assert grid.tobytes() == before, op.name
            if result is not None:
                assert not result.flags.writeable, op.name
                assert result.dtype == "uint8", op.name
                assert equal(as_grid(result), result), op.name


def test_a_grid_gives_the_same_result_each_time_and_by_its_cells_alone() -> None:
    """Also where the second copy lies in memory by columns."""
    for grid in grids(20, seed=3):
        other = as_grid(grid.T.copy()).T
        for op in REGISTRY.values():
            one, again = op.fn(grid), op.fn(other)
            assert (one is None) == (again is None), op.name
            assert one is None or again is None or equal(one, again), op.name
