"""An answer goes to its client in one write a turn of the loop, waits for a slow one, and always ends."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from harmonic_stack.api.delivery import Delivery, Headers
from harmonic_stack.errors import AllAgentsFailed
from harmonic_stack.query import AnswerDelta, Event, Report

REPORT = Report("q-1", "s-1", "single", ())


@dataclass
class Line:
    """Writes down what it is told."""

    told: list[Any] = field(default_factory=list)
    writable: bool = True
    drained: Callable[[], None] | None = None

    def begin(self, headers: Headers, first: bytes) -> None:
        assert dict(headers)[b"x-queue-position"] == b"3"
        self.told += ["begin", first]

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def end(self, data: bytes, *, failed: bool = False) -> None:
        self.told += [data, "failed" if failed else "end"]

    def whole(self, headers: Headers, body: bytes) -> None:
        assert dict(headers)[b"content-type"] == b"application/json"
        self.told += ["whole", body]

    def refuse(self, error: BaseException) -> None:
        self.told += ["refuse", type(error).__name__]

    def drop(self) -> None:
        self.told.append("drop")


class Wire:
    """Numbers what it says, as some wires do."""

    ping = b"ping "

    def __init__(self) -> None:
        self.said = 0

    def first(self) -> bytes:
        return self._next("first")

    def events(self, events: Sequence[Event]) -> bytes:
        return b"".join(self._next(event.text) for event in events if isinstance(event, AnswerDelta))

    def last(self, said: Sequence[Event], _report: Report) -> bytes:
        return self._next(f"last of {len(said)}")

    def error(self, error: BaseException) -> bytes:
        return self._next(type(error).__name__)

    def whole(self, said: Sequence[Event], _report: Report) -> dict[str, Any]:
        return {"said": len(said)}

    def _next(self, what: str) -> bytes:
        self.said += 1
        return f"{self.said}:{what} ".encode()


def delivery_to(line: Line, *, stream: bool = True, ping_seconds: float = 60.0) -> Delivery:
    return Delivery(Wire(), line, stream=stream, ping_seconds=ping_seconds, position=lambda: 3)


async def test_what_comes_in_one_turn_of_the_loop_is_one_write() -> None:
    delivery = delivery_to(line := Line())
    for turn in (("a", "b"), ("c", "d")):
        for text in turn:
            delivery.put(AnswerDelta(text))
        await asyncio.sleep(0)
    delivery.put(AnswerDelta("e"))
    delivery.succeed(REPORT)
    await asyncio.sleep(0)
    assert line.told == ["begin", b"1:first 2:a 3:b ", b"4:c 5:d ", b"6:e ", b"7:last of 5 ", "end"]


async def test_a_slow_client_gets_all_that_gathered_once_it_has_caught_up() -> None:
    delivery = delivery_to(line := Line())
    delivery.put(AnswerDelta("a"))
    await asyncio.sleep(0)
    line.writable = False
    for text in "bcd":
        delivery.put(AnswerDelta(text))
        await asyncio.sleep(0)
    assert line.told == ["begin", b"1:first 2:a "]
    line.writable = True
    assert line.drained is not None
    line.drained()
    assert line.told[2:] == [b"3:b 4:c 5:d "]
    delivery.succeed(REPORT)


async def test_an_answer_that_is_not_streamed_comes_at_its_end_alone() -> None:
    delivery = delivery_to(line := Line(), stream=False)
    delivery.put(AnswerDelta("a"))
    await asyncio.sleep(0)
    assert line.told == []
    delivery.succeed(REPORT)
    assert line.told == ["whole", b'{"said":1}']


async def test_an_error_is_a_refusal_before_the_first_byte_and_an_event_after_it() -> None:
    early = delivery_to(before := Line())
    early.fail(AllAgentsFailed({}))
    assert before.told == ["refuse", "AllAgentsFailed"]
    late = delivery_to(after := Line())
    late.put(AnswerDelta("a"))
    late.fail(AllAgentsFailed({}))  # what came before it is told all the same
    await asyncio.sleep(0)
    assert after.told == ["begin", b"1:first 2:a ", b"3:AllAgentsFailed ", "failed"]


async def test_what_was_called_off_is_written_no_more() -> None:
    delivery = delivery_to(line := Line(), ping_seconds=0.05)
    delivery.put(AnswerDelta("a"))
    delivery.cancel()
    await asyncio.sleep(0.15)
    assert line.told == ["drop"]
    assert line.drained is None


async def test_a_ping_comes_where_nothing_else_does_and_begins_the_answer_if_need_be() -> None:
    delivery = delivery_to(line := Line(), ping_seconds=0.05)
    await asyncio.sleep(0.18)
    assert line.told[:3] == ["begin", b"1:first ping ", b"ping "]
    pings = len(line.told)
    for _ in range(6):  # nothing is missing while words come
        delivery.put(AnswerDelta("a"))
        await asyncio.sleep(0.03)
    assert [told for told in line.told[pings:] if told == b"ping "] == []
    delivery.succeed(REPORT)
    ended = len(line.told)
    await asyncio.sleep(0.12)
    assert len(line.told) == ended


@pytest.mark.parametrize("stream", [True, False])
async def test_the_end_may_depend_on_all_that_was_sent(stream: bool) -> None:
    delivery = delivery_to(line := Line(), stream=stream)
    delivery.put(AnswerDelta("a"))
    delivery.catch_up()
    assert line.told == (["begin", b"1:first 2:a "] if stream else [])
    delivery.catch_up()  # and once is enough
    assert len(line.told) == (2 if stream else 0)
    delivery.succeed(REPORT)
