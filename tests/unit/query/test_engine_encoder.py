"""An engine's embedding model as an encoder: of its own width, asked from a thread, refused where it answers wrong."""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from harmonic_stack.encoder_off_loop import OffLoop
from harmonic_stack.engine_encoder import BATCH, LONGEST, SHORTEST, EngineEncoder, Measured, asked_for
from harmonic_stack.errors import EncoderChanged, EncoderFailed, EngineStreamFailed, StreamFault
from ommatidia.projection import from_engine
from ommatidia.scale import known_texts, scale_of
from tests.fake_embedder import vectors

Rows = list[list[float]]


class Model:
    """An engine's model: notes what it was asked, and answers by *answer*."""

    def __init__(self, answer: Callable[[Sequence[str]], Rows] | None = None) -> None:
        self.asked: list[list[str]] = []
        self.answer = answer or (lambda texts: vectors(texts).tolist())

    async def __call__(self, texts: Sequence[str]) -> Rows:
        self.asked.append(list(texts))
        await asyncio.sleep(0)
        return self.answer(texts)


def measured(seed: int = 0) -> Measured:
    rows = from_engine(known_texts(), vectors(known_texts(), seed=seed).tolist())
    return Measured(f"nomic#{seed}@512", rows[0], scale_of(rows))


def encoder(model: Model, *, timeout: float = 5.0) -> EngineEncoder:
    return EngineEncoder("nomic", model, asyncio.get_running_loop(), measured(), timeout=timeout)


async def test_vectors_have_length_one_at_the_models_width_and_white_space_is_not_sent() -> None:
    model = Model()
    found = await asyncio.to_thread(encoder(model).encode, ["one", " ", "two"])
    assert found.shape == (3, 512)
    assert np.linalg.norm(found, axis=1).round(4).tolist() == [1, 0, 1]
    assert model.asked == [["one", known_texts()[0], "two"]]
    assert (await asyncio.to_thread(encoder(model).encode, [])).shape == (0, 512)
    assert (await asyncio.to_thread(encoder(model).encode, [" "])).shape == (1, 512)
    assert len(model.asked) == 1


async def test_many_texts_go_in_batches_and_come_back_in_order() -> None:
    model, texts = Model(), [f"text {at} of wind and rain" for at in range(2 * BATCH + 1)]
    found = await asyncio.to_thread(encoder(model).encode, texts)
    assert [len(asked) for asked in model.asked] == [BATCH + 1, BATCH + 1, 2]
    alone = await asyncio.to_thread(encoder(model).encode, texts[-1:])
    assert np.allclose(found[-1], alone[0], atol=1e-5)


async def test_what_is_wrong_with_an_answer_is_told_by_type() -> None:
    async def never(_: Sequence[str]) -> Rows:
        await asyncio.Event().wait()
        return []

    wrong: list[tuple[Callable[[Sequence[str]], Rows], str]] = [
        (lambda texts: [], "0 vectors for 3 texts"),
        (lambda texts: [[1.0, 2.0], *vectors(texts[1:2]).tolist(), [1.0]], "not vectors of one width"),
        (lambda texts: [[float("nan")] * 512] * 3, "finite"),
    ]
    for answer, reason in wrong:
        with pytest.raises(EncoderFailed, match=reason):
            await asyncio.to_thread(encoder(Model(answer)).encode, ["one", "two"])
    late = EngineEncoder("nomic", never, asyncio.get_running_loop(), measured(), timeout=0.05)
    with pytest.raises(EncoderFailed, match=r"within 0\.05 s"):
        await asyncio.to_thread(late.encode, ["one"])


async def test_another_model_under_the_same_name_is_refused() -> None:
    other = Model(lambda texts: vectors(texts, seed=1).tolist())
    with pytest.raises(EncoderChanged) as refusal:
        await asyncio.to_thread(encoder(other).encode, ["one"])
    assert refusal.value.likeness < 0.9
    narrower = Model(lambda texts: vectors(texts)[:, :300].tolist())
    with pytest.raises(EncoderChanged, match="300 numbers in place of 512") as refusal:
        await asyncio.to_thread(encoder(narrower).encode, ["one"])
    assert refusal.value.widths == (512, 300)
    wider = Model(lambda texts: np.hstack([vectors(texts)] * 2).tolist())  # at 512 too, by projection
    with pytest.raises(EncoderChanged) as refusal:
        await asyncio.to_thread(encoder(wider).encode, ["one"])
    assert refusal.value.likeness < 0.9


async def test_a_long_text_is_cut_and_cut_again_where_the_engine_refuses_it() -> None:
    def short_alone(texts: Sequence[str]) -> Rows:
        if max(map(len, texts)) > SHORTEST:
            raise EngineStreamFailed(StreamFault.STATUS, "HTTP 500: input is too large", 500)
        return vectors(texts).tolist()

    model = Model(short_alone)
    assert len(await asked_for("nomic", model, ["word " * 5_000])) == 1
    assert [len(asked[0]) for asked in model.asked] == [LONGEST, SHORTEST]
    with pytest.raises(EncoderFailed, match="HTTP 500"):
        await asked_for("nomic", Model(lambda _: _refuse()), ["short"])


def _refuse() -> Rows:
    raise EngineStreamFailed(StreamFault.STATUS, "HTTP 500: out of memory", 500)


async def test_on_the_event_loop_it_refuses_rather_than_wait_for_itself() -> None:
    with pytest.raises(RuntimeError, match="OffLoop"):
        encoder(Model()).encode(["one"])
    off_loop = OffLoop(encoder(Model()))
    assert (await off_loop.encode(["one"])).shape == (1, 512)
    await off_loop.aclose()
