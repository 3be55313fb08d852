"""The judge of ties measured in the background, once for each model, while nobody asks anything."""

import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harmonic_stack.answer.fitness import NEEDED, PAIRS, Fitness, exam_digest
from harmonic_stack.answer.judge import ASKED, first_candidates, likelihood
from harmonic_stack.chat_client import ChatCall
from harmonic_stack.conductor import Conductor
from harmonic_stack.errors import EngineStreamFailed
from harmonic_stack.idle import LAST, InBackground, while_idle
from harmonic_stack.query import Message
from harmonic_stack.run import Served

log = logging.getLogger(__name__)
UNTOLD = "the engine tells no token probabilities"
# Seconds without a query before it begins or goes on: whoever types the next message waits for no prompt of ours.
QUIET = 10.0
# Models whose figures are kept, the newest ones.
MOST_MODELS = 64


class Examining(InBackground):
    """Asks a model of each pair's two answers; ``fitness`` is how far it is. What it has found outlives the daemon.

    A query stops it at once, and it goes on with the same pair when none was under way for ``quiet`` seconds.
    """

    def __init__(
        self, pool: Served, conductor: Conductor, *, keep: Path | None, model: str, enabled: bool = True
    ) -> None:
        """*keep* is the file of what is known of models, in which this one is called *model*; None: it is not kept."""
        self._pool, self._conductor, self._keep, self._model = pool, conductor, keep, model
        self._enabled, self.quiet = enabled, QUIET
        self.fitness = self._known() or Fitness()
        self.rested = asyncio.Event()  # set while nothing is to be asked: done, given up, or not begun
        self.rested.set()

    def begin(self) -> None:
        """Start in the background, where there is anything to find out; nothing waits for it."""
        if self._enabled and self.fitness.fit is None and "logprobs" in self._pool.can:
            self.rested.clear()
            self._start(self._run(), "examining")

    def as_dict(self) -> dict[str, Any]:
        """How far it is, and what came out: ``fit`` is None while that is not known."""
        can = "logprobs" in self._pool.can
        found = self.fitness
        return {
            "enabled": self._enabled,
            "model": self._pool.model,
            "fit": found.fit if can else None,
            "right": found.right,
            "asked": found.asked,
            "pairs": len(PAIRS),
            "needed": NEEDED,
            "reason": (found.reason or None) if can else UNTOLD,
        }

    async def _run(self) -> None:
        try:
            quiet = self.quiet
            while self.fitness.fit is None:
                done = await while_idle(self._conductor, self._next(), quiet=quiet)
                quiet = 0.0 if done and self._conductor.idle.is_set() else self.quiet
                if self.fitness.reason and self.fitness.fit is None:  # it may do better after the next query
                    self.rested.set()
                    await self._conductor.busy.wait()
            log.info("the judge was measured", extra={"model": self._pool.model, "figures": self.fitness.words()})
            if not self.fitness.reason:
                await asyncio.to_thread(self._note)
        finally:
            self.rested.set()

    async def _next(self) -> None:
        """One pair; what went wrong is noted, and the pair is still to be asked."""
        pair = PAIRS[self.fitness.asked]
        try:
            async with self._pool.slots.slot(LAST):
                right, wrong = [await self._told(pair.asked(answer)) for answer in (pair.right, pair.wrong)]
        except EngineStreamFailed as error:
            self.fitness = Fitness(self.fitness.right, self.fitness.asked, reason=str(error))
            return
        if not (right or wrong):
            self.fitness = Fitness(asked=len(PAIRS), reason=UNTOLD)
            return
        self.fitness = self.fitness.after(likelihood(right), likelihood(wrong))

    async def _told(self, messages: list[Message]) -> Mapping[str, float]:
        """The candidates for the judge's one word."""
        found: dict[str, float] = {}
        call = ChatCall(self._pool.model, messages, ASKED)
        await self._pool.client.stream_chat(call, lambda _text, _pieces: None, first_candidates(found))
        return found

    def _known(self) -> Fitness | None:
        """What an earlier daemon found, with these very pairs."""
        found = self._kept().get(self._model)
        return None if found is None else Fitness(right=found, asked=len(PAIRS))

    def _kept(self) -> dict[str, int]:
        try:
            kept = {} if self._keep is None else json.loads(self._keep.read_text("utf-8"))
            models = kept["models"] if kept["exam"] == exam_digest() else {}
            return {str(model): int(right) for model, right in models.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}  # there is none yet, or it is damaged

    def _note(self) -> None:
        if self._keep is None:
            return
        models = {**self._kept(), self._model: self.fitness.right}
        newest = dict(list(models.items())[-MOST_MODELS:])
        fresh = self._keep.with_suffix(".new")
        try:
            fresh.write_text(json.dumps({"exam": exam_digest(), "models": newest}), "utf-8")
            fresh.replace(self._keep)
        except OSError as error:
            log.warning("the judge's figures are not kept", extra={"path": str(self._keep), "reason": str(error)})
