"""What frames tell apart, and what they cost: ``python -m tests.bench frames [--failures]``. Prints Markdown.

Sentences of tests/eval/topics.txt: ``repeat`` says what peers say in other words, ``complement`` adds to it, off topic
is a complement of another subject. 216 items; intervals draw whole subjects.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ommatidia import Cached, Encoder, Hash512, agreement, best_encoder, novelty, relevance
from ommatidia.disagree import about_one_thing, claim, evidence
from ommatidia.encode import Vectors
from tests.eval.topics import Topic, topics

_RESAMPLES = 2000
_APART = 11  # subjects from one to the next that is off its topic
Scores = list[tuple[list[float], list[float], list[float]]]  # of each subject: repeats, complements, off topic


def newness(peers: Vectors, items: Vectors) -> list[float]:
    """How much of each item its peers do not span."""
    return [float(novelty(np.vstack([item[None], peers]))[0]) for item in items]


def to_the_point(question: Vectors, peers: Vectors, items: Vectors) -> list[float]:
    """Likeness to the question plus mean likeness to the peers."""
    return [float(relevance(np.vstack([item[None], peers]), question)[0]) for item in items]


def scored(encoder: Encoder) -> tuple[Scores, Scores]:
    """Novelty and relevance of every item against the peers of its subject."""
    known, new, fit = topics(), [], []
    for at, topic in enumerate(known):
        other = known[(at + _APART) % len(known)]
        question, *rest = encoder.encode([topic.question, *topic.peers])
        peers = np.stack(rest)
        groups = [encoder.encode(texts) for texts in (topic.repeats, topic.complements, other.complements)]
        new.append(tuple(newness(peers, group) for group in groups))
        fit.append(tuple(to_the_point(question, peers, group) for group in groups))
    return new, fit


def auc(high: Sequence[float], low: Sequence[float]) -> float:
    """The chance that one of *high* scores above one of *low*."""
    one, other = np.array(high)[:, None], np.array(low)[None]
    return float((one > other).mean() + 0.5 * (one == other).mean())


def drawn(scores: Scores, above: int, below: int) -> str:
    """The AUC of one group above another, with its 95 % interval over subjects."""

    def over(places: npt.NDArray[np.intp]) -> float:
        high = [value for at in places for value in scores[at][above]]
        return auc(high, [value for at in places for value in scores[at][below]])

    random = np.random.default_rng(0)
    spread = [over(random.integers(0, len(scores), len(scores))) for _ in range(_RESAMPLES)]
    low, high = np.percentile(spread, [2.5, 97.5])
    return f"{over(np.arange(len(scores))):.3f} [{low:.3f}, {high:.3f}]"


def auc_table(encoders: Sequence[Encoder]) -> str:
    """What each encoder tells apart."""
    lines = [
        "| encoder | novelty: complement > repeat | relevance: complement > off topic | repeat > off topic |",
        "|---|---|---|---|",
    ]
    for encoder in encoders:
        new, fit = scored(encoder)
        lines.append(f"| {encoder.tag} | {drawn(new, 1, 0)} | {drawn(fit, 1, 2)} | {drawn(fit, 0, 2)} |")
    return "\n".join(lines)


def flagged(topic: Topic, sentences: Sequence[str], encoder: Encoder) -> list[tuple[str, ...]]:
    """The evidence against each sentence, beside the subject's points in other words; empty where none is found."""
    texts = [*sentences, *topic.repeats]
    claims, vectors = [claim(text) for text in texts], encoder.encode(texts)
    alike = about_one_thing(claims, vectors @ vectors.T, encoder)
    return [
        next((why for other in range(len(sentences), len(texts)) if alike[at, other]
              and (why := evidence(claims[at], claims[other]))), ())
        for at in range(len(sentences))
    ]  # fmt: skip


def disagreement_table(encoders: Sequence[Encoder], *, failures: bool) -> str:
    """Contradictions, points and complements against points in other words: what is flagged."""
    lines = ["| encoder | contradictions | flagged (recall) | flags that are right (precision) |", "|---|---|---|---|"]
    wrong: list[str] = []
    for encoder in encoders:
        hits = false = total = 0
        for topic in topics():
            true = flagged(topic, topic.contradictions, encoder)
            others = [*topic.peers, *topic.complements]
            rest = flagged(topic, others, encoder)
            hits, total, false = hits + sum(map(bool, true)), total + len(true), false + sum(map(bool, rest))
            if encoder is encoders[-1]:
                wrong += [f"- missed: {said}" for said, why in zip(topic.contradictions, true, strict=True) if not why]
                wrong += [f"- false, {'; '.join(why)}: {said}" for said, why in zip(others, rest, strict=True) if why]
        lines.append(f"| {encoder.tag} | {total} | {hits / total:.2f} | {hits / max(hits + false, 1):.2f} |")
    return "\n".join([*lines, *(["", *wrong] if failures else [])])


_LOAD = """
import time
import numpy, ommatidia
def rss(): return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
before, start = rss(), time.perf_counter()
encoder = ommatidia.best_encoder()
took = time.perf_counter() - start
encoder.encode(["A sentence that is encoded first."])
small = rss()
encoder.encode([f"Sentence {at} tells of something else at some length, as drafts do." * (at % 9) for at in range(99)])
print(f"{encoder.tag} {took:.2f} {small - before:.0f} {rss() - before:.0f}")
"""


def cost_table(encoders: Sequence[Encoder]) -> str:
    """Load time and memory in a fresh process; medians of encoding and of all relations of 16 drafts."""
    loaded = subprocess.run([sys.executable, "-c", _LOAD], capture_output=True, text=True, check=True).stdout.split()
    sentences = [said for topic in topics() for said in (*topic.peers, *topic.complements)][:64]
    lines = [
        f"{loaded[0]}: loaded in {loaded[1]} s, memory +{loaded[2]} MB, after 99 texts +{loaded[3]} MB",
        "",
        "| encoder | one sentence, ms | 64, ms each | relations of 16 drafts, ms | disagreements of 64 sentences, ms |",
        "|---|---|---|---|---|",
    ]
    for encoder in encoders:
        drafts = encoder.encode(sentences[:16])
        vectors = encoder.encode(sentences)
        one = _median(lambda encoder=encoder: encoder.encode(sentences[:1]))
        many = _median(lambda encoder=encoder: encoder.encode(sentences), 3) / len(sentences)
        related = _median(lambda drafts=drafts: (novelty(drafts), relevance(drafts, drafts[0]), agreement(drafts)))

        def differ(vectors: Vectors = vectors, encoder: Encoder = encoder) -> None:
            claims = [claim(said) for said in sentences]
            for at, other in zip(*np.nonzero(about_one_thing(claims, vectors @ vectors.T, encoder)), strict=True):
                evidence(claims[at], claims[other])

        took = [f"{1000 * seconds:.2f}" for seconds in (one, many, related, _median(differ))]
        lines.append(f"| {encoder.tag} | {' | '.join(took)} |")
    return "\n".join(lines)


def _median(step: Callable[[], object], repeats: int = 25) -> float:
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def main(arguments: Sequence[str]) -> int:
    """Print all tables, with --failures also what the disagreement flag gets wrong."""
    encoders: list[Encoder] = [Hash512()]
    if best_encoder().tag != Hash512.tag:
        encoders.append(best_encoder())
    known: list[Encoder] = [Cached(encoder, 2000) for encoder in encoders]
    told = disagreement_table(known, failures="--failures" in arguments)
    sys.stdout.write("\n\n".join([auc_table(known), told, cost_table(encoders)]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
