"""Encoding off the event loop: one worker thread, and calls that wait together encoded together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import ParamSpec, TypeVar

from ommatidia import Cached, Encoder, Hash512, best_encoder
from ommatidia.encode import Vectors
from ommatidia.projection import WIDTH, from_engine

P = ParamSpec("P")
R = TypeVar("R")
Embed = Callable[[Sequence[str]], Awaitable[Sequence[Sequence[float]]]]
# Texts whose vectors are kept: the sentences of some dozen open questions, 1.5 kB each.
KNOWN = 2048
EMBED = "harmonic-embed-"
_Waiting = list[tuple[list[str], asyncio.Future[Vectors]]]


class OffLoop:
    """Gives an encoder to coroutines. The loop never waits: MiniLM takes some 7 ms a sentence on one core.

    One thread, so that encoding takes one core at most and leaves the others to the engine.
    """

    def __init__(self, encoder: Encoder, *, inline: bool = False) -> None:
        self.encoder, self._inline = encoder, inline
        self.tag, self.dim, self.seed = encoder.tag, encoder.dim, getattr(encoder, "seed", 0)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encoder")
        self._waiting: _Waiting = []
        self._draining: asyncio.Task[None] | None = None

    async def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode *texts*, float32 of shape (n, dim), with whatever else waits; raises what the encoder raises."""
        done: asyncio.Future[Vectors] = asyncio.get_running_loop().create_future()
        self._waiting.append((list(texts), done))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain(), name="encode")
        return await done

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a pure function that encodes (``minority_points``, ``relate`` ...) on the encoder's thread.

        One that is *inline* is called here: with ``Hash512`` a hop to the thread costs more than a few sentences.
        """
        if self._inline:
            return function(*args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: function(*args, **kwargs))

    def knows(self, text: str) -> bool:
        """Whether the vector of *text* is at hand, so that a call which needs it alone may be made on the loop."""
        return isinstance(self.encoder, Cached) and self.encoder.knows(text)

    async def aclose(self) -> None:
        """Cancel what waits and end the thread, after the call that it is in."""
        for _, done in self._waiting:
            done.cancel()
        self._waiting.clear()
        if self._draining is not None:
            await asyncio.wait([self._draining])
        await asyncio.to_thread(self._thread.shutdown)

    async def _drain(self) -> None:
        while self._waiting:
            calls = [(texts, done) for texts, done in self._waiting if not done.done()]
            self._waiting.clear()
            if not calls:
                continue
            try:
                vectors = await self.run(self.encoder.encode, [text for texts, _ in calls for text in texts])
            except Exception as error:  # noqa: BLE001 - whose text broke the call is not known: each is told
                for _, done in calls:
                    if not done.done():
                        done.set_exception(error)
                continue
            start = 0
            for texts, done in calls:
                if not done.done():  # its caller may have left
                    done.set_result(vectors[start : start + len(texts)])
                start += len(texts)


@dataclass(frozen=True)
class Encoders:
    """The two that a daemon has.

    ``words`` (``Hash512``) describes: states, frames and relations that nobody decides by, for microseconds a sentence.
    ``meaning`` is the best one installed here: it decides where a query goes, what is recalled and what is appended.
    """

    words: Encoder
    meaning: OffLoop

    @property
    def names(self) -> list[str]:
        """The model names under which they make embeddings for a client, the best first."""
        return list(dict.fromkeys(f"{EMBED}{encoder.tag}" for encoder in (self.meaning, self.words)))

    async def encode(self, name: str, texts: Sequence[str]) -> Vectors:
        """The vectors of *texts* by the encoder of that model name."""
        if name == f"{EMBED}{self.meaning.tag}":
            return await self.meaning.encode(texts)
        return self.words.encode(texts)

    @classmethod
    async def load(cls) -> "Encoders":
        """Load them; with MiniLM this takes about half a second, off the event loop."""
        best = await asyncio.to_thread(_best_cached)
        return cls(Cached(Hash512()), OffLoop(best, inline=best.tag == Hash512.tag))


@cache
def _best_cached() -> Encoder:
    """The best encoder with its cache, one for the process."""
    return Cached(best_encoder(), size=KNOWN)


class EngineEncoder:
    """A model that the user declared for embeddings, at 128 dimensions; *embed* asks the engine for its vectors.

    An ``Encoder`` like the others for the encoder's thread, which waits while the event loop talks to the engine. On
    the loop itself it would wait for itself, so there it refuses.
    """

    dim = WIDTH

    def __init__(
        self, model: str, embed: Embed, loop: asyncio.AbstractEventLoop, *, seed: int = 0, timeout: float = 30.0
    ) -> None:
        self.tag, self.seed = f"{model}@{WIDTH}", seed
        self._embed, self._loop, self._timeout = embed, loop, timeout

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode *texts* as float32 of shape (n, 128), rows of length 1; a text of white space is a row of zeros.

        Raises:
            BadFrame: the engine answered with another number of vectors, or with what are no vectors of one width.
            TimeoutError: it did not answer in time; what it raised itself passes.
        """
        if _on(self._loop):
            raise RuntimeError("an engine's encoder cannot be called on its event loop: use OffLoop")
        asked = [text for text in texts if text.strip()]
        return from_engine(texts, self._answer(asked) if asked else [], self.seed)

    def _answer(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        waiting = asyncio.run_coroutine_threadsafe(_awaited(self._embed(texts)), self._loop)
        try:
            return waiting.result(self._timeout)
        except TimeoutError:
            waiting.cancel()
            raise


async def _awaited(answer: Awaitable[R]) -> R:
    return await answer


def _on(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
