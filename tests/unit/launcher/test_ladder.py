"""Pools climb one ladder, and each is placed on a device that has room for it."""

import time
from dataclasses import replace

import pytest

from launcher.budget import Cost, Device
from launcher.ladder import Rung, Wish, highest, ladder, place
from launcher.types import AgentSpec, Bytes, ModelFacts

GB = 1_000_000_000
COST = Cost(process=Bytes(0), context=1000, cache_type="f16")


def wish(name: str, gb: float, slots: int = 1, kv: int = 0) -> Wish:
    facts = ModelFacts(name, Bytes(int(gb * GB)), Bytes(kv), train_context=4096)
    return Wish(facts, (AgentSpec(name, 1, name),), (slots,))


def device(name: str, gb: float) -> Device:
    return Device(name, Bytes(int(gb * GB)), discrete=True, words="")


def placed(gbs: list[float], cards: list[float]) -> list[str] | None:
    wishes = [wish(f"m{number}", gb) for number, gb in enumerate(gbs)]
    found = place(wishes, Rung((1,) * len(gbs), "f16"), COST, [device(f"gpu{n}", gb) for n, gb in enumerate(cards)])
    return None if found is None else [where.name for where in found]


def test_the_rungs_are_slots_by_importance_then_the_cache_then_one_count_for_all() -> None:
    rungs = [(*rung.slots, rung.cache_type) for rung in ladder([wish("a", 1, 3), wish("b", 1, 2)], "f16")]
    assert rungs == [
        (1, 1, "q8_0"),
        (2, 1, "q8_0"),
        (3, 1, "q8_0"),
        (3, 2, "q8_0"),
        (3, 2, "f16"),
        (3, 3, "f16"),
    ]


def test_a_pool_waits_with_its_last_slots_until_every_other_has_its_share_at_half_of_them() -> None:
    first, second = (replace(wish(name, 1), steps=steps) for name, steps in (("a", (2, 4)), ("b", (1, 2))))
    rungs = [rung.slots for rung in ladder([first, second], "q8_0")]
    assert rungs == [(1, 1), (2, 1), (3, 1), (4, 1), (4, 2), (4, 4)]
    first, second = replace(first, steps=(2, 4, 8)), replace(second, steps=(1, 2, 4))
    longer = [rung.slots for rung in ladder([first, second], "q8_0")]
    assert longer[:5] == rungs[:5]
    assert longer[5:] == [(5, 2), (6, 2), (7, 2), (8, 2), (8, 3), (8, 4), (8, 8)]


def test_a_cache_type_of_the_users_choice_is_not_changed() -> None:
    assert {rung.cache_type for rung in ladder([wish("a", 1, 3)], "q4_0")} == {"q4_0"}


@pytest.mark.parametrize(
    ("models", "cards", "where"),
    [
        ([5, 5], [20, 10], ["gpu0", "gpu1"]),  # a card each, the important one on the larger
        ([5, 5, 5], [20, 10], ["gpu0", "gpu1", "gpu0"]),
        ([6, 15], [20, 10], ["gpu1", "gpu0"]),  # the important one makes room
        ([6, 6, 6, 6], [12, 12], ["gpu0", "gpu1", "gpu0", "gpu1"]),
        ([9, 2], [10], None),
        ([15], [10, 10], None),  # no model is split
    ],
)
def test_pools_are_spread_and_make_room_for_each_other(models, cards, where) -> None:
    assert placed(models, cards) == where


def test_the_highest_rung_that_fits_is_taken() -> None:
    kv = 1_000_000  # 1 GB a slot of 1000 tokens
    wishes = [wish("a", 1, 4, kv), wish("b", 1, 4, kv)]
    full = highest(wishes, COST, [device("gpu0", 10)])
    assert full is not None
    assert full.rung == Rung((4, 4), "f16")
    tight = highest(wishes, COST, [device("gpu0", 5)])
    assert tight is not None
    assert tight.rung == Rung((4, 1), "q8_0")
    assert highest(wishes, COST, [device("gpu0", 3)]) is None


def test_nine_models_that_cannot_be_placed_on_eight_cards_are_seen_at_once() -> None:
    started = time.perf_counter()
    assert placed([6.0] * 9, [10.0] * 8) is None
    assert time.perf_counter() - started < 1.0
