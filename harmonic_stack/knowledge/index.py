"""Which passages of an agent's files bear on a question: indexed by frame, kept current, off the event loop."""

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from harmonic_stack.config import Knowledge as Limits
from harmonic_stack.crew import Agent, Crew
from harmonic_stack.encoder_off_loop import OffLoop
from harmonic_stack.errors import KnowledgeError
from harmonic_stack.knowledge.chunks import chunks
from harmonic_stack.knowledge.files import Found, Stamp, find, read_text
from harmonic_stack.prompts import Context, Notes, estimate_tokens, notes_for
from ommatidia import Encoder, as_high
from ommatidia.encode import Vectors

log = logging.getLogger(__name__)
# A passage less like the question than this has nothing to do with it; per encoder, since cosines do not compare.
LEAST: Mapping[str, float] = {"hash512-2": 0.15, "minilm384": 0.15}
_LEAST = 0.15
# Beside a passage that fits well, one much less like the question is filler.
_BESIDE_THE_BEST = 0.6


class _Indexed(msgspec.Struct, frozen=True):
    """One file as it was read: its stamp and digest, its passages, and by encoder their vectors, float32 (n, dim)."""

    stamp: Stamp
    digest: bytes
    passages: tuple[str, ...]
    vectors: dict[str, Vectors] = {}

    def by(self, encoder: Encoder) -> Vectors:
        """The passages' vectors; those of the last two encoders are kept."""
        if encoder.tag not in self.vectors:
            self.vectors[encoder.tag] = encoder.encode(self.passages)
            while len(self.vectors) > 2:
                del self.vectors[next(iter(self.vectors))]
        return self.vectors[encoder.tag]


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage that bears on a question: the file it stands in, its text, its cosine to the question."""

    file: str
    text: str
    likeness: float


class Index:
    """One agent's files, cut and framed. Its methods block: call them in a thread."""

    def __init__(self, agent: Agent, folder: Path, encoder: Encoder, limits: Limits) -> None:
        """Read and frame all files. Raises KnowledgeError: what cannot be used."""
        self.agent, self.trouble = agent, ""
        self._folder, self._encoder, self._limits = folder, encoder, limits
        self._files: dict[str, _Indexed] = {}
        self.refresh(strict=True)
        self.frame(encoder)

    @property
    def files(self) -> dict[str, int]:
        """The files by name, with the number of passages in each."""
        return {name: len(file.passages) for name, file in self._files.items()}

    def refresh(self, *, strict: bool = False) -> None:
        """Take in what changed on disk since the last look; one stat a file where nothing did.

        A file that can no longer be used is left out, and ``trouble`` says why; with *strict* the error is raised.
        """
        self.trouble = ""
        try:
            found = find(self.agent.name, self.agent.knowledge, self._folder, self._limits)
        except KnowledgeError as error:
            if strict:
                raise
            self._complain(error)  # what was read stays: losing one file must not cost the agent all it knows
            return
        current: dict[str, _Indexed] = {}
        for file in found:
            try:
                current[file.name] = self._indexed(file)
            except KnowledgeError as error:
                if strict:
                    raise
                self._complain(error)
        self._files = current

    def frame(self, encoder: Encoder) -> None:
        """Encode the passages by *encoder*, where that was not done yet."""
        for file in self._files.values():
            file.by(encoder)

    def search(self, question: str, encoder: Encoder | None = None) -> list[Passage]:
        """The passages that bear on *question*, the most alike first, within the limits of one prompt.

        Told by *encoder*, None: the first.
        """
        encoder = encoder or self._encoder
        asked = encoder.encode([question])[0]
        ranked = sorted(
            (
                Passage(name, text, float(likeness))
                for name, file in self._files.items()
                for text, likeness in zip(file.passages, file.by(encoder) @ asked, strict=True)
            ),
            key=lambda passage: -passage.likeness,
        )
        least = LEAST[encoder.tag] if encoder.tag in LEAST else as_high(encoder, _LEAST)
        chosen: list[Passage] = []
        room = self._limits.tokens
        for passage in ranked[: self._limits.chunks]:
            room -= estimate_tokens(passage.text)
            if room < 0 or passage.likeness < max(least, _BESIDE_THE_BEST * ranked[0].likeness):
                break
            chosen.append(passage)
        return chosen

    def _indexed(self, file: Found) -> _Indexed:
        known = self._files.get(file.name)
        if known is not None and known.stamp == file.stamp:
            return known
        text = read_text(self.agent.name, file, self._limits)
        digest = hashlib.sha256(text.encode()).digest()
        if known is not None and known.digest == digest:  # touched, not changed
            return replace(known, stamp=file.stamp)
        return _Indexed(file.stamp, digest, tuple(chunks(text)))

    def _complain(self, error: KnowledgeError) -> None:
        self.trouble = str(error)
        log.warning("knowledge cannot be used", extra={"agent": self.agent.name, "reason": str(error)})


def check_knowledge(crew: Crew, limits: Limits) -> None:
    """Look for the files of the whole crew without reading them: a mistake is told before anything is started.

    Raises:
        KnowledgeError: what cannot be used.
    """
    for agent in crew.enabled:
        find(agent.name, agent.knowledge, crew.folder, limits)


class Knowledge:
    """What each agent of the crew knows for itself."""

    def __init__(self, indexes: Iterable[Index], meaning: OffLoop) -> None:
        self._indexes, self._meaning = {index.agent.name: index for index in indexes}, meaning
        self._looking = asyncio.Lock()

    @classmethod
    async def open(cls, crew: Crew, meaning: OffLoop, limits: Limits) -> "Knowledge":
        """Read and frame the files of the whole crew; its encoders must bear being used in another thread.

        Raises:
            KnowledgeError: what cannot be used.
        """
        knowing = [agent for agent in crew.enabled if agent.knowledge]
        installed = meaning.installed
        indexes = [await asyncio.to_thread(Index, agent, crew.folder, installed, limits) for agent in knowing]
        return cls(indexes, meaning)

    async def frame(self, encoder: Encoder) -> None:
        """Encode by *encoder* too what was read; raises what the encoder raises."""
        for index in self._indexes.values():
            await asyncio.to_thread(index.frame, encoder)

    async def recall(self, question: str, context: Context) -> Context:
        """*context* with each agent's own notes on *question*; files that changed are taken in first."""
        if not self._indexes:
            return context
        async with self._looking:
            found = await self._meaning.by(lambda encoder: asyncio.to_thread(self._look, question, encoder))
        private = {agent: notes for agent, passages in found.items() if (notes := _notes(passages)) is not None}
        return replace(context, private=private)

    def about(self, agent: str) -> dict[str, Any] | None:
        """What an agent knows, for people: its files with their passages, and what is wrong; None: no files."""
        index = self._indexes.get(agent)
        if index is None:
            return None
        files = [{"file": name, "chunks": count} for name, count in index.files.items()]
        return {"files": files, "chunks": sum(index.files.values()), "trouble": index.trouble or None}

    def _look(self, question: str, encoder: Encoder) -> dict[str, list[Passage]]:
        for index in self._indexes.values():
            index.refresh()
        return {agent: index.search(question, encoder) for agent, index in self._indexes.items()}


def _notes(passages: list[Passage]) -> Notes | None:
    return notes_for([(passage.file, passage.text) for passage in passages]) if passages else None
