"""An engine's embedding model as an ``Encoder``: asked from the encoder's thread while the event loop talks to it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from harmonic_stack.errors import EncoderChanged, EncoderFailed, EngineStreamFailed, StreamFault
from ommatidia import BadFrame, Scale
from ommatidia.encode import Vectors
from ommatidia.projection import from_engine
from ommatidia.scale import known_texts

R = TypeVar("R")
Answer = Sequence[Sequence[float]]
Embed = Callable[[Sequence[str]], Awaitable[Answer]]
# Texts of one call: the timeout holds for a call, and some dozen sentences take a small model on a CPU some seconds.
BATCH = 16
# Characters of a text that are sent. Embedding models see a few hundred tokens, and some engines refuse what is longer;
# one that still refuses is asked once more with the beginnings alone.
LONGEST, SHORTEST = 2_000, 250
# The first known sentence goes along with every call. Less like its own vector than this, another model has answered:
# of one model the figure is above 0.999 whatever else is in the batch. It goes second, since a llama-server was seen
# (b10434, SmolLM2, 4 slots) that computed each fourth text right, the first included, and mixed up all others.
SAME = 0.99


@dataclass(frozen=True)
class Measured:
    """What was found of a model on this box: the name of its space, and where its cosines lie.

    *anchor* is the vector of the first known sentence, float32 of the width that all its vectors have here.
    """

    tag: str
    anchor: Vectors
    scale: Scale


class EngineEncoder:
    """A model that the user declared for embeddings; *embed* asks the engine for its vectors.

    They keep the model's own width up to 512 (``dim``); wider ones are projected. An ``Encoder`` like the others for
    any thread but the event loop's: there it would wait for itself, so it refuses.
    """

    def __init__(
        self, model: str, embed: Embed, loop: asyncio.AbstractEventLoop, found: Measured, *, timeout: float = 30.0
    ) -> None:
        """*timeout* is in seconds, for each call to the engine."""
        self.tag, self.dim, self.seed, self.scale = found.tag, len(found.anchor), 0, found.scale
        self._model, self._embed, self._loop, self._found, self._timeout = model, embed, loop, found, timeout

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode *texts* as float32 of shape (n, dim), rows of length 1; a text of white space is a row of zeros.

        Raises:
            EncoderFailed: the engine did not answer in time, or with what are no vectors of these texts.
            EncoderChanged: another model answered.
        """
        if _on(self._loop):
            raise RuntimeError("an engine's encoder cannot be called on its event loop: use OffLoop")
        asked = [text for text in texts if text.strip()]
        if not asked:
            return from_engine(texts, [], unasked=self.dim)
        anchors: list[Sequence[float]] = []
        answered: list[Sequence[float]] = []
        for batch in batches(asked):
            first, anchor, *rest = self._answer(batch)
            anchors.append(anchor)
            answered += [first, *rest]
        rows = placed(self._model, [*texts, *known_texts()[:1] * len(anchors)], [*answered, *anchors])
        if rows.shape[1] != self.dim:
            raise EncoderChanged(self._model, widths=(self.dim, rows.shape[1]))
        likeness = float((rows[len(texts) :] @ self._found.anchor).min())
        if likeness < SAME:
            raise EncoderChanged(self._model, likeness=likeness)
        return rows[: len(texts)]

    def _answer(self, texts: Sequence[str]) -> Answer:
        waiting = asyncio.run_coroutine_threadsafe(asked_for(self._model, self._embed, texts), self._loop)
        try:
            return waiting.result(self._timeout)
        except TimeoutError:
            waiting.cancel()
            raise EncoderFailed(self._model, f"no answer within {self._timeout:g} s") from None


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """*texts* as they are sent, the first known sentence in the second place of each batch."""
    for start in range(0, len(texts), BATCH):
        first, *rest = texts[start : start + BATCH]
        yield [first, known_texts()[0], *rest]


async def asked_for(model: str, embed: Embed, texts: Sequence[str]) -> Answer:
    """What *embed* gives for *texts*, none of them white space, each cut to what engines take.

    Raises:
        EncoderFailed: it gives nothing, or another number of vectors.
    """
    try:
        try:
            answered = await embed([text[:LONGEST] for text in texts])
        except EngineStreamFailed as refusal:
            if refusal.reason is not StreamFault.STATUS or max(map(len, texts)) <= SHORTEST:
                raise
            answered = await embed([text[:SHORTEST] for text in texts])
    except EngineStreamFailed as error:
        raise EncoderFailed(model, str(error)) from error
    if len(answered) != len(texts):
        raise EncoderFailed(model, f"{len(answered)} vectors for {len(texts)} texts")
    return answered


def placed(model: str, texts: Sequence[str], answered: Answer) -> Vectors:
    """What was *answered* for those *texts* that are not white space: float32 of shape (n, at most 512), length 1.

    Not for the event loop: a width above 512 that is met for the first time takes a matrix of its own.

    Raises:
        EncoderFailed: these are other vectors than were asked for, or no numbers.
    """
    try:
        return from_engine(texts, answered)
    except BadFrame as error:
        raise EncoderFailed(model, str(error)) from error


def _on(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
