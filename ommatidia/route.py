"""Which agent fits a query: a prototype learnt from each agent's example queries, and its keywords."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ommatidia.encode import Encoder, Vectors
from ommatidia.words import stem, tokens

# The description counts less than real queries: it names the role, not what people ask of it.
_DESCRIPTION = 0.3
# A first keyword adds 0.15, a second 0.075, and so on towards 0.3: about what separates the prototypes of hashed
# vectors, so that keywords decide where letters cannot and a clear likeness still wins.
_KEYWORDS = 0.3


@dataclass(frozen=True, slots=True)
class Examples:
    """What an agent says of itself: a description, queries it should get, and words that mark its field."""

    description: str = ""
    examples: Sequence[str] = ()
    keywords: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Ranked:
    """One agent's fit to a query.

    ``score`` = ``likeness`` (cosine to the prototype) + the keyword score of ``keywords`` (those found). ``margin`` is
    the score less the best other agent's: above 0 for the first alone, the whole score where there is no other.
    """

    name: str
    score: float
    margin: float
    likeness: float
    keywords: tuple[str, ...] = ()


class _Keywords:
    """An agent's keywords, found in a query whatever their inflection; one of several words must stand there whole."""

    def __init__(self, keywords: Sequence[str]) -> None:
        self._stems = {keyword: _stems(keyword) for keyword in keywords}

    def found(self, query: str) -> tuple[str, ...]:
        """The keywords that stand in *query*."""
        said = f" {_stems(query)} "
        return tuple(keyword for keyword, stems in self._stems.items() if stems and f" {stems} " in said)


class Prototypes:
    """What was learnt of each agent. Immutable; learn again when the crew changes."""

    def __init__(self, names: Sequence[str], vectors: Vectors, keywords: Sequence[_Keywords], encoder: Encoder) -> None:
        self._names, self._vectors, self._keywords, self._encoder = tuple(names), vectors, tuple(keywords), encoder

    @classmethod
    def learn(cls, agents: Mapping[str, Examples], encoder: Encoder) -> "Prototypes":
        """Learn one prototype an agent: unit(mean of its examples + 0.3 x its description)."""
        rows = [_prototype(known, encoder) for known in agents.values()]
        vectors = np.stack(rows) if rows else np.zeros((0, encoder.dim), dtype=np.float32)
        return cls(list(agents), vectors, [_Keywords(known.keywords) for known in agents.values()], encoder)

    def rank(self, query: str) -> list[Ranked]:
        """Rank all agents for *query*, the best first; equal ones in the order in which they were given."""
        likeness = self._vectors @ self._encoder.encode([query])[0]
        found = [keywords.found(query) for keywords in self._keywords]
        scores = [
            float(cosine) + _KEYWORDS * (1 - 0.5 ** len(words)) for cosine, words in zip(likeness, found, strict=True)
        ]
        order = sorted(range(len(scores)), key=lambda at: -scores[at])
        ranked = []
        for at in order:
            rival = next((scores[other] for other in order if other != at), 0.0)
            ranked.append(Ranked(self._names[at], scores[at], scores[at] - rival, float(likeness[at]), found[at]))
        return ranked


def _prototype(known: Examples, encoder: Encoder) -> Vectors:
    vectors = encoder.encode([known.description, *known.examples])
    learnt = _DESCRIPTION * vectors[0] + (vectors[1:].mean(axis=0) if len(vectors) > 1 else 0)
    length = float(np.linalg.norm(learnt))
    unit: Vectors = (learnt / length if length else learnt).astype(np.float32)
    return unit


def _stems(text: str) -> str:
    return " ".join(stem(token) for token in tokens(text))
