"""What an embedding model is worth as the declared encoder: ``python -m tests.bench encoder CASES_DIR [URL MODEL]``.

CASES_DIR is that of ``tests.bench merging``. The model is the installed MiniLM, behind ``/v1/embeddings`` as if nobody
knew it, or MODEL at URL, the base address of an OpenAI-compatible engine. It is measured by the product's own path
(declared_encoder.py) at the width that the product gives it, and with its vectors brought to other widths before they
are served, each by several random matrices: one alone can be lucky. Prints Markdown.
"""

import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from harmonic_stack.config import Encoder as Settings
from harmonic_stack.declared_encoder import DeclaredEncoder
from harmonic_stack.host.encoder_site import reach_encoder
from ommatidia import Cached, Encoder, Hash512, best_encoder, project
from ommatidia.encode import Vectors
from ommatidia.projection import WIDEST, WIDTH
from ommatidia.scale import known_texts, scale_of
from tests.bench import frames, merging, routing
from tests.fake_engine import Act, fake_engine

Raw = Callable[[Sequence[str]], Vectors]
_TEXTS = 20_000  # those of all sets, so that each is encoded once
_SECONDS = 120.0  # for a call: a large model takes its time for a batch on a CPU
_WIDE, _DRAWS = 1024, 3


class Served:
    """An engine's model as it is: its vectors over HTTP, before any projection."""

    tag, dim = "served", 0

    def __init__(self, url: str, model: str) -> None:
        self._url, self._model = f"{url.rstrip('/').removesuffix('/v1')}/v1/embeddings", model

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Float32 of shape (n, the model's width)."""
        asked = {"model": self._model, "input": list(texts), "encoding_format": "float"}
        found = httpx.post(self._url, json=asked, timeout=_SECONDS, trust_env=False).raise_for_status().json()
        return np.array([item["embedding"] for item in sorted(found["data"], key=lambda item: item["index"])], "f4")


@asynccontextmanager
async def declared(name: str, raw: Raw) -> AsyncIterator[Encoder]:
    """The encoder that the product makes of *raw* behind ``/v1/embeddings``; raises what makes it refuse the model."""

    def answer(body: dict[str, Any]) -> Act:
        data = [{"index": at, "embedding": row.tolist()} for at, row in enumerate(raw(body["input"]))]
        return Act(whole=json.dumps({"data": data}).encode())

    async def nothing(_: Encoder) -> None:
        pass

    async with fake_engine(answer) as engine:
        settings = Settings(engine=engine.url, model=name, seconds=_SECONDS)
        with tempfile.TemporaryDirectory() as folder:
            found = DeclaredEncoder(
                settings,
                lambda: reach_encoder(settings, None, connect_seconds=5.0),
                nothing,
                Path(folder) / "encoder.json",
            )
            try:
                await found.look()
                if found.encoder is None:
                    raise found.trouble or RuntimeError(name)
                yield Cached(found.encoder, _TEXTS)
            finally:
                await found.aclose()


class Whole:
    """A model at its own width, however wide, with the thresholds that the product would carry over."""

    def __init__(self, model: str, source: Encoder) -> None:
        known = source.encode(known_texts())
        self.dim = known.shape[1]
        self.tag, self.scale, self._source = f"{model}, never projected", scale_of(known), source

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Float32 of shape (n, dim), rows of length 1."""
        return project(self._source.encode(texts), width=self.dim)


def arms_of(model: str, source: Encoder, own: int) -> dict[str, Raw]:
    """What is served, by name: the model as it is, and brought to other widths."""

    def narrowed(seed: int) -> Raw:
        return lambda texts: project(source.encode(texts), seed)

    def widened(seed: int) -> Raw:
        """The same cosines among more numbers, which the product then projects to 512."""
        basis, _ = np.linalg.qr(np.random.default_rng([own, seed]).standard_normal((max(_WIDE, own), own)))
        turned = basis.T.astype(np.float32)
        return lambda texts: source.encode(texts) @ turned

    arms: dict[str, Raw] = {model: source.encode}
    arms |= {f"{model} as {WIDTH}, {draw}": narrowed(draw) for draw in range(_DRAWS)}
    return arms | {f"{model} as {_WIDE}, {draw}": widened(draw) for draw in range(_DRAWS)}


def kept_table(cases: Sequence[merging.Case], encoders: Sequence[Encoder]) -> str:
    """What is told apart of the shipped pairs, and what of the planted sentences reaches the answer."""
    lines = [
        "| encoder | shipped pairs (AUC) | fact in the answer % | off-topic appended % | points appended |",
        "|---|---|---|---|---|",
    ]
    groups = [case["question"] for case in cases]
    for encoder in encoders:
        found, apart = merging.retain(cases, encoder), scale_of(encoder.encode(known_texts())).told_apart
        figures = []
        for values in ([float(kept) for kept in found.fact], [float(kept) for kept in found.off_topic]):
            low, high = merging.interval(values, groups)
            figures.append(f"{100 * statistics.mean(values):.1f} [{100 * low:.1f}, {100 * high:.1f}]")
        lines.append(f"| {encoder.tag} | {apart:.3f} | {' | '.join(figures)} | {statistics.mean(found.points):.2f} |")
    return "\n".join(lines)


def routed_table(encoders: Sequence[Encoder]) -> str:
    """Which agent a query goes to: top-1, and the right one among the first two."""
    halves = ("held", "fresh", "clean")
    lines = [f"| encoder | {' | '.join(f'{half} top-1 | top-2' for half in halves)} |", "|---" * 7 + "|"]
    for encoder in encoders:
        ranks, figures = routing.router(encoder), []
        for half in halves:
            places = routing.placed(routing.queries(half), ranks)
            figures += [f"{statistics.mean(place < most for place in places):.2f}" for most in (1, 2)]
        lines.append(f"| {encoder.tag} | {' | '.join(figures)} |")
    return "\n".join(lines)


async def compare(folder: Path, url: str, model: str) -> str:
    """All tables: the installed encoders, then the model at its own width and at others."""
    installed: Encoder = Cached(best_encoder(), _TEXTS)
    source: Encoder = Cached(Served(url, model), _TEXTS) if url else installed
    own = source.encode(known_texts()[:1]).shape[1]
    cases = merging.load(folder / "open.jsonl.gz")
    async with AsyncExitStack() as served:
        encoders = [Cached(Hash512(), _TEXTS), installed]
        if own > WIDEST:
            encoders.append(Whole(model, source))
        arms = arms_of(model, source, own)
        encoders += [await served.enter_async_context(declared(name, raw)) for name, raw in arms.items()]

        def tables() -> list[str]:
            return [
                kept_table(cases, encoders),
                frames.auc_table(encoders),
                frames.disagreement_table(encoders, failures=False),
                routed_table(encoders),
            ]

        return "\n\n".join([f"{model}: {own} numbers a vector", *await asyncio.to_thread(tables)])


def main(arguments: Sequence[str]) -> int:
    """Print all tables; 2 where the words are not understood."""
    if len(arguments) not in (1, 3) or not Path(arguments[0]).is_dir():
        sys.stderr.write("usage: python -m tests.bench encoder CASES_DIR [URL MODEL]\n")
        return 2
    url, model = arguments[1:] or ("", "minilm")
    sys.stdout.write(asyncio.run(compare(Path(arguments[0]), url, model)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
