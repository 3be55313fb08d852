"""Encoding off the event loop: one worker thread, and calls that wait together encoded together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, TypeVar

from harmonic_stack.declared_encoder import KNOWN, DeclaredEncoder
from harmonic_stack.errors import EncoderFailed
from ommatidia import Cached, Encoder, Hash512, best_encoder
from ommatidia.encode import Vectors

R = TypeVar("R")
EMBED = "harmonic-embed-"
_Waiting = list[tuple[list[str], asyncio.Future[Vectors]]]


class OffLoop:
    """Gives an encoder to coroutines. The loop never waits: MiniLM takes some 7 ms a sentence on one core.

    One thread, so that encoding takes one core at most and leaves the others to the engine. ``installed`` is the
    encoder given; ``declared``, where the settings name one, takes its place while it serves.
    """

    def __init__(self, encoder: Encoder, *, inline: bool = False) -> None:
        self.installed, self._inline = encoder, inline
        self.declared: DeclaredEncoder | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encoder")
        self._waiting: _Waiting = []
        self._draining: asyncio.Task[None] | None = None

    @property
    def encoder(self) -> Encoder:
        """The encoder that serves now."""
        declared = self.declared.encoder if self.declared is not None else None
        return declared or self.installed

    def as_dict(self) -> dict[str, Any]:
        """Which encoder serves, and how the declared one is, as ``status`` tells it."""
        return {"tag": self.encoder.tag, "declared": None if self.declared is None else self.declared.as_dict()}

    async def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode *texts* by the installed encoder, float32 of shape (n, dim), with whatever else waits.

        Raises what the encoder raises.
        """
        done: asyncio.Future[Vectors] = asyncio.get_running_loop().create_future()
        self._waiting.append((list(texts), done))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain(), name="encode")
        return await done

    async def run(self, function: Callable[[Encoder], R]) -> R:
        """Call a pure function with the encoder that serves, on the encoder's thread.

        An installed one that is *inline* is used here: with ``Hash512`` a hop costs more than a few sentences.
        """
        return await self.by(lambda encoder: self._call(function, encoder))

    async def by(self, think: Callable[[Encoder], Awaitable[R]]) -> R:
        """What *think* makes of the encoder that serves; should the declared one fail, of the installed one instead.

        All of *think* is done anew, so that nothing is compared across encoders.
        """
        encoder = self.encoder
        try:
            return await think(encoder)
        except EncoderFailed as error:
            if self.declared is None or encoder is self.installed:
                raise
            self.declared.failed(encoder, error)
        return await think(self.installed)

    def knows(self, text: str) -> bool:
        """Whether the installed encoder serves and has the vector of *text*: a call for it may be made on the loop."""
        return self.encoder is self.installed and isinstance(self.installed, Cached) and self.installed.knows(text)

    async def aclose(self) -> None:
        """Cancel what waits and end the thread, after the call that it is in."""
        if self.declared is not None:
            await self.declared.aclose()
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
            together = [text for texts, _ in calls for text in texts]
            try:
                vectors = await self._call(partial(_encoded, together), self.installed)
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

    async def _call(self, function: Callable[[Encoder], R], encoder: Encoder) -> R:
        if self._inline and encoder is self.installed:
            return function(encoder)
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, encoder)


@dataclass(frozen=True)
class Encoders:
    """The two that a daemon has.

    ``words`` (``Hash512``) describes: states, frames and relations that nobody decides by, for microseconds a sentence.
    ``meaning`` is the declared one, else the best installed here: it decides where a query goes, what is recalled and
    what is appended.
    """

    words: Encoder
    meaning: OffLoop

    @property
    def names(self) -> list[str]:
        """The model names under which those installed make embeddings for a client, the best first."""
        return list(dict.fromkeys(f"{EMBED}{encoder.tag}" for encoder in (self.meaning.installed, self.words)))

    async def encode(self, name: str, texts: Sequence[str]) -> Vectors:
        """The vectors of *texts* by the encoder of that model name."""
        if name == f"{EMBED}{self.meaning.installed.tag}":
            return await self.meaning.encode(texts)
        return self.words.encode(texts)

    @classmethod
    async def load(cls) -> "Encoders":
        """Load them; with MiniLM this takes about half a second, off the event loop."""
        best = await asyncio.to_thread(_best_cached)
        return cls(Cached(Hash512()), OffLoop(best, inline=best.tag == Hash512.tag))


def _encoded(texts: Sequence[str], encoder: Encoder) -> Vectors:
    return encoder.encode(texts)


@cache
def _best_cached() -> Encoder:
    """The best encoder with its cache, one for the process."""
    return Cached(best_encoder(), size=KNOWN)
