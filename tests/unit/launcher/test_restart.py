"""Restarts wait longer each time and end; the arithmetic needs no process."""

from hypothesis import given
from hypothesis import strategies as st

from launcher.restart import NEVER, Restart


def waits(rule: Restart, crash_after: float = 0.1) -> list[float]:
    """Return the waits of a program that always ends *crash_after* seconds after its start."""
    starts, found = [0.0], []
    while (delay := rule.delay(1, starts, starts[-1] + crash_after, 0.5)) is not None and len(found) < 20:
        found.append(delay)
        starts.append(starts[-1] + crash_after + delay)
    return found


def test_the_default_doubles_from_one_second_and_gives_up_after_five_starts() -> None:
    assert waits(Restart()) == [1, 2, 4, 8]


def test_a_patient_rule_stops_growing_at_its_longest_wait() -> None:
    assert waits(Restart(starts=1000))[-3:] == [60, 60, 60]


def test_a_final_exit_code_is_not_tried_again() -> None:
    assert Restart(final_codes=frozenset({65})).delay(65, [0.0], 1.0, 0.5) is None


def test_never_is_never() -> None:
    assert NEVER.delay(0, [0.0], 1e9, 0.5) is None


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 4))
def test_jitter_keeps_the_wait_within_a_tenth(chance: float, count: int) -> None:
    delay = Restart().delay(1, [0.0] * count, 0.1, chance)
    assert delay is not None
    plain = 2.0 ** (count - 1)
    assert 0.9 * plain <= delay <= 1.1 * plain
