"""Encoding off the event loop: the loop goes on, waiting calls go together, one that left or failed costs no other."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

from harmonic_stack.encoder_off_loop import OffLoop
from ommatidia import Hash512
from ommatidia.encode import Vectors
from tests.helpers import until


class Gated(Hash512):
    """Hash512 that waits at a gate, notes the batches it gets, and refuses the text "bad"."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.batches: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.batches.append(list(texts))
        assert self.gate.wait(10)
        if "bad" in texts:
            raise ValueError("bad")
        return super().encode(texts)


@pytest.fixture
async def gated() -> AsyncIterator[tuple[Gated, OffLoop]]:
    encoder = Gated()
    off_loop = OffLoop(encoder)
    yield encoder, off_loop
    encoder.gate.set()
    await off_loop.aclose()


async def test_calls_that_wait_are_encoded_together_and_get_their_own(gated: tuple[Gated, OffLoop]) -> None:
    encoder, off_loop = gated
    first = asyncio.create_task(off_loop.encode(["one"]))
    await until(lambda: encoder.batches == [["one"]], "the first call is being encoded")
    rest = [asyncio.create_task(off_loop.encode(texts)) for texts in (["two", "three"], [], ["four"])]
    await asyncio.sleep(0)
    encoder.gate.set()
    found = await asyncio.gather(first, *rest)
    assert encoder.batches == [["one"], ["two", "three", "four"]]
    for vectors, texts in zip(found, (["one"], ["two", "three"], [], ["four"]), strict=True):
        assert np.array_equal(vectors, Hash512().encode(texts))


async def test_a_call_that_leaves_or_fails_costs_no_later_one(gated: tuple[Gated, OffLoop]) -> None:
    encoder, off_loop = gated
    left = asyncio.create_task(off_loop.encode(["left"]))
    await until(lambda: bool(encoder.batches), "the call is being encoded")
    left.cancel()
    encoder.gate.set()
    with pytest.raises(ValueError, match="bad"):
        await off_loop.encode(["bad"])
    assert (await off_loop.encode(["good"])).shape == (1, 512)


async def test_a_function_that_encodes_runs_on_the_encoders_thread(gated: tuple[Gated, OffLoop]) -> None:
    _, off_loop = gated
    name = await off_loop.run(lambda _: threading.current_thread().name)
    assert name.startswith("encoder")
