"""Where each sentence of several texts stands: is it to the point, and does another text say it too?

Two ways to tell, with one result. ``by_cosine`` asks an encoder that knows meaning. ``by_words`` asks the words
themselves: hashed vectors are too coarse for one sentence (two unrelated ones differ from cosine 0 by about
1/sqrt(512) = 0.04, as much as one shared word among many makes), so it compares stems exactly and counts kin ones too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ommatidia.encode import Encoder
from ommatidia.words import content_stems, kin

Figures = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]
Texts = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Standing:
    """For every sentence, text after text: how far it is to the point, and how near the nearest one elsewhere is.

    ``relevance`` = likeness to the question + mean likeness to the other texts. ``closest`` = likeness to the nearest
    sentence of any other text, 0 where there is none. ``said`` = how much of it the other texts say all together; not
    less than ``closest``. ``first`` and ``said_first`` are the same two against the first text alone. ``alike``: the
    sentences of other texts, the first aside, as (place, likeness that holds both ways), the most alike first.
    """

    relevance: tuple[float, ...]
    closest: tuple[float, ...]
    said: tuple[float, ...]
    first: tuple[float, ...] = ()
    said_first: tuple[float, ...] = ()
    alike: tuple[tuple[tuple[int, float], ...], ...] = ()


def by_cosine(question: str, texts: Texts, encoder: Encoder) -> Standing:
    """Tell by the cosines of *encoder*'s vectors; ``said`` is ``closest``: a vector has no parts."""
    sentences = [sentence for text in texts for sentence in text]
    vectors = encoder.encode([question, *(" ".join(text) for text in texts), *sentences])
    whole, single = vectors[1 : len(texts) + 1], vectors[len(texts) + 1 :]
    owners = _owners(texts)
    likeness = single @ single.T
    closest, first = _closest(likeness, owners), _first(likeness, owners)
    relevance = _relevance(single @ vectors[0], single @ whole.T, owners)
    return _standing(relevance, closest, closest, first, first, _alike(likeness, owners))


def by_words(question: str, texts: Texts) -> Standing:
    """Tell by shared stems and their kin.

    1. Likeness to a text is the cosine of stem counts, a kin stem counting by its strength: what a text says often is
       its topic, so a word that a long text happens to hold weighs little.
    2. Likeness to another sentence is the share of this sentence's stems that stand in the other or have kin there.
    3. Said is that share over the question and all other texts together.
    """
    counts = _count(question, texts)
    told, reach = counts.with_kin(counts.whole), np.minimum(counts.with_kin(counts.single), 1)
    lengths = np.maximum(np.sqrt((counts.whole**2).sum(axis=1)), 1)
    others = [np.minimum(np.max(np.delete(told, text + 1, axis=0), axis=0), 1) for text in range(len(texts))]
    sentences = len(counts.spots)
    likeness, covered, said = _zeros(sentences, len(told)), _zeros(sentences, sentences), _zeros(sentences)
    said_first, base = _zeros(sentences), np.minimum(told[1], 1) if len(texts) else _zeros(0)
    # Sentence by sentence: a sentence holds a dozen of the stems, so this beats multiplying the whole tables.
    for at, (spot, owner) in enumerate(zip(counts.spots, counts.owners, strict=True)):
        if len(spot):
            likeness[at] = told[:, spot].sum(axis=1) / lengths / np.sqrt(len(spot))
            covered[at] = reach[:, spot].mean(axis=1)
            said[at] = others[owner][spot].mean()
            said_first[at] = base[spot].mean() if owner else 0
    closest, first = _closest(covered, counts.owners), _first(covered, counts.owners)
    relevance = _relevance(likeness[:, 0], likeness[:, 1:], counts.owners)
    said, said_first = np.maximum(said, closest), np.maximum(said_first, first)
    return _standing(relevance, closest, said, first, said_first, _alike(covered, counts.owners))


@dataclass(frozen=True, slots=True)
class _Counts:
    """Which stems stand where. Columns are the vocabulary; ``spots`` are the columns of each sentence's stems."""

    owners: Places
    spots: list[Places]
    single: Figures  # (sentences, vocabulary), ones and zeros
    whole: Figures  # (1 + texts, vocabulary), the question first: in how many sentences of it
    relatives: list[tuple[int, int, float]]

    def with_kin(self, table: Figures) -> Figures:
        """*table* with each stem's count raised by those of its kin, by their strength."""
        told = table.copy()
        for one, other, strength in self.relatives:
            told[:, one] += strength * table[:, other]
            told[:, other] += strength * table[:, one]
        return told


def _count(question: str, texts: Texts) -> _Counts:
    stems = [content_stems(sentence) for text in texts for sentence in text]
    asked, owners = content_stems(question), _owners(texts)
    columns = {word: place for place, word in enumerate(dict.fromkeys([*asked, *(w for ws in stems for w in ws)]))}
    spots = [np.array([columns[word] for word in dict.fromkeys(words)], dtype=np.intp) for words in stems]
    single, whole = _zeros(len(stems), len(columns)), _zeros(len(texts) + 1, len(columns))
    for row, spot in zip(single, spots, strict=True):
        row[spot] = 1
    whole[0, [columns[word] for word in asked]] = 1
    np.add.at(whole, owners + 1, single)
    return _Counts(owners, spots, single, whole, kin(list(columns)))


def _standing(
    relevance: Figures,
    closest: Figures,
    said: Figures,
    first: Figures,
    said_first: Figures,
    alike: tuple[tuple[tuple[int, float], ...], ...],
) -> Standing:
    return Standing(
        relevance=tuple(relevance.tolist()),
        closest=tuple(closest.tolist()),
        said=tuple(said.tolist()),
        first=tuple(first.tolist()),
        said_first=tuple(said_first.tolist()),
        alike=alike,
    )


def _relevance(to_question: Figures, to_texts: Figures, owners: Places) -> Figures:
    own = owners[:, None] == np.arange(to_texts.shape[1])
    others = np.maximum((~own).sum(axis=1), 1)
    figures: Figures = to_question + np.where(own, 0, to_texts).sum(axis=1) / others
    return figures


def _closest(to_sentences: Figures, owners: Places) -> Figures:
    figures: Figures = np.max(np.where(owners[:, None] == owners, 0, to_sentences), axis=1, initial=0)
    return figures


def _first(to_sentences: Figures, owners: Places) -> Figures:
    """The likeness of each sentence to the nearest one of the first text; 0 for the first text's own."""
    found: Figures = np.max(np.where((owners == 0)[None, :], to_sentences, 0), axis=1, initial=0)
    return np.where(owners == 0, 0, found).astype(np.float32)


# Less than this likeness both ways is not worth telling.
_ALIKE = 0.3


def _alike(to_sentences: Figures, owners: Places) -> tuple[tuple[tuple[int, float], ...], ...]:
    both = np.minimum(to_sentences, to_sentences.T)
    both = np.where((owners[:, None] == owners) | (owners == 0)[:, None] | (owners == 0)[None, :], 0, both)
    told = []
    for row in both:
        at = np.flatnonzero(row >= _ALIKE)  # few of many: only these are sorted
        at = at[np.argsort(-row[at], kind="stable")]
        told.append(tuple(zip(at.tolist(), row[at].tolist(), strict=True)))
    return tuple(told)


def _owners(texts: Texts) -> Places:
    return np.repeat(np.arange(len(texts)), [len(text) for text in texts]).astype(np.intp)


def _zeros(*shape: int) -> Figures:
    return np.zeros(shape, dtype=np.float32)
