"""Drafts put together from the subjects' sentences, with a true fact that only one of them holds: every N and place.

Each draft makes two or three of the points that all know, in one of two wordings, so most points are said by several.
The fact is a sentence that only one agent knows; an off-topic one, a fact of another subject, stands in another draft.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from tests.eval.topics import Topic, topics

SIZES = range(3, 10)
_EACH = 6  # cases for every size and place: 210 in all


@dataclass(frozen=True)
class Planted:
    """One case. Draft 0 is the base and lacks the fact. ``key``: a word that tells the fact, in lower case."""

    question: str
    drafts: tuple[tuple[str, ...], ...]  # sentences of each
    place: int
    fact: str
    key: str
    off_topic: str


def planted(*, echo: bool = False) -> Iterator[Planted]:
    """All cases, the same in every run; with *echo* a second draft says the fact too, in other words."""
    random, known, count = Random(7), topics(), 0
    for size in SIZES:
        for place in range(1, size):
            for _ in range(_EACH):
                topic, other = known[count % len(known)], known[(count + 11) % len(known)]
                which = 0 if echo else (count // len(known)) % len(topic.complements)
                yield _case(topic, other.complements[(which + 1) % 3], size, place, which, random, echo=echo)
                count += 1


def contradicted(size: int = 5) -> Iterator[tuple[Planted, str]]:
    """Drafts of which one holds a sentence that contradicts a point of the others, and that sentence."""
    random = Random(11)
    for at, topic in enumerate(topics()):
        for which, sentence in enumerate(topic.contradictions):
            place = 1 + (at + which) % (size - 1)
            case = _case(topic, "", size, place, 0, random, echo=False)
            points = [said for said in _points(topic, random, 3) if said != sentence]
            drafts = [tuple(points) if draft == 0 else _points(topic, random) for draft in range(size)]
            drafts[place] = (sentence, *topic.complements[:1])
            yield replace(case, drafts=tuple(drafts)), sentence


def _case(topic: Topic, off_topic: str, size: int, place: int, which: int, random: Random, *, echo: bool) -> Planted:
    drafts = [list(_points(topic, random)) for _ in range(size)]
    fact, others = topic.complements[which], [at for at in range(1, size) if at != place]
    _insert(drafts[place], fact, random)
    if echo:
        _insert(drafts[others[-1]], topic.echo, random)
    if off_topic:
        _insert(drafts[others[0]], off_topic, random)
    return Planted(topic.question, tuple(map(tuple, drafts)), place, fact, topic.keys[which], off_topic)


def _points(topic: Topic, random: Random, count: int = 0) -> tuple[str, ...]:
    places = random.sample(range(3), count or random.choice((2, 3)))
    return tuple(random.choice((topic.peers, topic.repeats))[at] for at in places)


def _insert(draft: list[str], sentence: str, random: Random) -> None:
    draft.insert(random.randint(0, len(draft)), sentence)
