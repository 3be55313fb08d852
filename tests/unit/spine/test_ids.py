"""Ids order by number, and the clock that gives them never runs backwards."""

import pytest

from spine import BadSignal
from spine.ids import IdClock, order, seconds


class Clocks:
    """A wall clock and a monotonic one that a test turns."""

    def __init__(self) -> None:
        self.wall = 1_000.0
        self.monotonic = 5.0

    def ids(self) -> IdClock:
        return IdClock(wall=lambda: self.wall, monotonic=lambda: self.monotonic)


def test_ids_order_by_number_not_by_letter() -> None:
    names = ["", "5", "9-0", "9-2", "9-10", "10-0"]
    shuffled = [names[n] for n in (3, 5, 0, 4, 1, 2)]
    assert sorted(shuffled, key=order) == names


@pytest.mark.parametrize("name", ["-", "1-", "-1", "1-2-3", "1.5-0", " 1-0", "+1-0", "1_0-0", "²-0", "9" * 21])
def test_what_is_no_id_is_refused(name: str) -> None:
    with pytest.raises(BadSignal) as refused:
        order(name)
    assert refused.value.value == name


def test_an_id_tells_its_time() -> None:
    assert seconds("1500-3") == 1.5


@pytest.mark.parametrize("jump", [-3600.0, 86_400.0])
def test_ids_grow_whatever_the_wall_clock_does(jump: float) -> None:
    clocks = Clocks()
    ids = clocks.ids()
    given = [ids.next() for _ in range(3)]
    clocks.wall += jump
    clocks.monotonic += 0.5
    given += [ids.next() for _ in range(3)]
    assert [order(name) for name in given] == sorted({order(name) for name in given})
    assert seconds(given[-1]) == pytest.approx(1000.5)


def test_ids_go_on_after_those_of_others() -> None:
    ids = Clocks().ids()
    ids.saw("9999999-7")
    ids.saw("3-0")
    assert ids.next() == "9999999-8"
    assert ids.last == "9999999-8"


def test_the_clock_follows_a_server() -> None:
    clocks = Clocks()
    ids = clocks.ids()
    ids.follow(7_000_000.4)
    clocks.monotonic += 1
    assert ids.next() == "7001000-0"
    assert order("7000999-5") < order(ids.before_now()) < order("7001000-0")
