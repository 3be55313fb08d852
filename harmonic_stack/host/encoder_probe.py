"""The declared encoder as a start would find it now, for `doctor` while no stack runs."""

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from harmonic_stack.config import Encoder as Settings
from harmonic_stack.declared_encoder import DeclaredEncoder
from harmonic_stack.engine.embeddings import Embedder
from harmonic_stack.host.encoder_site import reach_encoder
from launcher import reached_ollama
from ommatidia import Encoder

# How long an Ollama that runs already keeps the model after this look.
_HOLD = "1m"


async def probe_encoder(settings: Settings, keep: Path, *, launched: bool, connect_seconds: float) -> Mapping[str, Any]:
    """Measure the model that *settings* declare; the answer is ``encoder`` of ``status``, ``tag`` "" where it is unfit.

    *launched*: a start launches the Ollama that holds it, so that is served for as long as this takes. *keep* is where
    the daemon keeps the vectors that it knows the model by: read, and left as it is.

    Raises:
        LauncherError: the Ollama that a start would launch does not start.
    """

    async def reach() -> Embedder:
        found = await reach_encoder(asked, None, connect_seconds=connect_seconds)
        return replace(found, keep_alive=_HOLD)

    async with AsyncExitStack() as parts:
        asked = settings
        if launched:
            _, api = await parts.enter_async_context(reached_ollama(None))
            asked = settings.model_copy(update={"engine": api.url})
        own = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="harmonic-encoder-"))) / "encoder.json"
        with suppress(FileNotFoundError):
            shutil.copyfile(keep, own)
        found = DeclaredEncoder(asked, reach, _unprepared, own)
        try:
            await found.look()
            return {"tag": "" if found.encoder is None else found.encoder.tag, "declared": found.as_dict()}
        finally:
            await found.aclose()


async def _unprepared(_: Encoder) -> None:
    """A look encodes nothing beside the shipped sentences."""
