"""Which agent fits a query: a prototype learnt from each agent's example queries, the closest of them, and keywords."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ommatidia.encode import Encoder, Vectors
from ommatidia.words import stem, tokens

# The description counts less than real queries: it names the role, not what people ask of it.
_DESCRIPTION = 0.3
# The closest examples count beside the prototype: a role covers several subjects, and their mean is none of them. Both
# figures by leaving one training query out after another (docs/ommatidia.md, "Routing").
_NEAREST = 2
_NEAR = 0.5
# What an agent's keywords add at most: a first adds half of it, a second a quarter, and so on. About what separates the
# prototypes of hashed vectors, so that keywords decide where letters cannot and a clear likeness still wins; an encoder
# that knows meaning needs them less.
_KEYWORDS = {"hash512-2": 0.3}
_KEYWORDS_OTHERWISE = 0.15


@dataclass(frozen=True, slots=True)
class Examples:
    """What an agent says of itself: a description, queries it should get, and words that mark its field."""

    description: str = ""
    examples: Sequence[str] = ()
    keywords: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Ranked:
    """One agent's fit to a query.

    ``score`` = ``likeness`` + the keyword score of ``keywords`` (those found). ``likeness``: the cosine to the
    prototype with, half as heavy, the mean cosine to the two closest examples. ``margin``: the score less the best
    other agent's, so above 0 for the first alone; the whole score where there is no other.
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

    def found(self, said: str) -> tuple[str, ...]:
        """The keywords that stand in a query, given as the stems of its words."""
        said = f" {said} "
        return tuple(keyword for keyword, stems in self._stems.items() if stems and f" {stems} " in said)


@dataclass(frozen=True, slots=True, eq=False)
class _Learnt:
    """One agent: the prototype, shape (dim,); its examples, shape (n, dim); its keywords."""

    prototype: Vectors
    examples: Vectors
    keywords: _Keywords

    def likeness(self, query: Vectors) -> float:
        """How like the agent's queries *query* is, -1..1."""
        near = np.sort(self.examples @ query)[-_NEAREST:]
        closest = near.mean() if len(near) else self.prototype @ query
        return float((self.prototype @ query + _NEAR * closest) / (1 + _NEAR))


class Prototypes:
    """What was learnt of each agent. Immutable; learn again when the crew changes."""

    def __init__(self, agents: Mapping[str, _Learnt], encoder: Encoder) -> None:
        self._names, self._agents, self._encoder = tuple(agents), tuple(agents.values()), encoder

    @classmethod
    def learn(cls, agents: Mapping[str, Examples], encoder: Encoder) -> "Prototypes":
        """Learn one prototype an agent: unit(mean of its examples + 0.3 x its description)."""
        return cls({name: _learnt(known, encoder) for name, known in agents.items()}, encoder)

    def rank(self, query: str) -> list[Ranked]:
        """Rank all agents for *query*, the best first; equal ones in the order in which they were given."""
        vector = self._encoder.encode([query])[0]
        likeness = [agent.likeness(vector) for agent in self._agents]
        said = _stems(query)
        found = [agent.keywords.found(said) for agent in self._agents]
        most = _KEYWORDS.get(self._encoder.tag, _KEYWORDS_OTHERWISE)
        scores = [cosine + most * (1 - 0.5 ** len(words)) for cosine, words in zip(likeness, found, strict=True)]
        order = sorted(range(len(scores)), key=lambda at: -scores[at])
        ranked = []
        for at in order:
            rival = next((scores[other] for other in order if other != at), 0.0)
            ranked.append(Ranked(self._names[at], scores[at], scores[at] - rival, likeness[at], found[at]))
        return ranked


def _learnt(known: Examples, encoder: Encoder) -> _Learnt:
    vectors = encoder.encode([known.description, *known.examples])
    mean = _DESCRIPTION * vectors[0] + (vectors[1:].mean(axis=0) if len(vectors) > 1 else 0)
    length = float(np.linalg.norm(mean))
    unit: Vectors = (mean / length if length else mean).astype(np.float32)
    return _Learnt(unit, vectors[1:], _Keywords(known.keywords))


def _stems(text: str) -> str:
    return " ".join(stem(token) for token in tokens(text))
