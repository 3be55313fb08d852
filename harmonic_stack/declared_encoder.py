"""The embedding model that the settings declare: measured on this box, watched while it serves, else tried again."""

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from harmonic_stack.config import Encoder as Settings
from harmonic_stack.engine.embeddings import Embedder
from harmonic_stack.engine_encoder import SAME, Answer, EngineEncoder, Measured, asked_for, batches, placed
from harmonic_stack.errors import EncoderFailed, EncoderUnfit, EncoderUnsteady, shortened
from harmonic_stack.problems import problem_of
from launcher import LauncherError, ModelMissing
from ommatidia import Cached, Encoder
from ommatidia.encode import Vectors
from ommatidia.scale import Scale, known_texts, likeness, scale_of

log = logging.getLogger(__name__)
# Texts whose vectors are kept: the sentences of some dozen open questions, up to 2 kB each.
KNOWN = 2048
# AUC below which a model is refused: MiniLM reaches 0.97 on the shipped pairs, the pooled states of a chat model
# (SmolLM2) 0.76, our table of words (hash512-2) 0.86.
LEAST_APART = 0.8
# Sentences whose vectors are kept across starts, to know a model again that its engine does not tell from others.
KEPT = 4

Reach = Callable[[], Awaitable[Embedder]]
Prepare = Callable[[Encoder], Awaitable[None]]


class DeclaredEncoder:
    """``encoder`` is the model where it serves, None while it does not; then ``trouble`` says why, since ``since``.

    Whatever had been compared by it is encoded anew from its text when another model comes: spaces never mix.
    """

    def __init__(self, settings: Settings, reach: Reach, prepare: Prepare, keep: Path) -> None:
        """*reach* finds the engine; *prepare* encodes what is always needed before the encoder is taken.

        *keep* is the file that says which model it was the last time.
        """
        self.model, self._settings = settings.model, settings
        self._reach, self._prepare, self._keep = reach, prepare, keep
        self.encoder: Encoder | None = None
        self.trouble: EncoderFailed | None = None
        self.since = time.time()
        self.scale: Scale | None = None
        self.steady: float | None = None  # the least cosine of a text's vectors alone and beside others
        self._embedder: Embedder | None = None
        self._retrying: asyncio.Task[None] | None = None

    async def look(self) -> None:
        """Reach the engine, measure the model and take it; or note why not, and try again later."""
        try:
            encoder = await self._measured()
            await self._prepare(encoder)
        except EncoderFailed as error:
            self._down(error)
            return
        self.encoder, self.trouble, self.since = encoder, None, time.time()
        log.info("the declared encoder serves", extra={"encoder": encoder.tag})

    def failed(self, encoder: Encoder, error: EncoderFailed) -> None:
        """Say that *encoder* failed: it is not used any more, until a new look finds it well."""
        if encoder is self.encoder:  # else another caller was faster
            self._down(error)

    async def aclose(self) -> None:
        """Stop trying, and let go of the engine."""
        if self._retrying is not None:
            self._retrying.cancel()
            await asyncio.wait([self._retrying])
        self._let_go()

    def as_dict(self) -> dict[str, Any]:
        """How it is, as ``status`` tells it."""
        return {
            "model": self.model,
            "state": "ready" if self.encoder is not None else "failed" if self.trouble is not None else "starting",
            "reason": None if self.trouble is None else self.trouble.reason,
            "since": self.since,
            "remedy": None if self.trouble is None else _remedy(self.trouble),
            "width": None if self.encoder is None else self.encoder.dim,
            "told_apart": None if self.scale is None else round(self.scale.told_apart, 3),
            "steady": None if self.steady is None else round(self.steady, 4),
        }

    def _down(self, error: EncoderFailed) -> None:
        if self.trouble is None or str(self.trouble) != str(error):
            log.warning("the declared encoder is not used", extra={"reason": str(error)})
        self.encoder, self.trouble, self.since = None, error, time.time() if self.trouble is None else self.since
        if self._retrying is None or self._retrying.done():
            self._retrying = asyncio.create_task(self._retry(), name="encoder again")

    async def _retry(self) -> None:
        while self.encoder is None:
            await asyncio.sleep(self._settings.retry_seconds)
            await self.look()

    async def _measured(self) -> Encoder:
        """The model as it is now: asked for the shipped sentences, its thresholds read off their likeness.

        Raises:
            EncoderFailed: it cannot be reached or gives no vectors.
            EncoderUnfit: it does not tell what belongs together.
            EncoderUnsteady: a text's vector depends on what else is asked.
        """
        self._let_go()
        self.scale = self.steady = None
        try:
            embed = self._embedder = await self._reach()
        except LauncherError as error:
            raise EncoderFailed(self.model, str(error)) from error
        alone = await asked_for(self.model, embed, known_texts()[:1])
        answered: list[Sequence[float]] = []
        for batch in batches(known_texts()):
            first, anchor, *rest = await asked_for(self.model, embed, batch)
            answered += [first, *rest]
            alone = [*alone, anchor]
        found = await asyncio.to_thread(self._found, answered, alone, embed.digest)
        loop = asyncio.get_running_loop()
        return Cached(EngineEncoder(self.model, embed, loop, found, timeout=self._settings.seconds), size=KNOWN)

    def _found(self, answered: Answer, anchors: Answer, digest: str) -> Measured:
        """What the vectors of the known texts tell; *anchors* are the first one's alone, then in each batch."""
        texts = known_texts()
        rows = placed(self.model, [*texts, *texts[:1] * len(anchors)], [*answered, *anchors])
        vectors, (alone, *others) = rows[: len(texts)], rows[len(texts) :]
        self.steady = min(float(alone @ other) for other in others)
        if self.steady < SAME:
            raise EncoderUnsteady(self.model, likeness=self.steady)
        self.scale = scale_of(vectors)
        if self.scale.told_apart < LEAST_APART:
            raise EncoderUnfit(self.model, told_apart=self.scale.told_apart, least=LEAST_APART)
        digest = (digest or self._digest(vectors))[:12]
        return Measured(f"{shortened(self.model, 60)}#{digest}@{len(alone)}", alone, self.scale)

    def _digest(self, vectors: Vectors) -> str:
        """What tells this model from others where its engine does not: the digest of the vectors it gave at first.

        Vectors differ in their last bits from call to call, so the first are kept and later ones compared.
        """
        try:
            kept = json.loads(self._keep.read_text("utf-8"))
            if likeness(kept["vectors"], vectors[:KEPT]) >= SAME:
                return str(kept["digest"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # there is none yet, or it is damaged
        digest = hashlib.sha256(vectors.tobytes()).hexdigest()[:12]
        fresh = self._keep.with_suffix(".new")
        try:
            fresh.write_text(json.dumps({"digest": digest, "vectors": vectors[:KEPT].round(5).tolist()}), "utf-8")
            fresh.replace(self._keep)
        except OSError as error:  # then the next start takes it for another model, and makes its frames anew
            log.warning("the encoder's first vectors cannot be kept", extra={"reason": str(error)})
        return digest

    def _let_go(self) -> None:
        if self._embedder is not None:
            self._embedder.upstream.close()
            self._embedder = None


def _remedy(trouble: EncoderFailed) -> str:
    """What to do about *trouble*: a model that Ollama lacks is to be pulled, of what else it is the settings decide."""
    missing = isinstance(trouble.__cause__, ModelMissing)
    return problem_of(trouble.__cause__ if missing and trouble.__cause__ else trouble).remedy
